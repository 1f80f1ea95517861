"""What a reader makes of journals that were cut, zeroed, flipped, shuffled, mixed or renamed."""

from __future__ import annotations

import random
import shutil
import struct
import tracemalloc
import zlib

import pytest

from quant_contracts.errors import DataError, StorageError
from quant_contracts.events import Score
from quant_daemon.journal.codec import encode_event
from quant_daemon.journal.frames import CHAIN, END, KINDS, decode_frame, encode_frame
from quant_daemon.journal.header import RunIdentity, decode_header
from quant_daemon.journal.reader import JournalReader, read_journal
from quant_daemon.journal.writer import JournalWriter

COUNT = 260


def layout(segment: bytes) -> list[tuple[int, int, int]]:
    """Start, end and kind of every frame of a segment file."""
    _, offset = decode_header(segment)
    frames = []
    while frame := decode_frame(segment, offset):
        frames.append((offset, frame[-1], frame[0]))
        offset = frame[-1]
    return frames


@pytest.fixture
def journal(tmp_path, write, records):
    """A closed journal of several segments."""
    return write(tmp_path / "journal", records(COUNT))


def test_records_come_back_in_order_numbered_from_one(journal, records, read):
    assert len(list(journal.iterdir())) == 5
    found, reader = read(journal)
    assert found == records(COUNT)
    assert [seq for seq, _, _ in read_journal(journal)] == list(range(1, COUNT + 1))
    assert (reader.ending, reader.torn, reader.next_seq) == ("closed", None, COUNT + 1)


def test_segments_end_with_a_digest_and_the_journal_with_the_end(journal):
    kinds = [layout(path.read_bytes())[-1][2] for path in sorted(journal.iterdir())]
    assert kinds == [CHAIN] * 4 + [END]


def test_a_digest_stands_after_every_thousand_records(tmp_path, write):
    path = write(
        tmp_path / "journal", [("stage", Score(ts, "A", 0.5)) for ts in range(2_500)], segment_bytes=10**9
    )
    kinds = [kind for _, _, kind in layout((path / "000001.qej").read_bytes())]
    assert kinds == [2] * 1000 + [CHAIN] + [2] * 1000 + [CHAIN] + [2] * 500 + [END]


def test_a_single_segment_file_can_be_read_alone(journal, records):
    second, third = journal / "000002.qej", journal / "000003.qej"
    found = list(JournalReader(second))
    first = found[0][0]
    assert [(kind, event) for _, kind, event in found] == records(COUNT)[first - 1 : first - 1 + len(found)]
    assert next(iter(JournalReader(third)))[0] == found[-1][0] + 1


def test_reading_holds_one_piece_of_the_file_at_a_time(tmp_path, write, monkeypatch):
    scores = [("stage", Score(ts, "A", 0.5)) for ts in range(5_000)]
    path = write(tmp_path / "journal", scores, segment_bytes=10**9)
    monkeypatch.setattr("quant_daemon.journal.reader.READ_BYTES", 4096)
    reader = JournalReader(path)
    assert reader.ending is None
    tracemalloc.start()
    for (seq, _, event), ts in zip(reader, range(5_000), strict=True):
        assert (seq, event.ts) == (ts + 1, ts)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reader.ending == "closed"
    assert peak < 64 * 1024 < (path / "000001.qej").stat().st_size / 3


@pytest.mark.slow
def test_a_cut_at_any_byte_leaves_the_longest_prefix_and_is_said(journal, records, read):
    expected = [(kind, encode_event(event)) for kind, event in records(COUNT)]
    paths = sorted(journal.iterdir())
    contents = [path.read_bytes() for path in paths]
    before = [0]
    for content in contents:
        before.append(before[-1] + sum(kind in KINDS for _, _, kind in layout(content)))
    for place in range(len(paths) - 1, -1, -1):
        path, content = paths[place], contents[place]
        header = decode_header(content)[1]
        frames = layout(content)
        ends = {0, header, *(end for _, end, _ in frames)}
        for cut in range(len(content) - 1, -1, -1):
            with path.open("r+b") as file:
                file.truncate(cut)
            reader = JournalReader(journal)
            found = [(kind, payload) for _, kind, payload, _ in reader.frames()]
            whole = before[place] + sum(end <= cut and kind in KINDS for _, end, kind in frames)
            assert found == expected[:whole]
            if cut and cut in ends:
                assert (reader.ending, reader.torn) == ("open", None)
            else:
                good = max(end for end in ends if end <= cut)
                assert reader.ending == "torn"
                assert (reader.torn.path, reader.torn.offset, reader.torn.size) == (path, good, cut - good)
        path.unlink()


