"""What is held in puts and in calls."""

from __future__ import annotations

import math

import msgspec

from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.views import OptionChain


class OpenInterest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open interest of all options in units of base, and that of the puts over that of the calls.

    Of the last quote of each option; one whose quote names none counts as none. Missing without a chain, and
    where no call is held, or too little to divide by.
    """

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("options_open_interest", "options_put_call_ratio")

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("options"),)

    def update(self, bar: Bar, chain: OptionChain | None = None, /) -> tuple[float, ...] | None:  # noqa: ARG002 - nothing of the bar
        if chain is None:
            return None
        held: dict[int, list[float]] = {1: [], -1: []}
        for expiry in chain.expiries:
            for quote in expiry.quotes:
                if quote.open_interest is not None:
                    held[quote.right].append(quote.open_interest)
        calls, puts = math.fsum(held[1]), math.fsum(held[-1])
        if not calls or math.isinf(puts / calls):
            return None
        return (calls + puts, puts / calls)
