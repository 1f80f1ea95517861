"""How files of option quotes are laid out: which column says what, in which unit, and when it was known.

    deribit_chain         one snapshot without its time, which is declared or worked out from `t_years`
    deribit_book_summary  best prices and marks of the whole chain, each with its time
    deribit_tickers       the same with sizes, from the tickers of single options
    us_minute_quotes      best prices at the end of a minute, in minutes that changed something
    us_eod                the last price of a day and the volatility in it

At Deribit premiums and sizes are in coin, volatilities in percent. In the US premiums are in dollars a share
and sizes in contracts of 100 shares; expiries are dates, and end at a time of day that the file does not say.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from quant_contracts.events import Premium
from quant_contracts.units import DAY, MILLISECOND, MINUTE, Nanos

LayoutName: TypeAlias = Literal[
    "deribit_chain", "deribit_book_summary", "deribit_tickers", "us_minute_quotes", "us_eod"
]

SHARES: Final = 100.0
"""Shares in a contract of US options."""

DECIMALS_OF_YEARS: Final = 5
"""To which `t_years` is rounded in a `deribit_chain`."""


class ChainLayout(msgspec.Struct, frozen=True):
    """What the columns of one kind of file mean."""

    premium: Premium
    said: dict[str, str]
    """Of the fields of a quote those that the file has, each with its column."""
    time: str | None
    """Column of the time, None where there is none."""
    time_unit: Nanos | None = MILLISECOND
    """None where the column's type says it."""
    known_after: Nanos = 0
    """A row became known this long after its time."""
    expiry: str = "expiry_ms"
    has_dates: bool = False
    """True where an expiry is a date."""
    percent: tuple[str, ...] = ()
    """Fields that are in percent."""
    contracts: tuple[str, ...] = ()
    """Fields that are in contracts."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything that is read of such a file."""
        time = "t_years" if self.time is None else self.time
        return (time, self.expiry, "strike", "right", *self.said.values())


COIN: Final = {
    "bid": "bid_price",
    "ask": "ask_price",
    "mark": "mark_price",
    "forward": "underlying_price",
    "open_interest": "open_interest",
}

LAYOUTS: Final[dict[LayoutName, ChainLayout]] = {
    "deribit_chain": ChainLayout(
        "inverse", COIN | {"mark_iv": "mark_iv_pct"}, time=None, percent=("mark_iv",)
    ),
    "deribit_book_summary": ChainLayout("inverse", COIN, "ts_ms"),
    "deribit_tickers": ChainLayout(
        "inverse",
        COIN | {"mark_iv": "mark_iv_pct", "bid_size": "bid_size", "ask_size": "ask_size"},
        "ts_ms",
        percent=("mark_iv",),
    ),
    "us_minute_quotes": ChainLayout(
        "linear",
        {name: name for name in ("bid", "bid_size", "ask", "ask_size")},
        "bar_start_ms",
        known_after=MINUTE,
        expiry="expiry",
        has_dates=True,
        contracts=("bid_size", "ask_size"),
    ),
    "us_eod": ChainLayout(
        "linear",
        {"mark": "close", "mark_iv": "implied_volatility", "open_interest": "open_interest"},
        "date",
        None,
        known_after=DAY,
        expiry="expiry",
        has_dates=True,
        contracts=("open_interest",),
    ),
}
