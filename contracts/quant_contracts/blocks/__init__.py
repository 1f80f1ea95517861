"""Many events of one stream at once, as columns: what feeds deliver and what handlers absorb in bulk.

    BarBlock     one row a closed bar
    TradeBlock   one row a trade
    QuoteBlock   one row a change of the best bid or ask
    BookBlock    one row a change of one price level, on whole ticks and lots
    ChainBlock   one row a quote of one option
    EventBlock   rare events as they are: documents, surfaces

Rows are in the order in which they became known. Columns are numpy arrays of equal length and are never
written to after the block is made.
"""

from quant_contracts.blocks.bars import BLOCK_ROWS, COLUMNS, BarBlock
from quant_contracts.blocks.book import GAP, RESET, SET, BookBlock
from quant_contracts.blocks.by_domain import block_of
from quant_contracts.blocks.chain import ChainBlock
from quant_contracts.blocks.columns import Block, Column, Times
from quant_contracts.blocks.rare import EventBlock
from quant_contracts.blocks.ticks import QuoteBlock, TradeBlock

__all__ = [
    "BLOCK_ROWS",
    "COLUMNS",
    "GAP",
    "RESET",
    "SET",
    "BarBlock",
    "Block",
    "BookBlock",
    "ChainBlock",
    "Column",
    "EventBlock",
    "QuoteBlock",
    "Times",
    "TradeBlock",
    "block_of",
]
