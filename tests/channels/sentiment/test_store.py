"""The store: every version, its times and its decision, whatever happens to the process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import msgspec
import pytest

from quant_channels.sentiment.items import RawItem
from quant_channels.sentiment.segments import TORN, Segments, read_lines, segments_of
from quant_channels.sentiment.store import DocumentStore, read_records, read_versions
from quant_channels.sentiment.versions import Output, Version
from quant_contracts.errors import DataError, StorageError
from quant_contracts.units import DAY, HOUR

NOON = 1_759_492_800_000_000_000


def item(name, title="Bitcoin rises", **fields):
    return RawItem(str(name), **{"url": "", "text": "", "title": title, **fields})


def add(store, items, source="rss:a", seen=NOON, memory=None):
    return store.add(source, items, memory or {}, seen=seen, now=seen + 5)


def test_a_version_keeps_its_four_times(tmp_path):
    with DocumentStore(tmp_path) as store:
        (made,) = add(store, [item(1, published=NOON - HOUR, revised=NOON - 7)])
    assert (made.published, made.revised, made.first_seen, made.ingested) == (
        NOON - HOUR,
        NOON - 7,
        NOON,
        NOON + 5,
    )
    assert made.ts_event == NOON - HOUR
    assert list(read_versions(tmp_path)) == [made]


def test_a_text_from_the_future_happened_when_it_was_seen(tmp_path):
    with DocumentStore(tmp_path) as store:
        (made,) = add(store, [item(1, published=NOON + HOUR)])
    assert (made.published, made.ts_event) == (NOON + HOUR, NOON)


def test_edits_and_deletions_are_further_versions_and_nothing_is_lost(tmp_path):
    with DocumentStore(tmp_path) as store:
        add(store, [item(1, "Bitcoin rises")])
        add(store, [item(1, "Bitcoin falls")], seen=NOON + 1)
        add(store, [item(1, "", is_deleted=True)], seen=NOON + 2)
        add(store, [item(1, "Bitcoin is back")], seen=NOON + 3)
        decisions = [decision.kind for decision in store.explain("rss:a/1")]
    told = [(version.revision, version.title, version.is_deleted) for version in read_versions(tmp_path)]
    assert told == [
        (0, "Bitcoin rises", False),
        (1, "Bitcoin falls", False),
        (2, "", True),
        (3, "Bitcoin is back", False),
    ]
    assert decisions == ["new", "edit", "deletion", "edit"]


def test_what_stands_unchanged_is_stored_once(tmp_path):
    with DocumentStore(tmp_path) as store:
        assert len(add(store, [item(1), item(1), item(2, "Ether falls sharply today")])) == 2
        assert add(store, [item(1), item(2, "Ether falls sharply today")], seen=NOON + 1) == []
        assert add(store, [item(9, is_deleted=True)], seen=NOON + 2) == []


def test_a_restart_changes_nothing_that_is_known(tmp_path):
    with DocumentStore(tmp_path) as store:
        add(store, [item(1)], memory={"etag": '"7"'})
    with DocumentStore(tmp_path) as store:
        assert store.memory("rss:a") == {"etag": '"7"'}
        assert store.memory("rss:b") == {}
        assert add(store, [item(1)], seen=NOON + 1, memory={"etag": '"7"'}) == []
        (again,) = add(store, [item(5, "BITCOIN RISES!")], source="rss:b", seen=NOON + 2)
        assert again.duplicate is not None
        assert again.duplicate.of == "rss:a/1"
    # The same memory is not written twice.
    assert len(list(read_records(tmp_path))) == 3


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        pytest.param(
            item(1, url="https://a.example/x?utm_source=rss"),
            item(2, "Quite another title", url="https://A.example/x/"),
            "url",
            id="one address",
        ),
        pytest.param(item(1), item(2, "BITCOIN rises."), "text", id="one text"),
        pytest.param(
            item(1, "Coinbase applies for a national trust charter in the United States"),
            item(2, "Coinbase applies for a national trust charter in United States"),
            "jaccard",
            id="nearly one text",
        ),
    ],
)
def test_the_same_story_from_two_feeds_counts_once_and_says_why(tmp_path, first, second, rule):
    with DocumentStore(tmp_path) as store:
        add(store, [first], source="rss:a")
        (made,) = add(store, [second], source="rss:b", seen=NOON + HOUR)
        (decision,) = store.explain("rss:b/2")
    assert made.duplicate is not None
    assert (decision.kind, decision.of, decision.rule) == ("duplicate", "rss:a/1", rule)
    assert str(decision).startswith("rss:b/2 revision 0: repeats rss:a/1, which was seen first")


TITLES = ["Bitcoin rises", "Ether falls", "bitcoin rises", "Solana halts", "ETHER FALLS!", "Solana halts."]


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(
            [(title, day) for title, day in zip(TITLES, (0, 1, 3, 7, 8, 15), strict=True)], id="news"
        ),
        # Each text counts anew a week after it was first seen, for which its first sight must be known.
        pytest.param([("Bitcoin price today", day) for day in range(45)], id="the same every day"),
        pytest.param([(TITLES[day % 2], 2 * day) for day in range(30)], id="two by turns"),
    ],
)
def test_decisions_do_not_depend_on_restarts(tmp_path, told):
    with DocumentStore(tmp_path / "one") as store:
        for number, (title, day) in enumerate(told):
            add(store, [item(number, title)], seen=NOON + day * DAY)
    for number, (title, day) in enumerate(told):
        with DocumentStore(tmp_path / "many") as store:
            add(store, [item(number, title)], seen=NOON + day * DAY)
    assert list(read_versions(tmp_path / "one")) == list(read_versions(tmp_path / "many"))


def test_time_never_goes_back_in_the_store(tmp_path):
    with DocumentStore(tmp_path) as store:
        add(store, [item(1)])
        (made,) = add(store, [item(2, "Ether falls")], seen=NOON - HOUR)
        assert made.first_seen == NOON
    with DocumentStore(tmp_path) as store:
        (made,) = add(store, [item(3, "Solana halts")], seen=NOON - HOUR)
        assert (made.first_seen, made.ingested) == (NOON, NOON)


def test_a_store_cut_at_any_byte_is_whole_up_to_its_last_line(tmp_path, monkeypatch):
    # What is tested is which bytes are there, not when they reach the disk.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    whole = tmp_path / "whole"
    with DocumentStore(whole) as store:
        add(store, [item(1), item(2, "Ether fällt 🌙")], memory={"etag": "1"})
        add(store, [item(1, "Bitcoin falls")], seen=NOON + 1, memory={"etag": "2"})
        add(store, [item(3, "", is_deleted=True), item(3, "Solana halts")], source="rss:b", seen=NOON + 2)
    (segment,) = segments_of(whole)
    content = segment.read_bytes()
    records = list(read_records(whole))
    ends = [0, *(place + 1 for place, byte in enumerate(content) if byte == 10)]
    for cut in range(len(content) + 1):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / segment.name).write_bytes(content[:cut])
        lines = len([end for end in ends if end <= cut]) - 1
        # A reader does not need the writer to have cleaned up.
        assert list(read_records(folder)) == records[:lines]
        with DocumentStore(folder) as store:
            assert store.torn == (cut not in ends)
            assert (folder / TORN).exists() == (cut not in ends)
            # What was lost is found again at its source, and nothing twice.
            again = add(store, [item(1), item(2, "Ether fällt 🌙")], seen=NOON + 9)
            if lines >= 2:
                assert [version.doc_id for version in again if version.doc_id != "rss:a/1"] == []
            else:
                assert len(again) == 2 - lines
        assert list(read_records(folder))[:lines] == records[:lines]
        assert all(line.startswith(b"{") for line in read_lines(folder / segment.name))


def test_a_killed_writer_leaves_what_it_had_synced(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from quant_channels.sentiment.items import RawItem\n"
        "from quant_channels.sentiment.store import DocumentStore\n"
        "store = DocumentStore(sys.argv[1])\n"
        "for number in range(1000):\n"
        "    store.add('rss:a', [RawItem(str(number), '', f'Story {number} of many', '')], {}, "
        "seen=number + 1, now=number + 1)\n"
        "    print(number, flush=True)\n"
        "    if number == 20:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -9
    assert done.stdout.split()[-1] == "20"
    with DocumentStore(tmp_path) as store:
        assert store.torn == 0
    assert [version.first_seen for version in read_versions(tmp_path)] == list(range(1, 22))


def test_a_damaged_line_is_refused_with_its_place(tmp_path):
    with DocumentStore(tmp_path) as store:
        add(store, [item(1)])
        add(store, [item(2, "Ether falls")])
    (segment,) = segments_of(tmp_path)
    segment.write_bytes(segment.read_bytes().replace(b'"revision":0', b'"revision":x', 1))
    with pytest.raises(DataError, match=r"000001\.jsonl: line 1 is damaged"):
        DocumentStore(tmp_path)
    with pytest.raises(DataError, match="damaged"):
        list(read_versions(tmp_path))
    # The lock went with the refusal.
    segment.unlink()
    DocumentStore(tmp_path).close()


def test_segments_have_a_size_and_are_read_in_their_order(tmp_path):
    with DocumentStore(tmp_path, segment_bytes=500) as store:
        for number in range(40):
            add(store, [item(number, f"Story {number}")], seen=NOON + number)
    assert len(segments_of(tmp_path)) > 5
    assert max(path.stat().st_size for path in segments_of(tmp_path)) < 1_000
    assert [version.first_seen - NOON for version in read_versions(tmp_path)] == list(range(40))
    with DocumentStore(tmp_path, segment_bytes=500) as store:
        assert add(store, [item(0, "Story 0")], seen=NOON + 50) == []


def test_two_processes_never_write_at_once(tmp_path):
    with DocumentStore(tmp_path):
        with pytest.raises(StorageError, match="another process is writing"):
            DocumentStore(tmp_path)
        assert list(read_versions(tmp_path)) == []
    DocumentStore(tmp_path).close()


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    store = DocumentStore(tmp_path)
    add(store, [item(1)])
    write = os.write

    def full(handle, data):
        write(handle, bytes(data[:10]))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="No space left"):
        add(store, [item(2, "Ether falls")])
    monkeypatch.undo()
    store.close()
    with DocumentStore(tmp_path) as again:
        assert again.torn == 0
        assert len(add(again, [item(2, "Ether falls")])) == 1


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        DocumentStore(tmp_path / "file" / "store")


def test_what_is_remembered_has_a_bound_and_what_still_stands_stays(tmp_path):
    with DocumentStore(tmp_path, remembered=10) as store:
        add(store, [item("old", "The oldest story")])
        for number in range(50):
            # The oldest still stands in its feed.
            add(store, [item(number, f"Story {number}"), item("old", "The oldest story")], seen=NOON + number)
        assert len(store._intake._last) == 10
        assert [decision.kind for decision in store.explain("rss:a/old")] == ["new"]


def test_outputs_of_models_stand_with_their_version(tmp_path):
    output = Output("vader", "vader-3.3.2/lexicon-ab", (0.5,))
    with DocumentStore(tmp_path) as store:
        store.add("rss:a", [item(1)], {}, seen=NOON, now=NOON, outputs={"1": (output,)})
    (version,) = read_versions(tmp_path)
    assert version.outputs == (output,)


@pytest.mark.parametrize(
    ("kind", "values"),
    [("vader", [1.5]), ("vader", []), ("finbert", [0.5, 0.5]), ("finbert", [2, 0, 0]), ("vader", [0.1, 0.2])],
)
def test_unlawful_outputs_are_refused(kind, values):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": kind, "model": "m", "values": values}, Output)


def test_nothing_to_store_writes_nothing(tmp_path):
    segments = Segments(tmp_path, 100)
    segments.add([])
    segments.close()
    segments.close()
    assert (tmp_path / "000001.jsonl").read_bytes() == b""


def test_a_version_is_one_line_whatever_it_says(tmp_path):
    with DocumentStore(tmp_path) as store:
        add(store, [item(1, "two\nlines\r\n\u2028and\x85more")])
    (version,) = read_versions(tmp_path)
    assert isinstance(version, Version)
    assert version.title == "two\nlines\r\n\u2028and\x85more"
