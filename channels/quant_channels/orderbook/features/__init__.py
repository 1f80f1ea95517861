"""Feature channels over order books: what the sealed book at a step says of itself.

    prices      BidAskSpread, Mid, Microprice (of a book, or of quotes)
    imbalance   BookImbalance (of a book, or of quotes)
    depth       BookDepth, DepthImbalance, BookSlope

None of them remembers anything: each has a value with the first book.
"""

from quant_channels.orderbook.features.depth import BookDepth, BookSlope, DepthImbalance
from quant_channels.orderbook.features.imbalance import BookImbalance
from quant_channels.orderbook.features.prices import BidAskSpread, Microprice, Mid

__all__ = ["BidAskSpread", "BookDepth", "BookImbalance", "BookSlope", "DepthImbalance", "Microprice", "Mid"]
