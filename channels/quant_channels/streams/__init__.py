"""What streams share: reading rows up to a moment, keeping the last ones, counting what was wrong."""
