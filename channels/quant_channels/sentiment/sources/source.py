"""What a source is: a name, a pace, and one look at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from quant_channels.sentiment.items import RawItem
from quant_contracts.units import Nanos

if TYPE_CHECKING:
    from quant_channels.sentiment.http import HttpClient


class Poll(msgspec.Struct, frozen=True):
    """What one look at a source brought."""

    items: tuple[RawItem, ...]
    memory: dict[str, str]
    """What the source wants to be handed at its next look, also after a restart."""
    refused: int = 0
    """Rows that were no items: without a name or a text, or of the wrong type."""
    unchanged: bool = False
    """True where the server said that nothing is new."""
    note: str = ""
    """What was odd about it, such as pages that lead back to themselves."""


@runtime_checkable
class Source(Protocol):
    """A place where texts appear. It remembers nothing itself."""

    @property
    def name(self) -> str:
        """Kind and place, such as `rss:coindesk`. Constant, and unique in a store."""
        ...

    @property
    def cadence(self) -> Nanos:
        """From look to look."""
        ...

    def disabled(self) -> str:
        """Why it cannot be asked as it is set up, in one line; empty where it can."""
        ...

    async def poll(self, client: HttpClient, memory: Mapping[str, str], /) -> Poll:
        """Look once. Raises FetchFailed where there is no answer that can be used."""
        ...
