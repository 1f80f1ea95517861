"""Units of every number that crosses a boundary. Say the unit once, here."""

from decimal import Decimal
from typing import Literal, TypeAlias

Nanos: TypeAlias = int
"""UTC nanoseconds since the Unix epoch, or a duration in nanoseconds where the name says so."""

Price: TypeAlias = float
"""Quote currency per one unit of base, as observed. BTCUSDT at 64000.5 is 64000.5 USDT."""

Quantity: TypeAlias = float
"""Units of base, as observed. A bar's volume of 12.5 is 12.5 BTC."""

Fraction: TypeAlias = float
"""A share of one: 0.02 is two percent. Never percent, never basis points."""

ExactPrice: TypeAlias = Decimal
"""A price we agreed to: a multiple of the instrument's tick."""

ExactQuantity: TypeAlias = Decimal
"""A size we agreed to: a multiple of the instrument's lot."""

Money: TypeAlias = Decimal
"""An amount of quote currency in the books. Exact: added and multiplied, never rounded by accident."""

Side: TypeAlias = Literal[1, -1]
"""+1 buys, -1 sells: the `s` of every execution formula."""

Direction: TypeAlias = Literal[1, 0, -1]
"""+1 wants to be long, 0 flat, -1 short."""

MICROSECOND: Nanos = 1_000
MILLISECOND: Nanos = 1_000_000
SECOND: Nanos = 1_000_000_000
MINUTE: Nanos = 60 * SECOND
HOUR: Nanos = 60 * MINUTE
DAY: Nanos = 24 * HOUR
