"""The newest posts of a subreddit, by Reddit's public JSON or by OAuth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from quant_channels.sentiment.fetching import FetchFailed, RateLimit
from quant_channels.sentiment.items import RawItem, at_path, make_item, moment, read_json
from quant_channels.sentiment.sources.settings import (
    TokenCall,
    check_address,
    check_count,
    check_every,
    find_token,
)
from quant_channels.sentiment.sources.source import Poll
from quant_contracts.duration import Length
from quant_contracts.units import Nanos

if TYPE_CHECKING:
    from quant_channels.sentiment.http import HttpClient

PUBLIC: Final = "https://www.reddit.com"
OAUTH: Final = "https://oauth.reddit.com"
LIMIT: Final = RateLimit("x-ratelimit-remaining", "x-ratelimit-reset", is_epoch=False)
GONE: Final = frozenset({"[deleted]", "[removed]"})


class RedditSource(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The newest posts of one subreddit, with edits and removals while they stand among the newest.

    A first look reads one page; later ones go on until they meet what was there before. With a token it
    asks the OAuth host. Reddit allows few requests without one, and answers 403 to a user agent that does
    not say who asks: set one in the client's limits.
    """

    subreddit: str
    """Without r/: the source is called `reddit:subreddit`."""
    every: Length = "2m"
    token_file: str = ""
    """A file with mode 0600 that holds an OAuth bearer token; empty asks the public pages."""
    base_url: str = ""
    """Another host to ask, such as one of this machine in a test."""
    most_pages: int = 3
    """Of 100 posts."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_]{2,50}", self.subreddit):
            raise ValueError(f"subreddit must be a name such as Bitcoin, without r/, not {self.subreddit!r}")
        if self.base_url:
            check_address("base_url", self.base_url)
        check_every(self.every)
        check_count("most_pages", self.most_pages, 10)
        self.token: TokenCall | None = None

    @property
    def name(self) -> str:
        return f"reddit:{self.subreddit}"

    @property
    def cadence(self) -> Nanos:
        return check_every(self.every)

    def disabled(self) -> str:
        return ""

    async def poll(self, client: HttpClient, memory: Mapping[str, str], /) -> Poll:
        token = find_token(self.token, self.token_file)
        base = (self.base_url or (PUBLIC if token is None else OAUTH)).rstrip("/")
        headers = {} if token is None else {"Authorization": token.after("Bearer ")}
        before = float(memory.get("newest", "0"))
        newest, found, refused, note = before, dict[str, RawItem](), 0, ""
        after, asked = "", set[str]()
        for _ in range(self.most_pages):
            params = {"limit": "100", "raw_json": "1"} | ({"after": after} if after else {})
            reply = await client.get(
                f"{base}/r/{self.subreddit}/new.json", params, secret=headers, limit=LIMIT
            )
            answer = read_json(reply)
            rows = at_path(answer, "data.children")
            if not isinstance(rows, list):
                raise FetchFailed("layout", f"{reply.url} holds no listing of posts")
            created = [time for time in map(_created, rows) if time is not None]
            newest = max([newest, *created])
            for item in map(_item, rows):
                if item is None:
                    refused += 1
                else:
                    found.setdefault(item.native_id, item)
            asked.add(after)
            after = at_path(answer, "data.after")
            if not isinstance(after, str) or not after or not before or not created:
                break
            if after in asked:
                note = "pages lead back to themselves"
                break
            if min(created) <= before:
                break
        return Poll(tuple(found.values()), {"newest": repr(newest)}, refused, note=note)


def _created(row: Any) -> float | None:
    """When a post was made, in seconds."""
    value = at_path(row, "data.created_utc")
    ts = moment(value)
    return None if ts is None else float(value)


def _item(row: Any) -> RawItem | None:
    post = at_path(row, "data")
    if not isinstance(post, dict):
        return None
    link, text = post.get("permalink"), post.get("selftext")
    gone = isinstance(text, str) and text in GONE
    taken = post.get("author") == "[deleted]" and not text
    return make_item(
        post.get("name"),
        url=f"{PUBLIC}{link}" if isinstance(link, str) and link.startswith("/r/") else "",
        title=post.get("title"),
        text="" if gone else text,
        published=moment(post.get("created_utc")),
        # False where it was never edited.
        revised=moment(post.get("edited")),
        is_deleted=isinstance(post.get("removed_by_category"), str) or gone or taken,
    )
