"""The account: what the fills made of it."""
