"""One careful HTTP client for every source: it asks seldom, waits as told, and believes no answer's size.

Only what fetches imports this module, which brings aiohttp with it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from yarl import URL

from quant_channels.sentiment.clock import AsyncClock
from quant_channels.sentiment.fetching import FetchFailed, Limits, RateLimit, Reply, Validators
from quant_channels.sentiment.items import moment
from quant_channels.sentiment.tokens import Secret
from quant_channels.sentiment.unpacking import Unpacker
from quant_contracts.errors import ConfigError
from quant_contracts.units import DAY, SECOND, Nanos

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
CHUNK: Final = 65_536


class HttpClient:
    """Asks with GET and gives the whole answer, or says in one `FetchFailed` why there is none.

    What it never does: follow a redirect to another scheme, with a secret, or from outside to an address
    of a private network; take proxies or passwords from the environment; keep cookies; unpack more than
    `most_bytes`. Waits and times come from `clock`, the chance in them from `chance`.
    """

    def __init__(self, clock: AsyncClock, chance: random.Random, limits: Limits | None = None) -> None:
        self.clock = clock
        self.limits = limits or Limits()
        self._chance = chance
        self._free: dict[str, Nanos] = {}
        self._held: dict[str, Nanos] = {}
        # Hosts that the user wrote down: they may be anywhere, also on this machine.
        self._named: set[str] = set()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._resolver = _Outward(self._named)
        connector = aiohttp.TCPConnector(limit=32, resolver=self._resolver)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self.limits.timeout_seconds),
            headers={"User-Agent": self.limits.user_agent, "Accept-Encoding": "gzip, deflate"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def get(
        self,
        address: str,
        params: Mapping[str, str] | None = None,
        *,
        secret: Mapping[str, Secret] | None = None,
        secret_params: Mapping[str, Secret] | None = None,
        validators: Validators | None = None,
        limit: RateLimit | None = None,
    ) -> Reply:
        """The answer to `address`: status 200 with its body, or 304 where `validators` still hold.

        `secret` holds headers, `secret_params` parameters that are shown nowhere. Connections that fail,
        time-outs, 429 and 5xx are tried again; anything else is not.
        """
        url = _address(address)
        self._named.add(url.host or "")
        headers = {name: value.reveal() for name, value in (secret or {}).items()}
        headers |= (validators or Validators()).headers()
        hidden = {name: value.reveal() for name, value in (secret_params or {}).items()}
        asked = url.update_query({**(params or {}), **hidden})
        follow = not (secret or secret_params)
        for tried in range(1, self.limits.tries + 1):
            await self._wait_for_turn(url)
            try:
                return await self._follow(asked, headers, limit, follow=follow)
            except FetchFailed as failure:
                if not failure.again or tried == self.limits.tries:
                    raise
            # A host that said when to come again is waited for, or given up, at the head of the loop.
            if self._held.get(_host(url), 0) <= self.clock.now:
                backoff = self.limits.first_wait_seconds * 2 ** (tried - 1) * (0.5 + self._chance.random())
                await self.clock.sleep(round(min(backoff, self.limits.longest_wait_seconds) * SECOND))
        raise AssertionError("the last try returns or raises")

    async def _wait_for_turn(self, url: URL) -> None:
        host = _host(url)
        # The place in the queue is taken before waiting, so that those who come meanwhile come after.
        turn = max(self.clock.now, self._free.get(host, 0))
        self._free[host] = turn + round(self.limits.spacing_seconds * SECOND)
        while True:
            now, held = self.clock.now, self._held.get(host, 0)
            if held - now > self.limits.longest_wait_seconds * SECOND:
                raise FetchFailed(
                    "rate_limited",
                    f"{_shown(url)} asked to be left alone for {(held - now) // SECOND:,} s more",
                )
            if max(turn, held) <= now:
                return
            await self.clock.sleep(max(turn, held) - now)

    async def _follow(
        self, url: URL, headers: dict[str, str], limit: RateLimit | None, *, follow: bool
    ) -> Reply:
        for _ in range(self.limits.redirects + 1):
            status, got, body = await self._ask(url, headers)
            self._take_limits(url, status, got, limit)
            if status not in REDIRECTS:
                return self._reply(url, status, got, body)
            if not follow:
                raise FetchFailed("redirect", f"{_shown(url)} redirects a request that carries a token")
            url = await self._target(url, got.get("location", ""))
        raise FetchFailed("redirect", f"{_shown(url)} redirects more than {self.limits.redirects} times")

    async def _target(self, url: URL, location: str) -> URL:
        try:
            target = url.join(URL(location)).with_fragment(None)
        except ValueError:
            raise FetchFailed("redirect", f"{_shown(url)} redirects to no address") from None
        if target.scheme != url.scheme or not target.host or target.user:
            raise FetchFailed(
                "redirect", f"{_shown(url)} redirects to {_shown(target)}, another scheme; write that address"
            )
        if target.host != url.host and await self._resolver.leads_inward(target.host):
            raise FetchFailed("redirect", f"{_shown(url)} redirects into a private network")
        return target

    async def _ask(self, url: URL, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by small names, and the body, which is read for good answers only."""
        assert self._session is not None, "the client is used within `async with`"
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                got = {name.lower(): value for name, value in response.headers.items()}
                body = await self._body(url, response, got) if response.status == 200 else b""
                return response.status, got, body
        except TimeoutError:
            raise FetchFailed("timeout", f"{_shown(url)} did not answer in time", again=True) from None
        except aiohttp.ClientPayloadError:
            raise FetchFailed("truncated", f"{_shown(url)} cut its answer off", again=True) from None
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            # Their texts can hold the whole address, secrets included: the class says enough. A name that
            # cannot even be looked up is a UnicodeError.
            raise FetchFailed("connection", f"{_shown(url)}: {type(error).__name__}", again=True) from None

    async def _body(self, url: URL, response: aiohttp.ClientResponse, headers: Mapping[str, str]) -> bytes:
        unpacker = Unpacker(headers.get("content-encoding", ""), self.limits.most_bytes, _shown(url))
        async for chunk in response.content.iter_chunked(CHUNK):
            unpacker.add(chunk)
        return unpacker.end()

    def _reply(self, url: URL, status: int, headers: Mapping[str, str], body: bytes) -> Reply:
        if status in {200, 304}:
            validators = Validators(headers.get("etag", ""), headers.get("last-modified", ""))
            return Reply(status, _shown(url), headers.get("content-type", ""), body, validators)
        if status in {401, 403}:
            raise FetchFailed("refused", f"{_shown(url)} refused us with {status}; check the token")
        if status == 429:
            raise FetchFailed("rate_limited", f"{_shown(url)} asked for fewer requests", again=True)
        if status >= 500:
            raise FetchFailed("server_error", f"{_shown(url)} answered {status}", again=True)
        raise FetchFailed("status", f"{_shown(url)} answered {status}")

    def _take_limits(
        self, url: URL, status: int, headers: Mapping[str, str], limit: RateLimit | None
    ) -> None:
        """Hold the host where the answer asks for it."""
        wait = self._retry_after(headers) if status == 429 or status >= 500 else 0
        if limit is not None and (status == 429 or _number(headers.get(limit.remaining), 1.0) < 1):
            reset = _number(headers.get(limit.reset), 0.0)
            # Against the server's own clock where it tells it: ours may differ.
            now = (moment(headers.get("date")) or self.clock.now) / SECOND
            seconds = reset - now if limit.is_epoch else reset
            wait = max(wait, round(min(max(seconds, 0.0), DAY / SECOND) * SECOND))
        if wait:
            host = _host(url)
            self._held[host] = max(self._held.get(host, 0), self.clock.now + wait)

    def _retry_after(self, headers: Mapping[str, str]) -> Nanos:
        """How long to wait by `Retry-After`, in seconds or as a date; 0 where it says nothing."""
        told = headers.get("retry-after", "").strip()
        if told.isascii() and told.isdigit():
            return min(int(told[:9]) * SECOND, DAY)
        due = moment(told)
        if due is None:
            return 0
        return min(max(due - (moment(headers.get("date")) or self.clock.now), 0), DAY)


