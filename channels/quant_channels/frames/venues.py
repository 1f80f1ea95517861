"""The readers by the name of their venue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from quant_channels.frames.binance import BinanceReader
from quant_channels.frames.bybit import BybitReader
from quant_channels.frames.coinbase import CoinbaseReader
from quant_channels.frames.deribit import DeribitReader
from quant_channels.frames.hyperliquid import HyperliquidReader
from quant_channels.frames.okx import OkxReader
from quant_channels.frames.parser import Parser, Reader, Wanted
from quant_channels.frames.said import KINDS, Kind
from quant_contracts.errors import ConfigError, nearest
from quant_contracts.instrument import Grid

READERS: Final[dict[str, Callable[[Wanted], Reader]]] = {
    "binance": BinanceReader,
    "binance_spot": BinanceReader,
    "binance_usdm": BinanceReader,
    "deribit": DeribitReader,
    "coinbase": CoinbaseReader,
    "okx": OkxReader,
    "bybit": BybitReader,
    "hyperliquid": HyperliquidReader,
}


def parser_of(
    venue: str, symbol: str, grid: Grid, instrument: str | None = None, kinds: frozenset[Kind] = KINDS
) -> Parser:
    """A parser for the frames of `symbol`, which the venue calls `instrument` where that differs.

    >>> from decimal import Decimal
    >>> parser = parser_of("binance", "BTCUSDT", Grid(Decimal("0.01"), Decimal("0.00001")))
    >>> frame = '{"u":7,"s":"BTCUSDT","b":"61837.00","B":"3.78826","a":"61838.00","A":"1.5"}'
    >>> [quote.mid for quote in parser.parse(frame, recv_ns=1_723_161_254_087_891_268)]
    [61837.5]
    >>> parser.parse(frame[:40], recv_ns=1_723_161_254_187_891_268), parser.refused
    ((Lost(recv_ns=1723161254187891268, reason='broken_json'),), {'broken_json': 1})
    """
    if venue not in READERS:
        raise ConfigError(f"no reader for the frames of venue {venue!r}; {nearest(venue, READERS)}")
    return Parser(READERS[venue](Wanted(symbol, grid, instrument or symbol, kinds)))
