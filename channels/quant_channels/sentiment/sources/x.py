"""Recent posts on X that match a query, by its API v2."""

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
    check_label,
    find_token,
)
from quant_channels.sentiment.sources.source import Poll
from quant_contracts.duration import Length
from quant_contracts.units import DAY, Nanos

if TYPE_CHECKING:
    from quant_channels.sentiment.http import HttpClient

BASE: Final = "https://api.x.com"
PATH: Final = "/2/tweets/search/recent"
LIMIT: Final = RateLimit("x-rate-limit-remaining", "x-rate-limit-reset", is_epoch=True)
REACH: Final[Nanos] = 6 * DAY
"""The search goes back seven days and refuses to begin after an older post."""


class XSource(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Recent posts on X that match one query. Without a token it is disabled, and says so.

    Every look begins after the newest post of the last one. An edited post comes under the name of its
    first version. The search does not say which posts were deleted.
    """

    label: str
    """Its short name: the source is called `x:label`."""
    query: str
    """As X's search takes it, such as `($BTC OR bitcoin) lang:en -is:retweet`."""
    every: Length = "1m"
    token_file: str = ""
    """A file with mode 0600 that holds the bearer token."""
    base_url: str = BASE
    most_pages: int = 5
    """Of 100 posts. What lies beyond them is not seen."""

    def __post_init__(self) -> None:
        check_label("label", self.label)
        check_address("base_url", self.base_url)
        check_every(self.every)
        check_count("most_pages", self.most_pages, 100)
        if not 1 <= len(self.query) <= 4_096:
            raise ValueError(f"query must have 1 to 4096 characters, not {len(self.query)}")
        self.token: TokenCall | None = None

    @property
    def name(self) -> str:
        return f"x:{self.label}"

    @property
    def cadence(self) -> Nanos:
        return check_every(self.every)

    def disabled(self) -> str:
        if self.token is None and not self.token_file:
            return "no token; name a file with mode 0600 in token_file"
        return ""

    async def poll(self, client: HttpClient, memory: Mapping[str, str], /) -> Poll:
        token = find_token(self.token, self.token_file)
        assert token is not None, "a disabled source is not polled"
        params = {
            "query": self.query,
            "max_results": "100",
            "tweet.fields": "created_at,edit_history_tweet_ids",
        }
        now = client.clock.now
        if "since_id" in memory and now - int(memory["since_at"]) < REACH:
            params["since_id"] = memory["since_id"]
        found, refused, note, newest = dict[str, RawItem](), 0, "", ""
        tokens: set[str] = set()
        cut = True
        for _ in range(self.most_pages):
            reply = await client.get(
                self.base_url.rstrip("/") + PATH,
                params,
                secret={"Authorization": token.after("Bearer ")},
                limit=LIMIT,
            )
            answer = read_json(reply)
            rows = at_path(answer, "data")
            if not isinstance(rows, list):
                # Where nothing matches there is no list, but the count of it.
                if at_path(answer, "meta.result_count") != 0:
                    raise FetchFailed("layout", f"{reply.url} holds no list of posts")
                rows = []
            for item in map(_item, rows):
                if item is None:
                    refused += 1
                else:
                    # Newest first: of two versions of a post the first one met is the later.
                    found.setdefault(item.native_id, item)
            newest = newest or _post_id(at_path(answer, "meta.newest_id"))
            following = at_path(answer, "meta.next_token")
            if not isinstance(following, str) or not following:
                cut = False
                break
            if following in tokens:
                note, cut = "pages lead back to themselves", False
                break
            tokens.add(following)
            params["next_token"] = following
        if cut:
            note = f"more than {self.most_pages} pages; the older posts are not seen"
        kept = {"since_id": newest, "since_at": str(now)} if newest else dict(memory)
        return Poll(tuple(found.values()), kept, refused, note=note)


def _post_id(value: object) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"\d{1,20}", value, re.ASCII) else ""


def _item(row: Any) -> RawItem | None:
    if not isinstance(row, dict):
        return None
    name = _post_id(row.get("id"))
    first = _post_id(at_path(row, "edit_history_tweet_ids.0")) or name
    created = moment(row.get("created_at"))
    return make_item(
        first,
        url=f"https://x.com/i/status/{first}" if first else "",
        text=row.get("text"),
        published=created,
        revised=created if first != name else None,
    )