@pytest.mark.slow
def test_zeros_from_any_byte_to_the_end_are_a_torn_tail(journal, records):
    expected = [encode_event(event) for _, event in records(COUNT)]
    last = max(journal.iterdir())
    content = last.read_bytes()
    first_seq = decode_header(content)[0].first_seq
    frames = layout(content)
    for start in range(len(content) - 3):
        last.write_bytes(content[:start] + bytes(len(content) - start + start % 3 * 1_000))
        reader = JournalReader(journal)
        found = [payload for _, _, payload, _ in reader.frames()]
        whole = first_seq - 1 + sum(end <= start and kind in KINDS for _, end, kind in frames)
        # One more where the record's own last bytes happen to be the zeros.
        assert len(found) - whole in {0, 1}
        assert found == expected[: len(found)]
        assert reader.ending == "torn"


def test_zeros_before_more_bytes_are_damage(journal):
    last = max(journal.iterdir())
    content = bytearray(last.read_bytes())
    start, end, _ = layout(bytes(content))[5]
    content[start:end] = bytes(end - start)
    for tail in (b"", bytes(5_000)):
        last.write_bytes(content + tail)
        with pytest.raises(DataError, match=rf"byte {start:,}, record .*does not match its checksum"):
            list(JournalReader(journal))


def test_a_zero_by_chance_at_the_end_hides_no_damage(tmp_path, write, run):
    """The last byte of a checksum is zero in one record of 256."""
    scores = (Score(ts, "A", 0.5) for ts in range(10_000))
    score = next(score for score in scores if encode_frame(2, 1, run.tag, encode_event(score))[-1] == 0)
    path = write(tmp_path / "journal", [("stage", score)], close=False) / "000001.qej"
    content = bytearray(path.read_bytes())
    assert content[-1] == 0
    content[-10] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="record 1: the record does not match its checksum"):
        list(JournalReader(path))


def test_a_record_that_becomes_zeros_is_torn(journal, records, read):
    last = max(journal.iterdir())
    content = last.read_bytes()
    start, end, _ = layout(content)[7]
    for place in (start, start + 3, start + 21, end - 9):
        last.write_bytes(content[:place] + bytes(3_000))
        found, reader = read(journal)
        assert found == records(COUNT)[: decode_header(content)[0].first_seq - 1 + 7]
        assert (reader.ending, reader.torn.offset) == ("torn", start)


@pytest.mark.parametrize("start", [0, 3, 8, 17, 60], ids=lambda start: f"from byte {start}")
def test_a_header_of_zeros_is_a_torn_one(journal, read, start):
    last = max(journal.iterdir())
    last.write_bytes(last.read_bytes()[:start] + bytes(100))
    _, reader = read(journal)
    assert (reader.ending, reader.torn.path, reader.torn.offset) == ("torn", last, 0)


@pytest.mark.slow
def test_every_flipped_bit_is_found(journal):
    """A seeded sample over whole files, and every byte of every file's header."""
    source = random.Random(20220101)
    paths = sorted(journal.iterdir())
    for path in paths:
        content = path.read_bytes()
        everywhere = [source.randrange(len(content) * 8) for _ in range(800)]
        headers = [byte * 8 + source.randrange(8) for byte in range(decode_header(content)[1])]
        for bit in everywhere + headers:
            changed = bytearray(content)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            with pytest.raises(DataError) as caught:
                list(JournalReader(journal).frames())
            assert caught.value.exit_code == 65
        path.write_bytes(content)


