"""What streams beside the bars share: reading recorded rows up to a moment, and keeping the last ones."""
