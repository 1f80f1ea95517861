"""Order books: levels on whole ticks, the venues' rules of sequence, the sealed as-of view, its features."""