def test_damage_is_named_by_file_byte_and_record(journal):
    path = journal / "000002.qej"
    content = bytearray(path.read_bytes())
    start, end, _ = layout(bytes(content))[3]
    content[end - 6] ^= 1
    path.write_bytes(content)
    seq = decode_header(bytes(content))[0].first_seq + 3
    reader = JournalReader(journal)
    with pytest.raises(DataError) as caught:
        list(reader)
    assert str(caught.value) == (
        f"{path}: byte {start:,}, record {seq:,}: the record does not match its checksum; "
        "nothing from there on is trusted; restore the file from a copy"
    )
    assert reader.next_seq == seq


def reordered(content: bytes, change) -> bytes:
    """`content` with the list of its frames' bytes changed by `change`."""
    frames = [content[start:end] for start, end, _ in layout(content)]
    header = content[: decode_header(content)[1]]
    change(frames)
    return header + b"".join(frames)


def swap(frames):
    frames[4], frames[5] = frames[5], frames[4]


@pytest.mark.parametrize("segment", ["000001.qej", "000005.qej"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda frames: frames.insert(4, frames[3]), id="duplicated"),
        pytest.param(lambda frames: frames.insert(9, frames[3]), id="repeated later"),
        pytest.param(swap, id="swapped"),
        pytest.param(lambda frames: frames.pop(4), id="dropped"),
        pytest.param(lambda frames: frames.pop(-2), id="the last record dropped"),
        pytest.param(lambda frames: frames.append(frames[-1]), id="the digest duplicated"),
        pytest.param(lambda frames: frames.append(frames[2]), id="an old record at the end"),
    ],
)
def test_records_out_of_place_are_found(journal, segment, change):
    path = journal / segment
    path.write_bytes(reordered(path.read_bytes(), change))
    with pytest.raises(DataError, match=r"stands in its place|chain is broken|breaks off"):
        list(JournalReader(journal))


def test_a_dropped_digest_is_found_at_the_next_record(tmp_path, write):
    scores = [("stage", Score(ts, "A", 0.5)) for ts in range(1_200)]
    path = write(tmp_path / "journal", scores, segment_bytes=10**9, close=False) / "000001.qej"
    path.write_bytes(reordered(path.read_bytes(), lambda frames: frames.pop(1_000)))
    with pytest.raises(DataError, match=r"record 1,001: the digest before the record is missing"):
        list(JournalReader(path))


def test_a_record_of_another_run_is_found(tmp_path, journal, write, records):
    other = write(tmp_path / "other", records(COUNT), run=RunIdentity("run-2", "config", "0.1.0", seed=7))
    path = journal / "000001.qej"
    content, foreign = path.read_bytes(), (other / "000001.qej").read_bytes()
    (start, end, _), (stranger, until, _) = layout(content)[6], layout(foreign)[6]
    path.write_bytes(content[:start] + foreign[stranger:until] + content[end:])
    with pytest.raises(DataError, match=r"record 7: the record is from another run"):
        list(JournalReader(journal))


def test_a_forged_record_breaks_the_chain(journal, run):
    path = journal / "000001.qej"
    content = path.read_bytes()
    start, end, kind = layout(content)[1]
    forged = encode_frame(kind, 2, run.tag, encode_event(Score(1, "FORGED", 0.5)))
    path.write_bytes(content[:start] + forged + content[end:])
    with pytest.raises(DataError, match="the chain is broken: records before it differ"):
        list(JournalReader(journal))


def test_a_kind_that_is_not_known_is_refused(tmp_path, run, write):
    path = write(tmp_path / "journal", [], close=False) / "000001.qej"
    path.write_bytes(path.read_bytes() + encode_frame(9, 1, run.tag, b"new"))
    with pytest.raises(DataError, match="kind 9 is not known"):
        list(JournalReader(path))


