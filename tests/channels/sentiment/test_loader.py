"""Many sources, each at its pace: what fails fails alone, and what is stored is there after a restart."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest

from quant_channels.sentiment.clock import WallClock
from quant_channels.sentiment.fetching import FetchFailed
from quant_channels.sentiment.health import read_health
from quant_channels.sentiment.items import RawItem
from quant_channels.sentiment.loader import SentimentLoader
from quant_channels.sentiment.pipeline import SentimentPipeline
from quant_channels.sentiment.sources.rss import RssSource
from quant_channels.sentiment.sources.source import Poll
from quant_channels.sentiment.sources.x import XSource
from quant_channels.sentiment.store import DocumentStore, read_versions
from quant_contracts.errors import ConfigError, DataError, StorageError
from quant_contracts.units import MINUTE, SECOND


class Scripted:
    """A source that brings what it is told, look by look; the last for ever."""

    def __init__(self, name, script, cadence=MINUTE, log=None):
        self.name = name
        self.cadence = cadence
        self.script = list(script)
        self.log = [] if log is None else log
        self.handed = []

    def disabled(self):
        return ""

    async def poll(self, client, memory):
        self.handed.append(dict(memory))
        told = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(told, Exception):
            raise told
        return Poll(tuple(told), {"looks": str(len(self.handed))})


def item(name, title):
    return RawItem(str(name), "", title, "")


async def run_for(loader, clock, steps, sleepers, deliver=None):
    """Run the loader until time was moved `steps` times."""
    task = asyncio.ensure_future(loader.run(deliver))
    for _ in range(steps):
        step = asyncio.ensure_future(clock.step(sleepers))
        await asyncio.wait({task, step}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            step.cancel()
            break
    # All of them are back asleep: their looks are done.
    while not task.done() and len(clock._sleepers) < sleepers:
        clock._changed.clear()
        await clock._changed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_source_that_fails_stops_no_other(clock, tmp_path):
    failing = Scripted("rss:bad", [FetchFailed("timeout", "https://a.example/ did not answer in time")])
    good = Scripted("rss:good", [[item(1, "Bitcoin rises")], [item(2, "Ether falls")]])
    with DocumentStore(tmp_path) as store:
        loader = SentimentLoader([failing, good], store, None, clock)
        assert [health.state for health in loader.health()] == ["waiting", "waiting"]
        await run_for(loader, clock, 4, 2)
        bad, fine = loader.health()
    assert (bad.state, bad.last_ok, bad.last_error, bad.failures_in_row) == ("failing", None, "timeout", 3)
    assert bad.last_error_ts == clock.now
    assert (fine.state, fine.polls, fine.versions, fine.failures) == ("ok", 3, 2, 0)
    assert fine.last_ok == clock.now
    assert [version.title for version in read_versions(tmp_path)] == ["Bitcoin rises", "Ether falls"]


async def test_a_source_that_comes_back_is_ok_and_remembers_its_failure(clock, tmp_path):
    source = Scripted("rss:a", [FetchFailed("not_json", "no JSON"), [item(1, "Bitcoin rises")]])
    with DocumentStore(tmp_path) as store:
        loader = SentimentLoader([source], store, None, clock)
        await run_for(loader, clock, 1, 1)
        (health,) = loader.health()
    assert (health.state, health.failures, health.failures_in_row) == ("ok", 1, 0)
    assert (health.last_error, health.last_error_text) == ("not_json", "no JSON")


async def test_each_source_has_its_own_pace(clock, tmp_path, http):
    quick = Scripted("rss:quick", [[]], cadence=10 * SECOND)
    slow = Scripted("rss:slow", [[]], cadence=25 * SECOND)
    with DocumentStore(tmp_path) as store:
        await run_for(SentimentLoader([quick, slow], store, None, clock), clock, 7, 2)
    assert clock.now - http.NOON == 50 * SECOND
    assert (len(quick.handed), len(slow.handed)) == (6, 3)


async def test_what_is_new_is_delivered_once_it_is_stored(clock, tmp_path):
    source = Scripted(
        "rss:a", [[item(1, "Bitcoin rises")], [item(1, "Bitcoin rises"), item(2, "Ether falls")]]
    )
    came = []

    async def deliver(versions):
        came.extend(versions)
        assert list(read_versions(tmp_path)) == came

    with DocumentStore(tmp_path) as store:
        await run_for(SentimentLoader([source], store, None, clock), clock, 2, 1, deliver)
    assert [version.doc_id for version in came] == ["rss:a/1", "rss:a/2"]
    assert source.handed[1] == {"looks": "1"}


async def test_a_restart_asks_for_what_changed_since(clock, client, serve, http, tmp_path):
    feed = (
        '<rss version="2.0"><channel><item><guid>1</guid><title>Bitcoin rises</title></item></channel></rss>'
    )

    def script(request):
        if request.headers.get("if-none-match") == '"7"':
            return http.answer(status=304)
        return http.answer(feed, headers={"ETag": '"7"'})

    async with serve(script) as server:
        for _ in range(2):
            async with client() as asking:
                with DocumentStore(tmp_path) as store:
                    loader = SentimentLoader([RssSource("a", server.url)], store, asking, clock)
                    await clock.drive(loader.poll_once(RssSource("a", server.url)))
                    (health,) = loader.health()
    # Counts go on from those of the loader before.
    assert (health.polls, health.unchanged, health.versions) == (2, 1, 1)
    assert [version.title for version in read_versions(tmp_path)] == ["Bitcoin rises"]


async def test_a_source_without_its_token_is_disabled_in_one_line(clock, tmp_path):
    with DocumentStore(tmp_path) as store:
        loader = SentimentLoader([XSource("btc", "$BTC")], store, None, clock)
        (health,) = loader.health()
        assert health.state == "disabled"
        assert health.last_error_text == "no token; name a file with mode 0600 in token_file"
        # Nothing is left to wait for.
        await loader.run()
    assert clock.slept == []


async def test_a_source_that_cannot_work_is_disabled_while_others_go_on(clock, tmp_path):
    broken = Scripted("rss:a", [ConfigError('RSS needs feedparser: pip install "quant-engine[news]"')])
    good = Scripted("rss:b", [[item(1, "Bitcoin rises")]])
    with DocumentStore(tmp_path) as store:
        loader = SentimentLoader([broken, good], store, None, clock)
        await run_for(loader, clock, 3, 1)
        states = [health.state for health in loader.health()]
    assert states == ["disabled", "ok"]
    assert len(broken.handed) == 1


async def test_a_disk_that_is_full_stops_the_loader(clock, tmp_path, monkeypatch):
    with DocumentStore(tmp_path) as store:
        loader = SentimentLoader([Scripted("rss:a", [[item(1, "Bitcoin rises")]])], store, None, clock)

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(ExceptionGroup) as raised:
            await loader.run()
        monkeypatch.undo()
    assert raised.group_contains(StorageError, match="No space left")


async def test_scores_are_stored_with_the_text(clock, tmp_path):
    source = Scripted("rss:a", [[item(1, "Exchange hacked, withdrawals halted"), item(2, "A day")]])
    with DocumentStore(tmp_path) as store:
        loader = SentimentLoader([source], store, None, clock, SentimentPipeline("plain"))
        await loader.poll_once(source)
    first, second = read_versions(tmp_path)
    assert [output.values for output in (*first.outputs, *second.outputs)] == [(-0.4019,), (0.0,)]
    assert first.outputs[0].model.startswith("vader-")
    assert first.ingested >= first.first_seen


async def test_duplicates_are_counted(clock, tmp_path):
    source = Scripted("rss:a", [[item(1, "Bitcoin rises"), item(2, "BITCOIN RISES")]])
    with DocumentStore(tmp_path) as store:
        loader = SentimentLoader([source], store, None, clock)
        await loader.poll_once(source)
        (health,) = loader.health()
    assert (health.items, health.versions, health.duplicates) == (2, 2, 1)


async def test_cancelling_in_the_middle_of_a_look_loses_nothing_stored(clock, client, serve, http, tmp_path):
    came = asyncio.Event()

    def script(_):
        came.set()
        return http.HANG

    async with serve(script) as server, client() as asking:
        with DocumentStore(tmp_path) as store:
            sources = [RssSource("slow", server.url), Scripted("rss:b", [[item(1, "Bitcoin rises")]])]
            task = asyncio.ensure_future(SentimentLoader(sources, store, asking, clock).run())
            await came.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert [version.title for version in read_versions(tmp_path)] == ["Bitcoin rises"]


async def test_every_source_is_looked_at_once(clock, tmp_path):
    fails = Scripted("rss:a", [FetchFailed("timeout", "no answer")])
    brings = Scripted("rss:b", [[item(1, "Bitcoin rises"), item(2, "BITCOIN RISES")]])
    told = []
    with DocumentStore(tmp_path) as store:
        sources = [XSource("btc", "$BTC"), fails, brings]
        await SentimentLoader(sources, store, None, clock, watch=told.append).look_once()
    assert clock.slept == []
    assert [(look.source, look.state, look.error) for look in told] == [
        ("x:btc", "disabled", "disabled"),
        ("rss:a", "failing", "timeout"),
        ("rss:b", "ok", ""),
    ]
    assert (told[2].items, told[2].new, told[2].duplicates, told[2].versions) == (2, 1, 1, 2)


async def test_how_sources_are_doing_is_kept_beside_the_documents(clock, tmp_path):
    first = Scripted("rss:a", [[item(1, "Bitcoin rises")]])
    other = Scripted("rss:b", [FetchFailed("timeout", "no answer")])
    for sources in ([first], [first, other], [other]):
        with DocumentStore(tmp_path) as store:
            await SentimentLoader(sources, store, None, clock).look_once()
            clock.now += MINUTE
    kept, failing = sorted(read_health(tmp_path), key=lambda health: health.source)
    assert (kept.source, kept.state, kept.polls, kept.versions) == ("rss:a", "ok", 2, 1)
    assert (failing.state, failing.failures_in_row, failing.last_ok) == ("failing", 2, None)
    assert [version.title for version in read_versions(tmp_path)] == ["Bitcoin rises"]


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b"[" * 3_000, b'[{"source": 1}]'])
def test_a_damaged_file_of_health_is_refused_by_name(clock, tmp_path, content):
    (tmp_path / "health.json").write_bytes(content)
    with pytest.raises(DataError, match=r"health.json: damaged .*; take it away"):
        read_health(tmp_path)


def test_two_sources_of_one_name_are_refused(clock, tmp_path):
    with DocumentStore(tmp_path) as store, pytest.raises(ConfigError, match="two sources are called 'rss:a'"):
        SentimentLoader([Scripted("rss:a", [[]]), Scripted("rss:a", [[]])], store, None, clock)


async def test_the_clock_of_the_machine_never_goes_back(monkeypatch):
    import time

    told = iter([10, 20, 15, 30])
    monkeypatch.setattr(time, "time_ns", lambda: next(told))
    clock = WallClock()
    assert [clock.now for _ in range(4)] == [10, 20, 20, 30]
    await clock.sleep(-5)


async def test_a_token_is_in_no_store_and_no_health(clock, client, serve, http, tmp_path):
    token = tmp_path / "token"
    token.write_text("canary-77")
    token.chmod(0o600)
    # Even a server that sends the token back in a header gets it nowhere.
    told = [
        http.as_json({"data": [{"id": "5", "text": "Bitcoin rises"}], "meta": {"newest_id": "5"}}),
        http.answer(status=401, headers={"Location": "/canary-77", "ETag": "canary-77"}),
        http.answer("canary-77"),
    ]
    async with serve(told) as server, client() as asking:
        source = XSource("btc", "$BTC", token_file=str(token), base_url=server.url)
        with DocumentStore(tmp_path / "store") as store:
            loader = SentimentLoader([source], store, asking, clock)
            for _ in range(3):
                await clock.drive(loader.poll_once(source))
            health = loader.health()
        assert [request.headers["authorization"] for request in server.requests] == ["Bearer canary-77"] * 3
    assert health[0].failures == 2
    assert "canary" not in f"{health} {source!r} {store.memory('x:btc')}"
    assert all(b"canary" not in path.read_bytes() for path in (tmp_path / "store").iterdir())


async def test_a_token_that_others_can_read_disables_its_source(clock, client, tmp_path):
    token = tmp_path / "token"
    token.write_text("canary-77")
    token.chmod(0o644)
    source = XSource("btc", "$BTC", token_file=str(token))
    with DocumentStore(tmp_path / "store") as store:
        async with client() as asking:
            loader = SentimentLoader([source], store, asking, clock)
            await loader.poll_once(source)
        (health,) = loader.health()
    assert health.state == "disabled"
    assert "mode 0600" in health.last_error_text
