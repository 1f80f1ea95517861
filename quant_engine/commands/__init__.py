"""Commands that trade on paper and show what came of it."""
