"""From servers on this machine through the store into the report of a backtest; and how fetching ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import threading
import time

import pytest
from aiohttp import web

from quant_channels.sentiment.health import read_health
from quant_channels.sentiment.store import read_versions

FENCE = """
import socket

connect, look_up = socket.socket.connect, socket.getaddrinfo


def guarded(self, address):
    assert self.family == socket.AF_UNIX or address[0] == "127.0.0.1", f"a test tried to reach {address[0]}"
    return connect(self, address)


def guarded_look_up(host, *args, **settings):
    assert host in {"127.0.0.1", "localhost"}, f"a test tried to look up {host}"
    return look_up(host, *args, **settings)


socket.socket.connect, socket.getaddrinfo = guarded, guarded_look_up
"""
QUICK = {"spacing_seconds": 0, "first_wait_seconds": 0.01, "tries": 3, "timeout_seconds": 5}
ITEM = "<item><guid>{0}</guid><title>{1}</title><link>https://news.example/{0}</link></item>"
RISES, RAISES, FALLS = (
    "Bitcoin rises as inflows hit a record",
    "Exchange raises fees for bitcoin withdrawals",
    "Bitcoin falls as inflows turn out to be a mistake",
)
HACKED = "Bitcoin exchange hacked, withdrawals halted"
EDITIONS = [
    [("a", RISES), ("b", RAISES)],
    # The first is edited, and the last tells what the news service told.
    [("a", FALLS), ("b", RAISES), ("c", HACKED.upper() + "!")],
]
PAGES = {
    "1": [{"id": 1, "title": HACKED}, {"id": 2, "title": "Miners sell their bitcoin"}],
    "2": [{"id": 3, "title": "A quiet day for bitcoin ends"}],
}


class Press:
    """A newspaper, a news service with bad days, a server that is broken and one that never answers."""

    def __init__(self):
        self.edition = 0
        self.seen = []
        self._bad_days = {"1": 429, "2": 500}
        app = web.Application()
        for answer in (self.rss, self.news, self.broken, self.mute):
            app.router.add_get(f"/{answer.__name__}", answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._do(self._begin())}"
        return self

    def __exit__(self, *_):
        self._do(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _begin(self):
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return self._runner.addresses[0][1]

    def _said(self, request, status, **settings):
        self.seen.append((request.path, request.query.get("page"), status))
        return web.Response(status=status, **settings)

    async def rss(self, request):
        etag = f'"{self.edition}"'
        if request.headers.get("If-None-Match") == etag:
            return self._said(request, 304)
        items = "".join(ITEM.format(*item) for item in EDITIONS[self.edition])
        body = f'<rss version="2.0"><channel>{items}</channel></rss>'
        return self._said(request, 200, text=body, headers={"ETag": etag})

    async def news(self, request):
        page = request.query["page"]
        if request.headers.get("If-None-Match") == '"n"':
            return self._said(request, 304)
        if status := self._bad_days.pop(page, None):
            return self._said(request, status, headers={"Retry-After": "0"})
        body = json.dumps(PAGES.get(page, []))
        headers = {"ETag": '"n"'} if page == "1" else {}
        return self._said(request, 200, text=body, content_type="application/json", headers=headers)

    async def broken(self, request):
        return self._said(request, 500)

    async def mute(self, _):
        await asyncio.Event().wait()


def source(kind, **params):
    return {"class": kind, "params": params}


@pytest.fixture
def press():
    with Press() as server:
        yield server


@pytest.fixture
def fenced(write, tmp_path):
    """The environment of a process that can reach nothing but this machine."""
    write("site/sitecustomize.py", FENCE)
    return {"PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}


def test_news_are_fetched_once_and_stand_in_the_report(press, fenced, write, done, tmp_path):
    write(
        "sources.json",
        {
            "sources": [
                source("rss", label="paper", url=f"{press.url}/rss"),
                source("news", label="wire", url=f"{press.url}/news", page_param="page"),
                source("rss", label="broken", url=f"{press.url}/broken"),
                source("x", label="btc", query="$BTC"),
            ],
            "client": QUICK,
        },
    )
    words = ("documents", "fetch", "sources.json", "--store", "news", "--once")

    def fetch():
        lines = done(*words, env=fenced).splitlines()
        looks = dict(line.partition(" ")[2].split(": ", 1) for line in lines[:-1])
        assert looks.pop("x:btc") == "disabled: no token; name a file with mode 0600 in token_file"
        assert looks.pop("rss:broken") == f"failed (server_error): {press.url}/broken answered 500"
        return looks, lines[-1]

    looks, sums = fetch()
    assert looks == {"rss:paper": "2 new", "news:wire": "3 new"}
    assert sums == "4 sources: 3 looks, 5 versions stored, 1 failed, 1 disabled"
    of_the_wire = [(page, status) for path, page, status in press.seen if path == "/news"]
    assert of_the_wire == [("1", 429), ("1", 200), ("2", 500), ("2", 200), ("3", 200)]

    press.edition = 1
    assert fetch()[0] == {"rss:paper": "1 edited, 1 duplicate", "news:wire": "unchanged"}
    press.seen.clear()
    # Another process asks again for what changed, and nothing did.
    assert fetch()[0] == {"rss:paper": "unchanged", "news:wire": "unchanged"}
    answered = sorted((path, status) for path, _, status in press.seen if path != "/broken")
    assert answered == [("/news", 304), ("/rss", 304)]

    listed = json.loads(done("documents", "list", "--store", "news", "--json"))
    assert [(row["decision"], row["doc_id"], row.get("revision")) for row in listed[-2:]] == [
        ("edit", "rss:paper/a", 1),
        ("duplicate", "rss:paper/c", 0),
    ]
    explained = done("documents", "explain", "rss:paper/c", "--store", "news").splitlines()
    assert explained[0] == "rss:paper/c revision 0: repeats news:wire/1, which was seen first (text 1)"
    health = {row.source: row for row in read_health(tmp_path / "news")}
    assert (health["rss:paper"].polls, health["rss:paper"].unchanged) == (3, 1)
    assert (health["rss:broken"].failures_in_row, health["rss:broken"].last_ok) == (3, None)

    day = time.strftime("%Y-%m-%d", time.gmtime(listed[0]["first_seen"] // 1_000_000_000))
    write("s.json", strategy(day))
    done("backtest", "s.json", "--out", "report")
    quality = json.loads((tmp_path / "report" / "data_quality.json").read_text())
    counts = {row["check"]: row["count"] for row in quality if row["symbol"] == "BTCUSDT"}
    assert counts["edited"] == 1
    assert counts["duplicate_text"] == 1
    # Five documents and the edit of one, as they were scored when they were fetched.
    assert counts["stored_scores"] == 6
    assert "scored_now" not in counts


def strategy(day):
    """A run over two days of bars that reads the store."""
    term = {"channel": "SentimentScore", "output": "sentiment_6h", "weight": 0.4, "optional": True}
    return {
        "BTCUSDT": {
            "strategy": {
                "model": source("LinearModel", terms=[term]),
                "decision": source("ThresholdDecision", threshold=0.1),
                "risk": source("ATRSizer"),
                "execution": source("TWAPPolicy"),
            }
        },
        "data": {
            "BTCUSDT": {
                "source": source("synthetic", start=day, days=3),
                "interval": "15m",
                "sentiment": {"source": source("documents", path="news"), "when_stale": "use"},
            }
        },
    }


def test_no_process_of_these_tests_can_reach_another_machine(fenced, write, attempt, tmp_path):
    # An address that is set aside for documentation.
    write("s.json", {"sources": [source("rss", label="a", url="http://192.0.2.1/")], "client": QUICK})
    ended = attempt(tmp_path, ["documents", "fetch", "s.json", "--once"], fenced)
    assert ended.code == 70
    assert "a test tried to reach 192.0.2.1" in ended.err


@pytest.fixture
def underway(program, press, fenced, write):
    """A function that starts to fetch from the paper and from a source that hangs, until the paper's line."""
    started = []
    # A process that ignores Ctrl-C, as one in the background does, would have its children ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def run(hangs=None):
        paper = source("rss", label="paper", url=f"{press.url}/rss", every="1h")
        hanging = hangs or source("rss", label="mute", url=f"{press.url}/mute")
        write("s.json", {"sources": [paper, hanging], "client": QUICK | {"timeout_seconds": 60}})
        process = subprocess.Popen(
            [program, "documents", "fetch", "s.json"],
            env={**os.environ, **fenced},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline().endswith("rss:paper: 2 new\n")
        return process

    yield run
    signal.signal(signal.SIGINT, before)
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


SUMS = "2 sources: 1 look, 2 versions stored\n"


@pytest.mark.parametrize(
    ("sent", "code", "err"), [(signal.SIGINT, 130, "stopped\n"), (signal.SIGTERM, 0, "")], ids=["INT", "TERM"]
)
def test_a_signal_ends_it_at_once_and_what_was_stored_stays(underway, tmp_path, sent, code, err):
    process = underway()
    process.send_signal(sent)
    assert process.communicate(timeout=5) == (SUMS, err)
    assert process.returncode == code
    assert [version.title for version in read_versions(tmp_path / "documents")] == [RISES, RAISES]


def test_a_thread_that_hangs_is_not_waited_for(underway):
    # Opening a pipe that nobody writes to waits for ever.
    os.mkfifo("pipe.jsonl")
    process = underway(source("file", label="pipe", path="pipe.jsonl"))
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=5) == (SUMS, "stopped\n")
    assert process.returncode == 130


def test_after_a_kill_it_goes_on_where_it_was(underway, press, fenced, write, done, tmp_path):
    process = underway()
    process.kill()
    process.communicate()
    segment = tmp_path / "documents" / "000001.jsonl"
    # As if it had been killed in the middle of a line.
    segment.write_bytes(segment.read_bytes() + b'{"type": "version", "doc_id": "rss:pa')
    write("once.json", {"sources": [source("rss", label="paper", url=f"{press.url}/rss")], "client": QUICK})
    assert "rss:paper: unchanged" in done("documents", "fetch", "once.json", "--once", env=fenced)
    assert [version.title for version in read_versions(tmp_path / "documents")] == [RISES, RAISES]


def test_a_second_process_is_refused_and_readers_are_not(underway, fenced, refused, done):
    process = underway()
    line = refused(74, "documents", "fetch", "s.json", "--once", env=fenced)
    assert line == "documents: another process is writing to it; wait for it to end"
    assert len(done("documents", "list").splitlines()) == 2
    assert process.poll() is None
