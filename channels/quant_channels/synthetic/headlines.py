"""Headlines about a synthetic market: what people write after prices moved, never before.

What is said at a moment follows the return of the hour before it, in standard deviations, plus noise: good
words after a rise, bad ones after a fall, and neutral ones in between. Nothing in a text depends on a later
price. A document is first seen seconds to minutes after it was published; some are copied by another source,
some are edited, a few taken down. A day's news ends at 23:30, so that all of it is known by midnight.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import numpy as np

from quant_channels.klines.market_path import STEP, STEPS_PER_YEAR
from quant_channels.synthetic.market import MarketDay, SyntheticMarket
from quant_contracts.blocks import EventBlock
from quant_contracts.events import Document
from quant_contracts.units import DAY, HOUR, MILLISECOND, MINUTE, Nanos

LAST: Final[Nanos] = 23 * HOUR + 30 * MINUTE
BEFORE: Final = HOUR // STEP
"""Steps that a headline looks back on."""
NOISE: Final = 0.8
"""Standard deviation of what a writer makes of a move, in those of the move itself."""
CLEAR: Final = 0.6
"""From here on a headline takes sides."""
COPIED, EDITED, DELETED = 0.12, 0.06, 0.02
STORING: Final[Nanos] = 200 * MILLISECOND
"""From first seen to written to the store."""

NAMES: Final = {"BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana"}
SOURCES: Final = ("rss:coinwire", "rss:blockledger", "rss:dailychain", "rss:marketdesk")
ENDINGS: Final = ("", ", traders say", " as volumes change", " in {part} trading", ", data shows")
PARTS: Final = ("Asian", "European", "American")
GOOD: Final = (
    "{name} rallies as buyers return with strong confidence",
    "{name} surges and bulls celebrate solid gains",
    "Optimism grows: {name} extends impressive recovery",
    "{name} breaks higher on great demand from institutions",
    "Strong inflows support {name}, analysts are bullish",
)
BAD: Final = (
    "{name} plunges as panic selling hurts holders",
    "Fear spreads: {name} suffers heavy losses",
    "{name} slumps and bears warn of worse to come",
    "Weak demand and liquidations drag {name} lower",
    "{name} crashes through support, traders are worried",
)
NEUTRAL: Final = (
    "{name} trades in a narrow range ahead of the weekly close",
    "What to watch in {name} this week",
    "{name} derivatives: open interest by expiry",
    "Developers of {name} publish the notes of their meeting",
    "{name} network: number of transactions of the past day",
)


def headlines_of(market: SyntheticMarket, day: MarketDay, per_hour: float) -> EventBlock[Document]:
    """The documents of one day, in the order in which they become known."""
    # Only a run that reads texts pays for the scorer.
    from quant_channels.sentiment.text.vader import Vader  # noqa: PLC0415 - see above

    scorer = Vader()
    source = market.path.random(f"{market.symbol} headlines", day.index)
    # More than are ever needed: what comes after the last is not used.
    waits = source.standard_exponential(int(48 * per_hour) + 50) * (HOUR / per_hour)
    published = np.rint(np.cumsum(waits) / MILLISECOND).astype(np.int64) * MILLISECOND
    made: list[Document] = []
    for number, moment in enumerate(published[published < LAST].tolist()):
        mood = _move(day, moment) + NOISE * float(source.standard_normal())
        text = _text(market.symbol, mood, moment, source)
        key = f"{market.symbol}/{day.midnight // DAY}/{number}"
        writer = int(source.integers(len(SOURCES)))
        seen = day.midnight + moment + _wait(source, 5, 120)
        first = Document(
            ts_event=day.midnight + moment,
            ts_known=seen,
            symbol=market.symbol,
            relevance=1.0,
            doc_id=key,
            source=SOURCES[writer],
            url=f"https://news.example/{key}",
            text=text,
            first_seen=seen,
            ingested=seen + STORING,
            vader=scorer.score(text),
            models=(scorer.model_id,),
        )
        made.append(first)
        luck, later = float(source.random()), _wait(source, 60, 900)
        if luck < COPIED:
            copier = SOURCES[(writer + 1) % len(SOURCES)]
            made.append(_later(first, later, doc_id=f"{key}/copy", source=copier, url=f"{first.url}/copy"))
        elif luck < COPIED + EDITED:
            edited = f"Update: {text}"
            made.append(_later(first, later, text=edited, revision=1, vader=scorer.score(edited)))
        elif luck < COPIED + EDITED + DELETED:
            made.append(_later(first, later, text="", revision=1, is_deleted=True, vader=None, models=()))
    return EventBlock(market.symbol, tuple(sorted(made, key=lambda document: document.ts_known)))


def _move(day: MarketDay, moment: Nanos) -> float:
    """Return of the hour before `moment`, or since midnight, in standard deviations."""
    end = moment // STEP - 1
    if end < 1:
        return 0.0
    start = max(end - BEFORE, 0)
    change: float = day.path.mid[end].item() / day.path.mid[start].item() - 1
    volatility: float = day.path.volatility[end].item()
    return change / (volatility * math.sqrt((end - start) / STEPS_PER_YEAR))


def _text(symbol: str, mood: float, moment: Nanos, source: np.random.Generator) -> str:
    said = GOOD if mood > CLEAR else BAD if mood < -CLEAR else NEUTRAL
    template = said[int(source.integers(len(said)))] + ENDINGS[int(source.integers(len(ENDINGS)))]
    name = next((name for base, name in NAMES.items() if symbol.startswith(base)), symbol)
    return template.format(name=name, part=PARTS[moment // (8 * HOUR)])


def _wait(source: np.random.Generator, shortest: int, longest: int) -> Nanos:
    """Some seconds."""
    return int(source.integers(shortest * 1_000, longest * 1_000)) * MILLISECOND


def _later(first: Document, wait: Nanos, **changes: Any) -> Document:
    """A copy or another version of a document, seen `wait` after it."""
    return msgspec.structs.replace(
        first,
        ts_event=first.ts_known + wait // 2,
        ts_known=first.ts_known + wait,
        first_seen=first.first_seen + wait,
        ingested=first.ingested + wait,
        **changes,
    )
