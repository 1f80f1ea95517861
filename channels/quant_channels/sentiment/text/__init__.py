"""Text into numbers: pure functions of a text, with neither a clock nor a network."""
