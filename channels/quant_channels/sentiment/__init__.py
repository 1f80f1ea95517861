"""Documents: what people write, when it was known, and the numbers made from it."""
