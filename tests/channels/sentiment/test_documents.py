"""Recorded documents as a stream: known when they were seen, linked, scored, each story once."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.sentiment import recorded
from quant_channels.sentiment.documents import DocumentsFeed
from quant_channels.sentiment.handler import DocumentsHandler
from quant_channels.sentiment.items import RawItem
from quant_channels.sentiment.pipeline import SentimentPipeline
from quant_channels.sentiment.quality import CHECKS
from quant_channels.sentiment.store import DocumentStore, read_versions
from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.protocols import StreamFeed
from quant_contracts.testing import streams as kit
from quant_contracts.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND

NOON = 1_759_492_800 * SECOND


def item(name, title, **fields):
    return RawItem(str(name), **{"url": "", "text": "", "title": title, **fields})


@pytest.fixture
def store(tmp_path):
    """A function that stores looks: (source, when, items)."""

    def fill(*looks, outputs=None):
        with DocumentStore(tmp_path / "store") as opened:
            for source, seen, items in looks:
                opened.add(source, items, {}, seen=seen, now=seen + SECOND, outputs=outputs)
        return str(tmp_path / "store")

    return fill


@pytest.fixture
def lines(tmp_path):
    """A function from rows to a file of JSON lines."""

    def write(*rows, name="news.jsonl"):
        path = tmp_path / name
        path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
        return str(path)

    return write


def feed_of(path, symbol="BTCUSDT", **settings_):
    return DocumentsFeed("sentiment", symbol, path, **settings_)


def documents(feed, start=None, end=None, rows=1_000):
    return [event for block in feed.blocks(start, end, rows) for event in block.events()]


def found(feed):
    return {row.check: row.count for row in feed.quality()}


def test_a_document_is_known_when_it_was_seen_and_not_when_it_was_published(store):
    early = item(1, "Bitcoin rises", published=NOON - 3 * DAY)
    feed = feed_of(store(("rss:a", NOON, [early])), delay="5s")
    (document,) = documents(feed)
    assert (document.ts_event, document.first_seen) == (NOON - 3 * DAY, NOON)
    assert (document.ts_known, document.ingested) == (NOON + 5 * SECOND, NOON + SECOND)
    handler = DocumentsHandler(feed_of(feed.path, delay="5s"))
    handler.load_history(None, None, 100)
    for ts, count in ((NOON - DAY, None), (NOON + 5 * SECOND - 1, None), (NOON + 5 * SECOND, 1)):
        handler.advance(ts)
        view = handler.observe(0, ts)
        assert (None if view is None else len(view.documents)) == count


def test_an_edit_shows_the_old_text_until_it_was_seen(store):
    path = store(
        ("rss:a", NOON, [item(1, "Bitcoin rises", published=NOON - HOUR)]),
        ("rss:a", NOON + HOUR, [item(1, "Bitcoin crashes", published=NOON - HOUR, revised=NOON - MINUTE)]),
        ("rss:a", NOON + 2 * HOUR, [item(1, "", is_deleted=True)]),
    )
    first, second, gone = documents(feed_of(path, delay="0s"))
    assert [each.ts_known for each in (first, second, gone)] == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert [each.text for each in (first, second, gone)] == ["Bitcoin rises", "Bitcoin crashes", ""]
    assert [each.revision for each in (first, second, gone)] == [0, 1, 2]
    # It claims to have been edited before anybody saw that.
    assert second.ts_event == NOON - MINUTE
    assert first.vader > second.vader
    assert (gone.is_deleted, gone.vader, gone.relevance) == (True, None, 0.0)
    assert documents(feed_of(path, delay="0s"), end=NOON + HOUR - 1) == [first]


def test_only_what_is_about_the_symbol_is_delivered(store):
    path = store(
        (
            "rss:a",
            NOON,
            [
                item(1, "Bitcoin and ethereum rise"),
                item(2, "Ether falls"),
                item(3, "A quiet day"),
                item(4, "Satoshi's coin leads the way"),
            ],
        )
    )
    assert [each.doc_id for each in documents(feed_of(path))] == ["rss:a/1"]
    (both, ether) = documents(feed_of(path, "ETHUSDT"))
    assert (both.relevance, ether.relevance) == (pytest.approx(1 / 3), 1.0)
    assert len(documents(feed_of(path, "ETHUSDT", least_relevance=0.5))) == 1
    assert len(documents(feed_of(path, aliases=["satoshi"]))) == 2
    assert len(documents(feed_of(path, "WEIRD", base="ETH"))) == 2


def test_what_is_left_out_for_being_about_something_else_is_counted(store):
    about = ("Bitcoin and ethereum rise", "Ether falls", "A quiet day", "Gold rises", "Bitcoin falls")
    path = store(("rss:a", NOON, [item(place, text) for place, text in enumerate(about)]))
    feed = feed_of(path, least_relevance=0.7)
    assert [each.doc_id for each in documents(feed)] == ["rss:a/4"]
    rows = {row.check: row for row in feed.quality()}
    assert (rows["about_others"].count, rows["hardly_about"].count) == (3, 1)
    assert rows["about_others"].example == "a text that does not name the asset; left out, such as rss:a/1"
    assert rows["hardly_about"].example.endswith(
        "less about the asset than least_relevance; left out, such as rss:a/0"
    )
    later = feed_of(path)
    assert documents(later, start=NOON + HOUR) == []
    assert later.quality() == ()


def test_every_row_of_a_file_is_delivered_or_counted(shared_data):
    path = shared_data("text/crypto_headlines_stream_202510.parquet")
    feed = feed_of(str(path), assume_first_seen="published+5m")
    assert len(documents(feed)) == 139
    assert {row.check: row.count for row in feed.quality()}["about_others"] == 601 - 139


def test_an_edit_that_drops_the_symbol_is_delivered_as_about_something_else(store):
    path = store(("rss:a", NOON, [item(1, "Bitcoin rises")]), ("rss:a", NOON + 1, [item(1, "Gold rises")]))
    assert [each.relevance for each in documents(feed_of(path))] == [1.0, 0.0]
    assert documents(feed_of(path, "ETHUSDT")) == []


def test_a_story_counts_once_and_the_first_to_be_seen_wins(store):
    path = store(
        ("rss:a", NOON, [item(1, "Bitcoin rises", url="https://x.example/1")]),
        ("rss:b", NOON + 1, [item(2, "BITCOIN RISES!"), item(3, "Bitcoin at new high")]),
        ("rss:c", NOON + 2, [item(4, "Bitcoin, again", url="https://x.example/1?utm_source=c")]),
    )
    feed = feed_of(path)
    assert [each.doc_id for each in documents(feed)] == ["rss:a/1", "rss:b/3"]
    rows = {row.check: row for row in feed.quality()}
    assert (rows["duplicate_text"].count, rows["duplicate_url"].count) == (1, 1)
    assert rows["duplicate_text"].example == "rss:b/2 repeats rss:a/1"


def test_a_story_like_one_about_another_asset_is_news_here(store):
    told = "ETF issuers report large weekly inflows into spot {} products, says a report of the bank"
    path = store(
        ("rss:a", NOON, [item(1, told.format("bitcoin"))]),
        ("rss:a", NOON + 1, [item(2, told.format("ethereum"))]),
        ("rss:b", NOON + 2, [item(3, told.format("Ethereum"))]),
    )
    assert [version.duplicate and version.duplicate.of for version in read_versions(Path(path))] == [
        None,
        "rss:a/1",
        "rss:a/1",
    ]
    assert [each.doc_id for each in documents(feed_of(path))] == ["rss:a/1"]
    assert [each.doc_id for each in documents(feed_of(path, "ETHUSDT"))] == ["rss:a/2"]


def test_stored_scores_are_taken_and_others_are_made_now(store, tmp_path):
    titles = ["Exchange hacked, bitcoin falls", "Bitcoin rises"]
    stored = dict(zip("12", SentimentPipeline("plain").score(titles), strict=True))
    path = store(("rss:a", NOON, [item(1, titles[0])]), outputs={"1": stored["1"]})
    with DocumentStore(path) as opened:
        opened.add("rss:a", [item(2, titles[1])], {}, seen=NOON + 1, now=NOON + 1)
    feed = feed_of(path)
    first, second = documents(feed)
    (plain,), (crypto,) = stored["1"], SentimentPipeline("crypto").score([titles[1]])[0]
    assert (first.vader, first.models) == (plain.values[0], (plain.model,))
    assert (second.vader, second.models) == (crypto.values[0], (crypto.model,))
    assert (found(feed)["stored_scores"], found(feed)["scored_now"]) == (1, 1)
    again = documents(feed_of(path, scores="now"))
    assert [each.models for each in again] == [(crypto.model,)] * 2


def test_a_live_run_and_its_replay_score_alike(store):
    title = "Bitcoin soars as exchange withdrawals resume"
    scored = {"1": SentimentPipeline().score([title])[0]}
    with_scores = store(("rss:a", NOON, [item(1, title)]), outputs=scored)
    (stored,) = documents(feed_of(with_scores))
    (now,) = documents(feed_of(with_scores, scores="now"))
    assert stored == now


def test_a_live_run_is_told_what_a_backtest_reads(store):
    path = store(
        ("rss:a", NOON, [item(1, "Bitcoin rises"), item(2, "Ether falls")]),
        ("rss:b", NOON + 1, [item(3, "BITCOIN RISES"), item(4, "Bitcoin at new high")]),
        ("rss:a", NOON + 2, [item(1, "Bitcoin crashes")]),
        ("rss:a", NOON + 3, [item(1, "", is_deleted=True)]),
    )
    feed = feed_of(path)
    live = feed_of(path).begin()
    one_by_one = [each for version in read_versions(Path(path)) for each in live.take([version])]
    assert one_by_one == documents(feed)
    assert len(one_by_one) == 4
    assert live.findings.table() == feed.quality()


def test_weights_go_by_source_or_kind(store):
    path = store(
        ("rss:a", NOON, [item(1, "Bitcoin rises")]),
        ("rss:b", NOON + 1, [item(2, "Bitcoin sinks")]),
        ("reddit:Bitcoin", NOON + 2, [item(3, "Bitcoin sleeps")]),
    )
    feed = feed_of(path, source_weights={"rss": 0.5, "rss:b": 0.25})
    assert [each.weight for each in documents(feed)] == [0.5, 0.25, 1.0]


def test_a_file_that_does_not_say_when_it_was_seen_is_refused_in_a_backtest(lines):
    path = lines({"id": 1, "title": "Bitcoin rises", "published_s": 1_759_492_800})
    with pytest.raises(ConfigError, match=r'assume_first_seen = "published\+5m"'):
        documents(feed_of(path))


def test_a_declared_assumption_stands_in_and_is_seen_everywhere(lines):
    path = lines(
        {"id": 1, "title": "Bitcoin rises", "published_s": 1_759_492_800},
        {"id": 2, "title": "Bitcoin falls", "published": "2025-10-03T12:10:00Z", "source": "news:x"},
        {"id": 3, "title": "Bitcoin waits"},
        {"id": 4, "title": "Bitcoin acts", "first_seen_ms": 1_759_500_000_000, "published_s": 1_759_492_800},
    )
    feed = feed_of(path, assume_first_seen="published+5m", delay="0s")
    one, two, four = documents(feed)
    assert (one.ts_event, one.ts_known, one.is_assumed) == (NOON, NOON + 5 * MINUTE, True)
    assert (one.doc_id, two.doc_id) == ("file:news/1", "news:x/2")
    assert (four.ts_known, four.is_assumed) == (1_759_500_000 * SECOND, False)
    rows = {row.check: row for row in feed.quality()}
    assumed = rows["assumed_first_seen"]
    assert (assumed.count, assumed.example) == (2, "taken as seen at published+5m")
    assert rows["no_time"].count == 1


@pytest.mark.parametrize("kind", ["parquet", "jsonl.gz", "jsonl"])
def test_every_kind_of_file_says_the_same(tmp_path, kind):
    rows = [
        {
            "id": str(number),
            "source": "rss:a",
            "title": f"Bitcoin story {number}",
            "url": f"https://x.example/{number}",
            "published_ms": 1_759_492_800_000 + number * 1_000,
            "first_seen_ns": NOON + number * MINUTE,
            "vader": 0.1 * number,
            "vader_model": "vader-x/abc",
            "finbert": [0.5, 0.25, 0.25],
            "finbert_model": "finbert/abc",
        }
        for number in range(5)
    ]
    path = tmp_path / f"news.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(text) if kind.endswith("gz") else text)
    told = documents(feed_of(str(path), delay="0s"))
    assert [each.ts_known for each in told] == [NOON + number * MINUTE for number in range(5)]
    assert [each.vader for each in told] == [0.1 * number for number in range(5)]
    assert told[0].finbert == (0.5, 0.25, 0.25)
    assert told[0].models == ("vader-x/abc", "finbert/abc")


def test_rows_a_little_out_of_order_are_put_into_it_and_others_refused(lines, monkeypatch):
    rows = [
        {"id": number, "title": f"Bitcoin story {number}", "first_seen_s": 1_759_492_800 + seen}
        for number, seen in enumerate([0, 30, 10, 20, 60, 50])
    ]
    told = documents(feed_of(lines(*rows), delay="0s"))
    assert [(each.ts_known - NOON) // SECOND for each in told] == [0, 10, 20, 30, 50, 60]
    monkeypatch.setattr(recorded, "REORDERED", 0)
    with pytest.raises(DataError, match="sort the file"):
        documents(feed_of(lines(*rows)))


def test_a_later_row_of_one_name_is_an_edit_and_the_same_row_is_nothing(lines):
    row = {"id": 1, "title": "Bitcoin rises", "first_seen_ns": NOON}
    path = lines(
        row,
        row | {"first_seen_ns": NOON + 1},
        row | {"title": "Bitcoin falls", "first_seen_ns": NOON + 2},
        row | {"deleted": True, "first_seen_ns": NOON + 3},
    )
    feed = feed_of(path)
    assert [(each.revision, each.is_deleted) for each in documents(feed)] == [
        (0, False),
        (1, False),
        (2, True),
    ]
    assert (found(feed)["edited"], found(feed)["deleted"]) == (1, 1)


DEEP = "[" * 3_000 + "]" * 3_000
BAD = (
    "no json\n",
    "\n",
    "[]\n",
    '{"id": 1, "title": "cut off',
    '{"id": 1, "title": 5, "first_seen_ns": 1759492800000000000}\n',
    '{"id": null, "title": "t", "first_seen_ns": 1759492800000000000}\n',
    '{"id": 1, "title": "t", "first_seen_ns": -5}\n',
    '{"id": 1, "title": "t", "first_seen_ns": 1e309}\n',
    '{"id": 1, "title": "t", "first_seen_ns": NaN}\n',
    '{"id": 1, "title": "t", "first_seen": 1759492800}\n',
    '{"id": 1, "title": "t", "first_seen": "yesterday"}\n',
    '{"id": 1, "title": "t", "first_seen_ns": 1759492800000000000, "vader": 7, "vader_model": "m"}\n',
    '{"id": 1, "title": "t", "first_seen_ns": 1759492800000000000, "vader": "x", "vader_model": "m"}\n',
    '{"id": 1, "title": "t", "first_seen_ns": 1759492800000000000, "source": 5}\n',
    '{"id": 1, "title": ' + DEEP + "}\n",
    '{"id": 1, "title": "\\ud800", "first_seen_ns": 1759492800000000000}\n',
)


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_a_bad_row_is_counted_and_the_rest_is_read(lines, bad):
    good = {"id": 9, "title": "Bitcoin rises", "first_seen_ns": NOON}
    feed = feed_of(lines(good, bad))
    assert [each.doc_id for each in documents(feed)] == ["file:news/9"]
    assert found(feed).get("refused_row", 0) == (0 if bad == "\n" else 1)


def test_bytes_that_are_no_text_and_lines_without_end_are_counted(tmp_path):
    path = tmp_path / "news.jsonl"
    good = b'{"id": 9, "title": "Bitcoin rises", "first_seen_ns": 1759492800000000000}\n'
    path.write_bytes(b"\xff\xfe\n" + b"x" * (3 * 2**20) + b"\n" + good)
    feed = feed_of(str(path))
    assert (len(documents(feed)), found(feed)["refused_row"]) == (1, 2)


@settings(max_examples=60)
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_break_the_reading(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not one usable document in it"):
        documents(feed_of(str(path), assume_first_seen="published"))


def test_a_file_of_something_else_is_told_what_its_rows_lack(tmp_path):
    path = tmp_path / "bars.jsonl"
    path.write_text('{"open": 1, "close": 2}\n' * 3 + '{"id": 1, "title": "Bitcoin rises"}\n')
    with pytest.raises(DataError) as caught:
        documents(feed_of(str(path), assume_first_seen="published"))
    assert str(caught.value).endswith(
        "not one usable document in it: a row without id or text, or that cannot be read (3); "
        "neither first sight nor a time of publishing (1)"
    )


def test_where_scores_came_from_is_said_in_words(tmp_path):
    path = tmp_path / "news.jsonl"
    path.write_text('{"id": 9, "title": "Bitcoin rises", "first_seen_ns": 1759492800000000000}\n')
    feed = feed_of(str(path))
    documents(feed)
    assert [(row.check, row.example) for row in feed.quality()] == [
        ("scored_now", "scored while it was read")
    ]


def test_files_that_are_none_are_refused_in_one_line(tmp_path):
    for name, content in (
        ("a.parquet", b"no"),
        ("a.jsonl.gz", b"no"),
        ("b.jsonl.gz", gzip.compress(b"{}")[:-4]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError):
            documents(feed_of(str(tmp_path / name)))
    with pytest.raises(DataError, match="no such store or file"):
        documents(feed_of(str(tmp_path / "absent")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no documents in this folder"):
        documents(feed_of(str(tmp_path / "empty")))


@pytest.mark.parametrize("check", kit.CHECKS, ids=lambda check: check.__name__)
def test_the_promises_of_a_stream_feed_hold(check, store):
    looks = [
        ("rss:a", NOON + number // 3 * MINUTE, [item(number % 17, f"Bitcoin story {number * 7919 % 1013}")])
        for number in range(60)
    ]
    path = store(*looks)
    check(lambda: feed_of(path))


def test_where_reading_begins_changes_nothing(store):
    path = store(
        ("rss:a", NOON, [item(1, "Bitcoin rises")]),
        ("rss:b", NOON + 1, [item(2, "Bitcoin rises")]),
        ("rss:a", NOON + 2, [item(1, "Gold rises")]),
        ("rss:a", NOON + 3, [item(1, "", is_deleted=True)]),
        ("rss:a", NOON + 4, [item(3, "Bitcoin sleeps")]),
    )
    whole = documents(feed_of(path, delay="0s"))
    assert len(whole) == 4
    for start in range(NOON, NOON + 6):
        rest = documents(feed_of(path, delay="0s"), start=start)
        assert rest == [each for each in whole if each.ts_known >= start]


def test_real_headlines_are_a_stream_once_an_assumption_is_declared(shared_data):
    path = str(shared_data("text/crypto_headlines_stream_202510.parquet"))
    with pytest.raises(ConfigError, match="first seen"):
        documents(feed_of(path))
    feed = feed_of(path, assume_first_seen="published+5m")
    told = documents(feed)
    assert 100 < len(told) < 600
    assert all(each.is_assumed and each.relevance > 0 and -1 <= each.vader <= 1 for each in told)
    known = [each.ts_known for each in told]
    assert known == sorted(known)
    assert all(each.ts_known == each.ts_event + 5 * MINUTE + SECOND for each in told)
    assert found(feed)["assumed_first_seen"] == len(told)
    # The scores in that file name no model, so that nobody can say what they are.
    assert found(feed)["scored_now"] == len(told)
    assert set(found(feed)) <= set(CHECKS)


def test_the_source_is_named_by_what_counts(store, lines):
    path = store(("rss:a", NOON, [item(1, "Bitcoin rises")]))
    feed = feed_of(path)
    before = feed.info()
    assert before.name == "store"
    with Path(path, "000001.jsonl").open("ab") as file:
        file.write(b'{"type": "torn')
    # Nobody has read it yet, and nobody will.
    assert feed.info() == before
    assert len(documents(feed)) == 1


def test_a_missing_model_is_said_when_the_first_text_is_to_be_scored(store):
    feed = feed_of(store(("rss:a", NOON, [item(1, "Bitcoin rises")])), finbert="nowhere")
    with pytest.raises(ConfigError, match="nowhere"):
        documents(feed)


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ({"domain": "trades"}, "not of trades"),
        ({"path": ""}, "path must name"),
        ({"delay": "soon"}, "delay: 'soon' is not an interval"),
        ({"assume_first_seen": "5m"}, "such as published\\+5m"),
        ({"assume_first_seen": "published+x"}, "assume_first_seen: 'x' is not an interval"),
        ({"least_relevance": 1.5}, "0 to 1"),
        ({"source_weights": {"rss": 2.0}}, "rss must weigh 0 to 1"),
        ({"aliases": ["a b C"]}, "must be a ticker in capitals"),
        ({"pth": "x"}, "unknown key 'pth'; did you mean 'path'"),
    ],
)
def test_senseless_settings_are_refused(given_, text):
    plain = {
        "domain": "sentiment",
        "symbol": "BTCUSDT",
        "path": "x",
        "venue": "binance",
        "tick": "0.01",
        "lot": "1",
    }
    assert isinstance(convert(plain, DocumentsFeed, "$"), StreamFeed)
    with pytest.raises(ConfigError, match=text):
        convert(plain | given_, DocumentsFeed, "$")


def test_a_feed_is_a_shell_until_it_is_read(tmp_path):
    feed = feed_of(str(tmp_path / "absent"))
    assert (feed.domain, feed.symbol, feed.quality()) == ("sentiment", "BTCUSDT", ())
    # Nothing is opened before the first block is asked for.
    assert iter(feed.blocks(None, None, 10))


def test_a_document_is_what_the_contract_says(store):
    (document,) = documents(feed_of(store(("rss:a", NOON, [item(1, "Bitcoin rises", text="More.")]))))
    assert document.text == "Bitcoin rises\nMore."
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(document), type=type(document)) == document
    assert document.ts_known - NOON == 1_000 * MILLISECOND


def test_a_backtest_without_texts_to_read_pays_for_none_of_it():
    parts = "documents, handler, features, loader, store, sources.rss, sources.x, sources.json_news"
    code = (
        "import sys\n"
        + "".join(f"import quant_channels.sentiment.{part}\n" for part in parts.split(", "))
        + "heavy = {'aiohttp', 'feedparser', 'vaderSentiment', 'onnxruntime', 'tokenizers', 'pyarrow'}\n"
        "print(sorted(sys.modules.keys() & heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
