"""What a recording holds where it does not hold what was asked for, and the settings that would read it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from quant_channels.frames.deribit import parse_option
from quant_channels.frames.parser import Wanted
from quant_channels.frames.said import Kind

SHOWN: Final = 12
"""Instruments that an error names."""

CURRENCIES: Final = ("", "USD", "USDT", "USDC")
"""What stands behind a coin's name in a symbol, where the venue names only the coin."""


def setting(name: str, value: str) -> str:
    """A setting of the source, as it is written on the command line and in a configuration.

    >>> setting("kind", "agg_trade")
    '--set kind=agg_trade (in a configuration "kind": "agg_trade")'
    """
    return f'--set {name}={value} (in a configuration "{name}": "{value}")'


def holds(wanted: Wanted) -> str:
    """The first instruments that were passed over, with their kinds."""
    held: dict[str, list[str]] = {}
    for instrument, kind in wanted.passed:
        held.setdefault(instrument, []).append(kind)
    names = [f"{' '.join(sorted(kinds))} of {of}" for of, kinds in sorted(held.items())]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def settings_for(wanted: Wanted, kinds: Collection[Kind]) -> str:
    """The settings that would read what was passed over; empty where nothing of it is the symbol's.

    `kinds` are all that the domain could be made of, the usual one first.
    """
    names: dict[str, list[str]] = {}
    for instrument, kind in wanted.passed:
        option = parse_option(instrument) if kind in {"ticker", "summary"} else None
        names.setdefault(instrument if option is None else option.underlying, []).append(kind)
    asked = [wanted.instrument, *(name for name in sorted(names) if is_named(name, wanted.symbol))]
    for name in asked:
        for kind in kinds:
            if kind not in names.get(name, ()):
                continue
            found = [] if name == wanted.instrument else [setting("instrument", name)]
            found += [] if kind in wanted.kinds else [setting("kind", kind)]
            return " and ".join(found)
    return ""


def is_named(instrument: str, symbol: str) -> bool:
    """Whether a venue's name means the symbol: the same letters, or only the coin of a pair with USD.

    >>> is_named("BAND-BTC", "BANDBTC"), is_named("BTC", "BTCUSDT"), is_named("BTCUSD", "BTCUSDT")
    (True, True, False)
    """
    name, asked = ("".join(filter(str.isalnum, text)).upper() for text in (instrument, symbol))
    return bool(name) and asked.startswith(name) and asked[len(name) :] in CURRENCIES
