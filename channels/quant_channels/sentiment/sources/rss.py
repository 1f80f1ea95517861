"""RSS and Atom feeds, read by feedparser in a thread of its own."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from quant_channels.sentiment.fetching import FetchFailed, Reply, Validators
from quant_channels.sentiment.items import RawItem, make_item, moment_of_struct
from quant_channels.sentiment.sources.settings import check_address, check_every, check_label
from quant_channels.sentiment.sources.source import Poll
from quant_contracts.duration import Length
from quant_contracts.errors import ConfigError
from quant_contracts.units import Nanos

if TYPE_CHECKING:
    from quant_channels.sentiment.http import HttpClient

CLOSED: Final = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
TAIL: Final = 4_096
"""Bytes in which the end of a feed must stand: some servers write remarks behind it."""


class RssSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One RSS or Atom feed.

    A feed is told by what it holds, not by the type its server gives it. One that does not come to its
    end is refused whole; sloppy ones are read as well as feedparser can. Needs the extra `news`.
    """

    label: str
    """Its short name: the source is called `rss:label`."""
    url: str
    every: Length = "5m"

    def __post_init__(self) -> None:
        check_label("label", self.label)
        check_address("url", self.url)
        check_every(self.every)

    @property
    def name(self) -> str:
        return f"rss:{self.label}"

    @property
    def cadence(self) -> Nanos:
        return check_every(self.every)

    def disabled(self) -> str:
        return ""

    async def poll(self, client: HttpClient, memory: Mapping[str, str], /) -> Poll:
        reply = await client.get(
            self.url, validators=Validators(memory.get("etag", ""), memory.get("modified", ""))
        )
        if reply.status == 304:
            return Poll((), dict(memory), unchanged=True)
        items, refused = await asyncio.to_thread(parse_feed, reply)
        told = {"etag": reply.validators.etag, "modified": reply.validators.modified}
        return Poll(items, {key: value for key, value in told.items() if value}, refused)


def parse_feed(reply: Reply) -> tuple[tuple[RawItem, ...], int]:
    """The items of a feed and the number of entries that were none; raises FetchFailed for no feed."""
    try:
        import feedparser  # noqa: PLC0415 - part of an extra
    except ImportError:
        raise ConfigError('RSS and Atom need feedparser: pip install "quant-engine[news]"') from None
    # UTF-16 has a zero beside each letter.
    if not CLOSED.search(reply.body[-TAIL:].replace(b"\0", b"")):
        raise FetchFailed("not_a_feed", f"{reply.url} sent no whole RSS or Atom feed: its end is missing")
    # From memory: given bytes or text, feedparser would look for a file of that name.
    feed = feedparser.parse(
        io.BytesIO(reply.body),
        response_headers={"content-type": reply.content_type},
        resolve_relative_uris=False,
        sanitize_html=False,
    )
    if not feed.version:
        raise FetchFailed("not_a_feed", f"{reply.url} sent no RSS or Atom but {reply.content_type[:60]!r}")
    items = [_item(entry) for entry in feed.entries]
    return tuple(item for item in items if item is not None), items.count(None)


def _item(entry: Any) -> RawItem | None:
    # A longer text stands beside the summary in some feeds.
    contents = [part.get("value", "") for part in entry.get("content", ()) if isinstance(part, dict)]
    title, text = entry.get("title", ""), max([entry.get("summary", ""), *contents], key=len)
    link = entry.get("link", "")
    name = entry.get("id") or link or hashlib.sha256(title.encode("utf-8", "replace")).hexdigest()
    # Asked in feedparser's own way, a missing `updated` would be the time of publishing.
    published = moment_of_struct(dict.get(entry, "published_parsed"))
    revised = moment_of_struct(dict.get(entry, "updated_parsed"))
    return make_item(name, url=link, title=title, text=text, published=published or revised, revised=revised)