def test_an_event_that_is_not_known_is_named_with_its_schema(tmp_path, write):
    run = RunIdentity("run-1", "config", "9.0.0", seed=7, schema_version=3)
    path = write(tmp_path / "journal", [("stage", Score(1, "A", 0.5))], run=run, close=False) / "000001.qej"
    path.write_bytes(path.read_bytes() + encode_frame(2, 2, run.tag, b"\x92\xa7Novelty\x01"))
    with pytest.raises(DataError, match=r"record 2: .* written with schema 3 and is read with 1"):
        list(JournalReader(path))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda j: (j / "000002.qej").unlink(), "000002.qej is missing", id="one missing"),
        pytest.param(lambda j: (j / "000001.qej").unlink(), "000001.qej is missing", id="the first missing"),
        pytest.param(
            lambda j: shutil.copy(j / "000002.qej", j / "000003.qej"),
            "does not follow 000002.qej",
            id="one twice",
        ),
        pytest.param(
            lambda j: shutil.copy(j / "000002.qej", j / "000001.qej"),
            "is segment 2 and not",
            id="a wrong first",
        ),
        pytest.param(lambda j: (j / "000002.qej").write_bytes(b""), "breaks off", id="one emptied"),
    ],
)
def test_files_out_of_place_are_found(journal, spoil, message):
    spoil(journal)
    with pytest.raises(DataError, match=message):
        list(JournalReader(journal))


def test_a_cut_before_another_segment_is_damage(journal):
    path = journal / "000002.qej"
    content = path.read_bytes()
    header, frames = decode_header(content)[1], layout(content)
    for cut in (0, 10, header + 10, frames[-1][0] + 1, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises(DataError, match=r"000002.qej: byte .* breaks off, yet another one follows"):
            list(JournalReader(journal))
        path.write_bytes(content[:cut] + bytes(len(content) - cut))
        with pytest.raises(DataError, match=r"000002.qej: byte .* (breaks off|does not match)"):
            list(JournalReader(journal))
    path.write_bytes(content + b"more")
    with pytest.raises(DataError, match=r"000002.qej: byte .* breaks off, yet another one follows"):
        list(JournalReader(journal))
    for cut in (header, frames[4][1], frames[-1][0]):
        path.write_bytes(content[:cut])
        with pytest.raises(DataError, match=r"000003.qej: .*(does not follow|000002.qej differs)"):
            list(JournalReader(journal))


def test_a_segment_of_a_like_run_does_not_fit(tmp_path, write, records, run):
    """The same run journaled twice with one record differing: each half is sound, together they are not."""
    made = records(COUNT)
    one, two = write(tmp_path / "one", made), tmp_path / "two"
    other = [(made[0][0], Score(1, "BTCUSDT" * 8, 0.5)), *made[1:]]
    write(two, other)
    (two / "000001.qej").write_bytes((one / "000001.qej").read_bytes())
    with pytest.raises(DataError, match=r"does not follow 000001.qej|000001.qej differs"):
        list(JournalReader(two))


def test_a_newer_version_is_refused_and_not_touched(journal, run):
    path = journal / "000001.qej"
    content = path.read_bytes()
    fields = content[:8] + struct.pack("<H", 2) + content[10:14]
    newer = fields + struct.pack("<I", zlib.crc32(fields)) + content[18:]
    path.write_bytes(newer)
    with pytest.raises(DataError, match=r"000001.qej: byte 0, record 1: the file has format version 2"):
        list(JournalReader(journal))
    with pytest.raises(DataError, match="format version 2"):
        JournalWriter(journal, run)
    assert path.read_bytes() == newer


@pytest.mark.parametrize("content", [b"a text file\n", b"\x89PNG\r\n\x1a\n", b"x"])
def test_another_kind_of_file_is_no_journal(tmp_path, content):
    path = tmp_path / "000001.qej"
    path.write_bytes(content)
    with pytest.raises(DataError, match="this is not a journal"):
        list(JournalReader(tmp_path))


def test_a_place_without_a_journal_is_named(tmp_path):
    with pytest.raises(DataError, match="no such journal"):
        JournalReader(tmp_path / "absent")
    with pytest.raises(DataError, match="no journal here"):
        JournalReader(tmp_path)


def test_a_file_that_cannot_be_read_is_an_error_of_the_disk(journal, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied")

    reader = JournalReader(journal)
    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(StorageError, match="cannot be read: Permission denied"):
        list(reader)
