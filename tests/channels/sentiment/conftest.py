"""Time that passes when a test says so, and a server on this machine that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
import random
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest

from quant_channels.sentiment.fetching import Limits
from quant_channels.sentiment.http import HttpClient
from quant_contracts.units import SECOND

NOON = 1_759_492_800 * SECOND
"""2025-10-03T12:00:00Z."""


class VirtualClock:
    """Sleepers wake in the order of their time, each when the test moves time to it."""

    def __init__(self, now=NOON):
        self.now = now
        self.slept = []
        self._sleepers = []
        self._count = 0
        self._changed = asyncio.Event()

    async def sleep(self, duration):
        if duration <= 0:
            await asyncio.sleep(0)
            return
        self.slept.append(duration)
        woken = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self.now + duration, self._count, woken))
        self._changed.set()
        await woken

    async def step(self, sleepers=1):
        """Wait until so many sleep, then move time to the first who wakes."""
        while len(self._sleepers) < sleepers:
            self._changed.clear()
            await self._changed.wait()
        self.now, _, woken = heapq.heappop(self._sleepers)
        if not woken.done():
            woken.set_result(None)

    async def drive(self, work, sleepers=1):
        """The result of `work`, while time passes for it whenever `sleepers` sleep."""
        task = asyncio.ensure_future(work)
        while not task.done():
            step = asyncio.ensure_future(self.step(sleepers))
            await asyncio.wait({task, step}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                step.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await step
        return task.result()


class Request(NamedTuple):
    path: str
    params: dict
    headers: dict


HANG = object()
"""An answer that never comes."""


def answer(body=b"", status=200, headers=(), length=None):
    """The bytes of an HTTP answer."""
    if isinstance(body, str):
        body = body.encode()
    head = {"Content-Length": str(len(body) if length is None else length), "Connection": "close"}
    lines = [
        f"HTTP/1.1 {status} Told",
        *(f"{name}: {value}" for name, value in (head | dict(headers)).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def as_json(value, **settings):
    return answer(json.dumps(value), headers={"Content-Type": "application/json", **settings})


class Server:
    """Answers each request by what `script` makes of it, and remembers the requests."""

    def __init__(self, script):
        self.script = script
        self.requests = []
        self._open = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        self._open.add(asyncio.current_task())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            target = urlsplit(head[0].split(" ")[1])
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            request = Request(target.path, dict(parse_qsl(target.query)), headers)
            self.requests.append(request)
            told = self.script(request) if callable(self.script) else self.script.pop(0)
            if told is HANG:
                await asyncio.Event().wait()
            writer.write(told)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
        finally:
            self._open.discard(asyncio.current_task())
            writer.close()


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def serve():
    """A function from a script to a server, for `async with`."""
    return Server


@pytest.fixture
def client(clock):
    """A function from limits to a client on the virtual clock, for `async with`."""

    def make(**limits):
        return HttpClient(clock, random.Random(7), Limits(**{"timeout_seconds": 5.0, **limits}))

    return make


@pytest.fixture
def http():
    """Makes answers: `http.answer`, `http.as_json`, `http.HANG`."""

    class Told:
        pass

    Told.answer, Told.as_json, Told.HANG, Told.NOON = staticmethod(answer), staticmethod(as_json), HANG, NOON
    return Told
