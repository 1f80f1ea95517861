"""Option chains that follow bars, priced by Black (1976) on a smile, and the surfaces of that smile."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import erf, exp, floor, log, log10, sqrt
from typing import Final

from quant_contracts.events import Bar, OptionQuote, Right, Surface, SurfaceSlice
from quant_contracts.testing.samples.ticks import is_skipped, moments
from quant_contracts.units import DAY, HOUR, Fraction, Nanos, Price

CHAIN_TEMPERS: Final = (
    "calm",
    "quiet",
    "inverse",
    "american",
    "one-sided",
    "only marks",
    "bare",
    "crossed",
    "all at one moment",
    "late",
)

SURFACE_TEMPERS: Final = ("calm", "quiet", "ssvi", "refused", "one expiry", "empty", "stored", "late")

NEAREST: Final[Nanos] = 8 * HOUR
PERIODS: Final = (2 * DAY, 7 * DAY, 30 * DAY, 91 * DAY)
"""Options expire at whole multiples of these: the nearest is always up to 8 hours ahead, the others one
to two of their periods. So there is something on both sides of 30 days."""

MONEYNESS: Final = (0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2)
YEAR: Final[Nanos] = 365 * DAY

RIGHTS: Final[tuple[Right, ...]] = (-1, 1)
RHO: Final = -0.3
SIGMA: Final = 0.25


def sample_chain(bars: Sequence[Bar], temper: str = "calm", seed: int = 0) -> tuple[OptionQuote, ...]:
    """Quotes of the options on the closes of `bars`: one expiry of several in turn, new ones at once.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> chain = sample_chain(bars_from_closes(100, 100))
    >>> len({quote.expiry for quote in chain}), chain[0].strike, round(chain[0].mark_iv, 3)
    (5, 80.0, 0.633)
    """
    source = random.Random(f"options {seed}")  # noqa: S311 - repeatable, not secret
    listed: dict[Nanos, list[Price]] = {}
    made: list[OptionQuote] = []
    for row, bar in enumerate(bars):
        if is_skipped(temper, row):
            continue
        ahead = _expiries(bar.ts_known)
        fresh = [expiry for expiry in ahead if expiry not in listed or row == 0]
        for expiry in fresh:
            listed[expiry] = [_round(bar.close * share) for share in MONEYNESS]
        due = list(dict.fromkeys([*fresh, ahead[row % len(ahead)]]))
        options = [(expiry, strike, right) for expiry in due for strike in listed[expiry] for right in RIGHTS]
        last = made[-1].ts_known if made else 0
        for moment, option in zip(moments(source, bar, len(options), temper, last), options, strict=True):
            made.append(_quote(source, temper, bar, moment, option))
    return tuple(made)


def sample_surfaces(bars: Sequence[Bar], temper: str = "calm", seed: int = 0) -> tuple[Surface, ...]:
    """A surface for every bar, of the smile that `sample_chain` prices with.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> surface = sample_surfaces(bars_from_closes(100, 100))[0]
    >>> surface.model, len(surface.slices), len(surface.slices[0].parameters)
    ('svi', 4, 5)
    """
    source = random.Random(f"surface {seed}")  # noqa: S311 - as above
    made: list[Surface] = []
    for row, bar in enumerate(bars):
        if is_skipped(temper, row):
            continue
        last = made[-1].ts_known if made else 0
        ((ts, known),) = moments(source, bar, 1, temper, last)
        level = source.uniform(0.9, 1.1)
        slices = [
            _slice(source, temper, expiry, ts, bar.close, level) for expiry in _expiries(bar.ts_known)[1:]
        ]
        kept = {"one expiry": 1, "refused": 2, "empty": 0}.get(temper, len(slices))
        refused = [_refused(each) for each in slices[kept:]] if temper in {"refused", "empty"} else []
        made.append(
            Surface(
                ts_event=ts,
                ts_known=known,
                symbol=bar.symbol,
                model="ssvi" if temper == "ssvi" else "svi",
                parameters=(RHO, 0.8, 0.4) if temper == "ssvi" else (),
                slices=tuple(slices[:kept]),
                refused=tuple(refused),
                median_error=source.uniform(0.0005, 0.004),
                coverage=0.9 * kept / len(slices),
                origin="stored" if temper == "stored" else "fitted",
            )
        )
    return tuple(made)


def _expiries(now: Nanos) -> list[Nanos]:
    """Those that are quoted at `now`, rising. Others were before and have not expired yet."""
    return sorted({(now // NEAREST + 1) * NEAREST, *((now // period + 2) * period for period in PERIODS)})


def _quote(
    source: random.Random,
    temper: str,
    bar: Bar,
    moment: tuple[Nanos, Nanos],
    option: tuple[Nanos, Price, Right],
) -> OptionQuote:
    expiry, strike, right = option
    years = (expiry - moment[0]) / YEAR
    forward = bar.close * exp(0.03 * years)
    vol = sqrt(_variance(log(strike / forward), years) / years)
    unit = forward if temper == "inverse" else 1.0
    value = _black(forward, strike, years, vol, right)
    mark = value / unit
    # Nobody bids for what is worth next to nothing.
    bid = mark * source.uniform(0.97, 0.99) if value > 1e-4 * bar.close else None
    ask: float | None = max(mark * source.uniform(1.01, 1.03), 2e-4 * bar.close / unit)
    is_odd = source.random() < 0.3
    if temper == "one-sided" and is_odd:
        bid, ask = (None, ask) if source.random() < 0.5 else (bid, None)
    if temper == "crossed" and is_odd and bid is not None:
        bid, ask = ask, bid
    if temper in {"only marks", "bare"}:
        bid = ask = None
    is_bare = temper == "bare"
    return OptionQuote(
        *moment,
        symbol=bar.symbol,
        premium="inverse" if temper == "inverse" else "linear",
        expiry=expiry,
        strike=strike,
        right=right,
        bid=bid,
        bid_size=None if bid is None else float(source.randrange(1, 50)),
        ask=ask,
        ask_size=None if ask is None else float(source.randrange(1, 50)),
        mark=None if is_bare else mark,
        mark_iv=None if is_bare else vol,
        forward=None if is_bare else forward,
        open_interest=None if is_bare else float(source.randrange(1_000)),
        is_american=temper == "american",
    )


def _slice(
    source: random.Random, temper: str, expiry: Nanos, ts: Nanos, price: Price, level: float
) -> SurfaceSlice:
    years = (expiry - ts) / YEAR
    return SurfaceSlice(
        expiry=expiry,
        years=years,
        forward=price * exp(0.03 * years),
        parameters=(level * _variance(0.0, years),) if temper == "ssvi" else _svi(level * years),
        quotes=12,
        offered=14,
        median_error=source.uniform(0.0005, 0.004),
        flags=("poor_fit",) if source.random() < 0.1 else (),
        lowest_k=log(MONEYNESS[0]),
        highest_k=log(MONEYNESS[-1]),
        rms_error=0.005,
        within_spread=0.8,
    )


def _refused(each: SurfaceSlice) -> SurfaceSlice:
    return SurfaceSlice(each.expiry, each.years, each.forward, (), 2, 14, 0.0, ("too_few_quotes",))


def _svi(years: float) -> tuple[float, float, float, float, float]:
    """a, b, rho, m and sigma of raw SVI (Gatheral 2004): the smile does not change, time scales it."""
    return (0.36 * years, 0.1 * years, RHO, 0.0, SIGMA)


def _variance(k: float, years: float) -> float:
    """Total variance at log-moneyness `k`."""
    a, b, rho, m, sigma = _svi(years)
    return a + b * (rho * (k - m) + sqrt((k - m) ** 2 + sigma**2))


def _black(forward: Price, strike: Price, years: float, vol: Fraction, right: Right) -> float:
    """Black (1976) without discount."""
    deviation = vol * sqrt(years)
    d1 = log(forward / strike) / deviation + deviation / 2
    value = right * (forward * _normal(right * d1) - strike * _normal(right * (d1 - deviation)))
    return max(value, 0.0)


def _normal(x: float) -> float:
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


def _round(price: Price) -> Price:
    """To three digits, as exchanges list strikes."""
    return round(price, 2 - floor(log10(price)))
