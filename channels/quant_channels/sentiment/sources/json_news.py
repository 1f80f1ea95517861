"""News services that answer with JSON: where their items, names and texts stand is a setting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from quant_channels.sentiment.fetching import FetchFailed, Validators
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
from quant_channels.sentiment.tokens import Secret
from quant_contracts.duration import Length
from quant_contracts.units import Nanos

if TYPE_CHECKING:
    from quant_channels.sentiment.http import HttpClient


class JsonNewsSource(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """One JSON news service. Paths are keys with dots between, such as `data.articles` or `source.name`.

    Further pages are asked for by number (`page_param`), or by the cursor that an answer gives
    (`next_path` with `page_param`), until one is empty, repeats itself, or `most_pages` are read.
    """

    label: str
    """Its short name: the source is called `news:label`."""
    url: str
    every: Length = "5m"
    params: dict[str, str] = {}
    items_path: str = ""
    """Where the list of items stands; empty where the answer is the list."""
    id_path: str = "id"
    title_path: str = "title"
    text_path: str = ""
    url_path: str = "url"
    published_path: str = "published_at"
    revised_path: str = ""
    deleted_path: str = ""
    """Where a true value says that the text was taken back."""
    time_unit: Literal["s", "ms", "us", "ns"] = "s"
    """Of times that are numbers."""
    page_param: str = ""
    """The parameter that asks for a page; empty where there is but one."""
    next_path: str = ""
    """Where an answer holds the cursor of the next page; empty where pages have numbers from 1."""
    most_pages: int = 5
    token_file: str = ""
    """A file with mode 0600 that holds the service's token."""
    token_header: str = "Authorization"  # noqa: S105 - the name of a header
    """The header that carries it, after `token_prefix`."""
    token_prefix: str = "Bearer "  # noqa: S105 - what stands before a token
    token_param: str = ""
    """The parameter that carries it instead of the header."""
    needs_token: bool = False

    def __post_init__(self) -> None:
        check_label("label", self.label)
        check_address("url", self.url)
        check_every(self.every)
        check_count("most_pages", self.most_pages, 100)
        for name, value in (("token_header", self.token_header), ("token_param", self.token_param)):
            if not re.fullmatch(r"[\w-]{0,60}", value, re.ASCII):
                raise ValueError(f"{name} must be letters, digits, _ and -, not {value!r}")
        if self.next_path and not self.page_param:
            raise ValueError("next_path needs page_param, the parameter that takes the cursor")
        if not self.token_prefix.isprintable() or not self.token_prefix.isascii():
            raise ValueError(f"token_prefix must be printable ASCII, not {self.token_prefix!r}")
        self.token: TokenCall | None = None

    @property
    def name(self) -> str:
        return f"news:{self.label}"

    @property
    def cadence(self) -> Nanos:
        return check_every(self.every)

    def disabled(self) -> str:
        if self.needs_token and self.token is None and not self.token_file:
            return "no token; name a file with mode 0600 in token_file"
        return ""

    async def poll(self, client: HttpClient, memory: Mapping[str, str], /) -> Poll:
        headers, hidden = self._carriers(find_token(self.token, self.token_file))
        validators = Validators(memory.get("etag", ""), memory.get("modified", ""))
        found: list[RawItem] = []
        refused, note, seen = 0, "", set[str]()
        kept: dict[str, str] = {}
        page = "1" if self.page_param and not self.next_path else ""
        for number in range(1, self.most_pages + 1):
            asked = self.params | ({self.page_param: page} if page else {})
            reply = await client.get(
                self.url,
                asked,
                secret=headers,
                secret_params=hidden,
                # Of the first page: a new item changes it.
                validators=validators if number == 1 else None,
            )
            if reply.status == 304:
                return Poll((), dict(memory), unchanged=True)
            if number == 1:
                told = {"etag": reply.validators.etag, "modified": reply.validators.modified}
                kept = {key: value for key, value in told.items() if value}
            answer = read_json(reply)
            rows = at_path(answer, self.items_path)
            if not isinstance(rows, list):
                raise FetchFailed(
                    "layout", f"{reply.url} holds no list at {self.items_path or 'its top'!r}; set items_path"
                )
            items = [self._item(row) for row in rows]
            refused += items.count(None)
            fresh = [item for item in items if item is not None and item.native_id not in seen]
            if not fresh:
                note = "pages repeat themselves" if number > 1 and rows else ""
                break
            found += fresh
            seen.update(item.native_id for item in fresh)
            page = self._next(answer, number)
            if not page:
                break
        return Poll(tuple(found), kept, refused, note=note)

    def _next(self, answer: object, number: int) -> str:
        if not self.next_path:
            return str(number + 1) if self.page_param else ""
        cursor = at_path(answer, self.next_path)
        return str(cursor)[:1_000] if isinstance(cursor, str | int) and not isinstance(cursor, bool) else ""

    def _carriers(self, token: Secret | None) -> tuple[dict[str, Secret], dict[str, Secret]]:
        if token is None:
            return {}, {}
        if self.token_param:
            return {}, {self.token_param: token}
        return {self.token_header: token.after(self.token_prefix)}, {}

    def _item(self, row: Any) -> RawItem | None:
        if not isinstance(row, dict):
            return None
        at = {
            name: at_path(row, path) if path else None
            for name, path in (
                ("text", self.text_path),
                ("published", self.published_path),
                ("revised", self.revised_path),
                ("deleted", self.deleted_path),
            )
        }
        return make_item(
            at_path(row, self.id_path),
            url=at_path(row, self.url_path),
            title=at_path(row, self.title_path),
            text=at["text"],
            published=moment(at["published"], self.time_unit),
            revised=moment(at["revised"], self.time_unit),
            is_deleted=at["deleted"] is True,
        )
