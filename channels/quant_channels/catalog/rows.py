"""Blocks of the streams beside the bars as Arrow tables, and back without loss.

trades     ts, known, price, quantity, side, trade_id
quotes     ts, known, bid, bid_size, ask, ask_size
orderbook  ts, known, action, side, ticks, lots, sequence         tick and lot stand in the index
options    ts, known, expiry, strike, right, bid, ...             null where nothing was said
surface    ts, known, model, median_error, coverage, event        the whole event as JSON
sentiment  ts, known, doc_id, source, url, text, vader, ...       the fields of a document
"""

from __future__ import annotations

from decimal import Decimal
from math import nan
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from quant_contracts.blocks import Block, BookBlock, ChainBlock, EventBlock, QuoteBlock, TradeBlock
from quant_contracts.blocks.chain import COLUMNS, SAID
from quant_contracts.errors import DataError
from quant_contracts.events import Document, Premium, Surface
from quant_contracts.instrument import Grid

TRADE: Final = ("ts", "known", "price", "quantity", "side", "trade_id")
QUOTE: Final = ("ts", "known", "bid", "bid_size", "ask", "ask_size")
BOOK: Final = ("ts", "known", "action", "side", "ticks", "lots", "sequence")

DOCUMENT: Final = {
    "doc_id": pa.string(),
    "revision": pa.int64(),
    "is_deleted": pa.bool_(),
    "source": pa.string(),
    "url": pa.string(),
    "text": pa.string(),
    "relevance": pa.float64(),
    "weight": pa.float64(),
    "first_seen": pa.int64(),
    "ingested": pa.int64(),
    "is_assumed": pa.bool_(),
    "vader": pa.float64(),
}
"""Columns of a document that are fields of it, beside its times."""
FINBERT: Final = ("positive", "negative", "neutral")


def traits_of(block: Block) -> dict[str, str]:
    """What holds for every row of the stream that `block` belongs to, and stands in the index."""
    if isinstance(block, BookBlock):
        return {"tick": str(block.grid.tick), "lot": str(block.grid.lot)}
    if isinstance(block, ChainBlock):
        return {"premium": block.premium, "style": "american" if block.is_american else "european"}
    return {}


def encode(block: Block) -> pa.Table:
    """The rows of a block."""
    if isinstance(block, TradeBlock):
        return _table(block, TRADE)
    if isinstance(block, QuoteBlock):
        return _table(block, QUOTE)
    if isinstance(block, BookBlock):
        return _table(block, BOOK)
    if isinstance(block, ChainBlock):
        return _table(block, COLUMNS)
    assert isinstance(block, EventBlock)
    times = {
        "ts": [row.ts_event for row in block.rows],
        "known": [row.ts_known for row in block.rows],
    }
    columns = {name: pa.array(values, pa.int64()) for name, values in times.items()}
    documents = [row for row in block.rows if isinstance(row, Document)]
    surfaces = [row for row in block.rows if isinstance(row, Surface)]
    return pa.table(columns | (_surfaces(surfaces) if surfaces else _documents(documents)))


def decode(domain: str, symbol: str, traits: dict[str, str], table: pa.Table) -> Block:
    """The block that was encoded as `table`; raises DataError for a table of something else."""
    try:
        match domain:
            case "trades":
                return TradeBlock(symbol, **_columns(table, TRADE))
            case "quotes":
                return QuoteBlock(symbol, **_columns(table, QUOTE))
            case "orderbook":
                grid = Grid(Decimal(traits["tick"]), Decimal(traits["lot"]))
                return BookBlock(symbol, grid, **_columns(table, BOOK))
            case "options":
                american = traits["style"] == "american"
                premium: Premium = "inverse" if traits["premium"] == "inverse" else "linear"
                return ChainBlock(symbol, premium, is_american=american, **_columns(table, COLUMNS))
            case "surface":
                events = table.column("event").to_pylist()
                return EventBlock(symbol, tuple(_SURFACE.decode(event) for event in events))
            case _:
                return EventBlock(symbol, _read_documents(symbol, table))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise DataError(f"{symbol} {domain}: not rows of this domain: {error}") from None


_SURFACE: Final = msgspec.json.Decoder(Surface)


def _table(block: Any, names: tuple[str, ...]) -> pa.Table:
    arrays = {}
    for name in names:
        values = getattr(block, name)
        arrays[name] = pa.array(values, mask=np.isnan(values) if name in SAID else None)
    return pa.table(arrays)


def _columns(table: pa.Table, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _values(table.column(name)) for name in names}


def _values(column: Any) -> Any:
    """The values of a column. Its own `to_numpy` imports pandas wherever it can, a quarter of a second."""
    if column.null_count:
        column = column.fill_null(nan)
    return np.from_dlpack(column.combine_chunks())


def _surfaces(rows: list[Surface]) -> dict[str, Any]:
    return {
        "model": pa.array([row.model for row in rows], pa.string()),
        "median_error": pa.array([row.median_error for row in rows], pa.float64()),
        "coverage": pa.array([row.coverage for row in rows], pa.float64()),
        "event": pa.array([msgspec.json.encode(row).decode() for row in rows], pa.string()),
    }


def _documents(rows: list[Document]) -> dict[str, Any]:
    columns = {name: pa.array([getattr(row, name) for row in rows], kind) for name, kind in DOCUMENT.items()}
    for place, name in enumerate(FINBERT):
        values = [None if row.finbert is None else row.finbert[place] for row in rows]
        columns[name] = pa.array(values, pa.float64())
    columns["models"] = pa.array([msgspec.json.encode(row.models).decode() for row in rows], pa.string())
    return columns


def _read_documents(symbol: str, table: pa.Table) -> tuple[Document, ...]:
    made = []
    for row in table.to_pylist():
        ts, known = row.pop("ts"), row.pop("known")
        probabilities = tuple(row.pop(name) for name in FINBERT)
        models = msgspec.json.decode(row.pop("models"), type=tuple[str, ...])
        finbert = None if None in probabilities else probabilities
        made.append(Document(ts, known, symbol, finbert=finbert, models=models, **row))
    return tuple(made)
