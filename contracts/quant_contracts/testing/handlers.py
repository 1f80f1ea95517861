"""The promises of a data handler: it holds what is known by now, and nothing later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from quant_contracts.blocks import BarBlock
from quant_contracts.errors import QuantError
from quant_contracts.events import Bar
from quant_contracts.protocols import DataHandler, Feed
from quant_contracts.testing.promise import BrokenPromise, same
from quant_contracts.testing.samples import SampleFeed, random_bars

HandlerFactory = Callable[[Feed], DataHandler]
"""Makes a handler as the loader does: from the feed it reads."""

FEW: Final = 60


def check_shell_knows_nothing(factory: HandlerFactory) -> None:
    """A fresh handler is a shell: no bar, no window, nothing loaded."""
    handler, _ = _made(factory)
    came = (handler.last, handler.window(10))
    if came != (None, None):
        raise BrokenPromise(
            handler,
            "a fresh handler knows nothing",
            given="last and window(10)",
            expected=(None, None),
            came=came,
        )


def check_window_holds_the_last_bars(factory: HandlerFactory) -> None:
    """`window(n)` is the last n bars pushed, fewer when there are fewer; `last` is the last of them."""
    handler, bars = _made(factory)
    for count, bar in enumerate(bars, start=1):
        handler.push(bar)
        for wanted in (1, 7, FEW):
            _compare(
                handler,
                f"window({wanted}) after {count} bars",
                bars[:count][-wanted:],
                handler.window(wanted),
            )
        if handler.last is None or not same(handler.last, bar):
            raise BrokenPromise(
                handler, "last is the last bar pushed", given=bar, expected=bar, came=handler.last
            )


def check_only_later_bars_are_taken(factory: HandlerFactory) -> None:
    """A bar that is not later than the last is refused with a QuantError, and changes nothing."""
    handler, bars = _made(factory)
    for bar in bars[:10]:
        handler.push(bar)
    for bar in (bars[9], bars[3]):
        try:
            handler.push(bar)
        except QuantError:
            _compare(handler, f"window({FEW}) after a refused bar", bars[:10], handler.window(FEW))
        else:
            raise BrokenPromise(
                handler,
                "push refuses a bar that is not later than the last",
                given=f"{bar} after {bars[9]}",
                expected="a QuantError such as DataError",
                came="no error",
            )


def check_blocks_equal_one_by_one(factory: HandlerFactory) -> None:
    """`push_many` leaves the window that pushing row by row leaves, in blocks of any size."""
    one, bars = _made(factory)
    for bar in bars:
        one.push(bar)
    for size in (1, 7, FEW):
        many, _ = _made(factory)
        for start in range(0, len(bars), size):
            many.push_many(BarBlock.of(bars[start : start + size]))
        window = one.window(FEW)
        _compare(
            many, f"the window after blocks of {size}", [*window.events()] if window else [], many.window(FEW)
        )


def check_history_comes_in_order(factory: HandlerFactory) -> None:
    """Warm-up takes what was known by the anchor, reading gives the rest; together they are all, once."""
    handler, bars = _made(factory)
    anchor = bars[len(bars) // 2].ts_known
    handler.load_history(None, None, 7)
    first = handler.first_close()
    if first != bars[0].ts_event:
        raise BrokenPromise(
            handler,
            "first_close is the close of the first bar loaded",
            given="load_history(None, None, 7)",
            expected=bars[0].ts_event,
            came=first,
        )
    warm = handler.warmup_to(anchor)
    known = [bar for bar in bars if bar.ts_known <= anchor]
    _compare(handler, f"warmup_to({anchor})", known, warm)
    _compare(handler, f"the window of {FEW} after warmup_to({anchor})", known[-FEW:], handler.window(FEW))
    rest: list[Bar] = []
    while (block := handler.read()) is not None:
        rest += block.events()
    _compare(
        handler,
        f"reading after warmup_to({anchor})",
        bars[len(known) :],
        BarBlock.of(rest) if rest else None,
    )
    _compare(handler, "the window after reading ahead", known[-FEW:], handler.window(FEW))


def _made(factory: HandlerFactory) -> tuple[DataHandler, list[Bar]]:
    """A fresh handler, and the bars its feed holds."""
    bars = random_bars(2 * FEW)
    return factory(SampleFeed(bars)), bars


def _compare(handler: DataHandler, what: str, expected: Sequence[Bar], came: BarBlock | None) -> None:
    bars = [] if came is None else list(came.events())
    if not same(list(expected), bars):
        raise BrokenPromise(
            handler,
            "a handler shows exactly what is known",
            given=what,
            expected=f"{len(expected)} bars ending with {expected[-1] if expected else 'none'}",
            came=f"{len(bars)} bars ending with {bars[-1] if bars else 'none'}",
        )


CHECKS: Final = (
    check_shell_knows_nothing,
    check_window_holds_the_last_bars,
    check_only_later_bars_are_taken,
    check_blocks_equal_one_by_one,
    check_history_comes_in_order,
)
