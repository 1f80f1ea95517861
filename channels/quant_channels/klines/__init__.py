"""Bars: how they are cleaned, kept, resampled and shown to the engine, and the numbers made from them."""