class _Outward(aiohttp.ThreadedResolver):
    """Finds the addresses of names, and none inside a private network unless the user named the host."""

    def __init__(self, named: set[str]) -> None:
        super().__init__()
        self._named = named

    async def resolve(self, host: str, *args: Any, **settings: Any) -> Any:
        found = await super().resolve(host, *args, **settings)
        if host not in self._named and any(_is_inward(entry["host"]) for entry in found):
            # What aiohttp takes for a name that leads nowhere.
            raise OSError(f"{host} leads into a private network")
        return found

    async def leads_inward(self, host: str) -> bool:
        """Whether an address, or one of those that a name stands for, is not of the public internet."""
        if _is_inward(host):
            return True
        if host not in self._named:
            # Looked at when it is resolved for the connection, which no second answer can slip past.
            return False
        try:
            found = await super().resolve(host)
        except (OSError, UnicodeError):
            return False
        return any(_is_inward(entry["host"]) for entry in found)


def _is_inward(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False


def _address(address: str) -> URL:
    try:
        url = URL(address)
    except ValueError:
        raise ConfigError(f"{address!r} is not an address; write https://host/path") from None
    if url.scheme not in {"http", "https"} or not url.host or url.user or url.password:
        raise ConfigError(
            f"{_shown(url)!r} is not an address to fetch; write https://host/path without a name or password"
        )
    return url


def _shown(url: URL) -> str:
    """An address as it may stand in a log: without user, query and fragment, which can hold secrets."""
    return f"{url.scheme}://{_host(url)}{url.raw_path}"[:200]


def _host(url: URL) -> str:
    return f"{url.host}:{url.port}"


def _number(text: str | None, otherwise: float) -> float:
    try:
        number = float(text or "")
    except ValueError:
        return otherwise
    return number if abs(number) < 1e12 else otherwise
