"""What comes of looks at sources: a line each, or on a terminal a table that stays in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from quant_channels.sentiment.health import Look, SourceHealth

REFRESHED = 4
"""Times a second that a table is drawn anew."""


class Looks:
    """Shows looks and sums them up. As JSON it prints one object a line, the last with the sums."""

    def __init__(self, names: Sequence[str], *, as_json: bool) -> None:
        from rich.console import Console

        from quant_channels.sentiment.health import SourceHealth

        self._rows = {name: SourceHealth(name) for name in names}
        self._last = dict.fromkeys(names, "")
        self._failed = 0
        self._as_json = as_json
        self._live: Live | None = None
        console = Console()
        if console.is_terminal and not as_json:
            from rich.live import Live

            self._live = Live(
                console=console, get_renderable=self._table, refresh_per_second=REFRESHED, transient=False
            )
            self._live.start()

    @property
    def rows(self) -> tuple[SourceHealth, ...]:
        """What came of each source since this began."""
        return tuple(self._rows.values())

    def take(self, look: Look) -> None:
        """Show one look."""
        import msgspec

        from quant_contracts.duration import time_name

        self._rows[look.source].take(look)
        self._failed += look.state == "failing"
        self._last[look.source] = what_came(look)
        if self._as_json:
            click.echo(msgspec.json.encode(look).decode())
        elif self._live is None:
            click.echo(f"{time_name(look.ts)} {look.source}: {self._last[look.source]}")

    def end(self) -> None:
        """Show the sums. Nothing comes after."""
        import msgspec

        if self._as_json:
            click.echo(msgspec.json.encode({"sources": self.rows}).decode())
            return
        if self._live is not None:
            self._live.stop()
        rows = self.rows
        stored, duplicates = sum(row.versions for row in rows), sum(row.duplicates for row in rows)
        parts = [
            _counted(sum(row.polls for row in rows), "look", "looks"),
            _counted(stored, "version stored", "versions stored") if stored else "nothing stored",
        ]
        parts += [_counted(duplicates, "of them a duplicate", "of them duplicates")] if duplicates else []
        disabled = len([row for row in rows if row.state == "disabled"])
        parts += [f"{self._failed:,} failed"] if self._failed else []
        parts += [f"{disabled} disabled"] if disabled else []
        click.echo(f"{_counted(len(rows), 'source', 'sources')}: {', '.join(parts)}")

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, expand=True)
        for name in ("source", "state"):
            table.add_column(name, no_wrap=True)
        for name in ("looks", "stored"):
            table.add_column(name, justify="right", no_wrap=True)
        # What comes of a look takes what the others leave.
        table.add_column("last look", no_wrap=True, overflow="ellipsis", ratio=1)
        for row in self.rows:
            cells = (row.source, row.state, f"{row.polls:,}", f"{row.versions:,}", self._last[row.source])
            table.add_row(*map(Text, cells))
        return table


def what_came(look: Look) -> str:
    """One look in a few words.

    >>> from quant_channels.sentiment.health import Look
    >>> what_came(Look("rss:a", 0, "ok", items=9, new=2, duplicates=1))
    '2 new, 1 duplicate'
    >>> what_came(
    ...     Look("rss:a", 0, "failing", error="timeout", text="https://a.example/ did not answer in time")
    ... )
    'failed (timeout): https://a.example/ did not answer in time'
    """
    if look.state == "disabled":
        return f"disabled: {look.text}"
    if look.error:
        return f"failed ({look.error}): {look.text}"
    if look.is_unchanged:
        return "unchanged"
    counts = (
        (look.new, "new", "new"),
        (look.edits, "edited", "edited"),
        (look.deletions, "deleted", "deleted"),
        (look.duplicates, "duplicate", "duplicates"),
        (look.refused, "refused", "refused"),
    )
    parts = [_counted(*count) for count in counts if count[0]] or ["nothing new"]
    return ", ".join([*parts, look.text] if look.text else parts)


def _counted(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
