"""Trades and best prices: their as-of views and the features made of them."""
