"""The promise of the feature layer: bars and what is known beside them in, named numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import msgspec

from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar
from quant_contracts.protocols.streams import Stream


class FeatureSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feature somebody needs: the channel that makes it and the channel's settings.

    Parts list these in `needs`; the loader builds each distinct one once. The names under which the
    values arrive are the channel's `outputs`, which carry the settings (`rsi_14`), so that two
    settings of one channel never collide.
    """

    channel: str
    params: dict[str, Any] = {}
    outputs: tuple[str, ...] = ()
    """Values the part will ask for by names it was given, so that a slip is refused at load; where the part
    makes the names itself it lists none."""
    optional: bool = False
    """True where the part can do without: the values are absent from the features while they are missing."""


@runtime_checkable
class FeatureChannel(Protocol):
    """Turns the bars of one symbol into one or more named numbers, step by step.

    A channel sees only what it is handed, and it is handed only what is known. It owns its memory and
    shares it with nobody. Its settings are its Struct fields, so the loader needs no code.
    """

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the values, in order, settings included: `("rsi_14",)`. Constant."""
        ...

    @property
    def warmup(self) -> int:
        """How many bars it needs before its first value, the one that yields it included. Constant."""
        ...

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        """Take the next closed bar; return the values in the order of `outputs`, or None while cold.

        Values are finite. None after warm-up means missing: the symbol takes no step.
        """
        ...


@runtime_checkable
class ReadingChannel(Protocol):
    """A channel that reads more than the bars of its symbol: its book, its options, another symbol."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """As in `FeatureChannel`."""
        ...

    @property
    def warmup(self) -> int:
        """As in `FeatureChannel`, where nothing is missing in what it reads."""
        ...

    @property
    def reads(self) -> tuple[Stream, ...]:
        """What it reads beside the bar; each must be declared in `data`. Constant, not empty."""
        ...

    def update(self, bar: Bar, /, *seen: Any) -> tuple[float, ...] | None:
        """As in `FeatureChannel`, with what is known of each of `reads` in order, None where nothing is.

        What that is for each domain is in `quant_contracts.views`. All of it is as of `bar.ts_known`. The
        last bar of another symbol may be older than `bar`; how old is too old is the channel's to say.
        None after warm-up means missing: the step is not taken, or taken without it where it is optional.
        """
        ...


@runtime_checkable
class BlockChannel(Protocol):
    """A channel that can also take a whole block at once, for speed and never for another result."""

    def update_many(self, bars: BarBlock, /) -> Sequence[Column]:
        """One column per output, as long as the block; NaN where `update` would have returned None.

        The bits are those of `update`, row by row, and the channel's memory afterwards is the same, so
        that blocks of any size and single bars may follow each other in any mix.
        """
        ...


@runtime_checkable
class BlockCrossChannel(Protocol):
    """The block form of a `ReadingChannel` that reads bars only."""

    def update_many(self, bars: BarBlock, /, *others: BarBlock) -> Sequence[Column]:
        """As in `BlockChannel`. Row i of each other block is that symbol's last bar known at row i.

        Where no bar of the other was known yet its row has `ts` 0 and NaN prices.
        """
        ...


AnyChannel: TypeAlias = FeatureChannel | ReadingChannel
