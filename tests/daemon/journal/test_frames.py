"""The bytes of frames and headers: a cut is None, damage is an error, nothing else is possible."""

from __future__ import annotations

import struct
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.errors import DataError
from quant_daemon.journal.frames import Damaged, decode_frame, encode_frame, whole_frames
from quant_daemon.journal.header import (
    FORMAT_VERSION,
    MAX_HEADER,
    RunIdentity,
    SegmentHeader,
    decode_header,
    encode_header,
)

FRAME = encode_frame(3, 12, 99, b"an event")
RUN = RunIdentity("run-1", "config", "0.1.0", seed=7)
HEADER = SegmentHeader(RUN, RUN.tag, 2, 41, bytes(range(32)))


def flips(data: bytes):
    """Every way to turn one bit of `data`."""
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


@given(
    kind=st.integers(1, 5),
    seq=st.integers(0, 2**64 - 1),
    run=st.integers(0, 2**32 - 1),
    payload=st.binary(min_size=1, max_size=300),
    before=st.binary(max_size=9),
    after=st.binary(max_size=9),
)
def test_a_frame_survives_wherever_it_stands(kind, seq, run, payload, before, after):
    frame = encode_frame(kind, seq, run, payload)
    expected = (kind, seq, run, payload, len(before) + len(frame))
    assert decode_frame(before + frame + after, len(before)) == expected


def test_the_layout_is_the_documented_one():
    fields = struct.pack("<IQIB", 8, 12, 99, 3)
    assert (
        fields + struct.pack("<I", zlib.crc32(fields)) + b"an event"
        + struct.pack("<I", zlib.crc32(fields + b"an event"))
    ) == FRAME  # fmt: skip


def test_a_frame_cut_anywhere_is_incomplete_and_never_damaged():
    assert [decode_frame(FRAME[:cut], 0) for cut in range(len(FRAME))] == [None] * len(FRAME)


def test_every_flipped_bit_of_a_frame_is_damage():
    for changed in flips(FRAME):
        with pytest.raises(Damaged):
            decode_frame(changed, 0)


@pytest.mark.parametrize("length", [0, 16 * 1024 * 1024 + 1, 2**32 - 1])
def test_an_impossible_length_is_damage_even_when_its_checksum_is_right(length):
    fields = struct.pack("<IQIB", length, 1, 0, 1)
    with pytest.raises(Damaged, match="not possible"):
        decode_frame(fields + struct.pack("<I", zlib.crc32(fields)), 0)


@settings(max_examples=300)
@given(data=st.binary(max_size=200), offset=st.integers(0, 220))
def test_any_bytes_are_a_frame_a_cut_or_damage(data, offset):
    try:
        frame = decode_frame(data, offset)
    except Damaged as damage:
        end = damage.end
    else:
        end = len(data) if frame is None else frame[-1]
    assert min(offset, len(data)) <= end <= len(data)


def test_whole_frames_are_counted_in_bytes():
    two = FRAME + encode_frame(1, 13, 99, b"another")
    assert [whole_frames(two[:cut]) for cut in (0, 5, len(FRAME), len(FRAME) + 9, len(two))] == [
        0, 0, len(FRAME), len(FRAME), len(two)
    ]  # fmt: skip


def test_a_header_survives():
    data = encode_header(HEADER)
    assert decode_header(data + b"frames") == (HEADER, len(data))


def test_a_header_cut_anywhere_is_incomplete_and_never_damaged():
    data = encode_header(HEADER)
    assert [decode_header(data[:cut]) for cut in range(len(data))] == [None] * len(data)


def test_every_flipped_bit_of_a_header_is_damage():
    for changed in flips(encode_header(HEADER)):
        with pytest.raises(Damaged):
            decode_header(changed)


@settings(max_examples=300)
@given(data=st.binary(max_size=100), keep=st.integers(0, 40))
def test_any_bytes_are_a_header_a_cut_or_refused(data, keep):
    try:
        decoded = decode_header(encode_header(HEADER)[:keep] + data)
    except DataError:
        return
    assert decoded is None or isinstance(decoded[0], SegmentHeader)


def with_version(version: int, payload: bytes) -> bytes:
    fields = encode_header(HEADER)[:8] + struct.pack("<HI", version, len(payload))
    check = zlib.crc32(fields)
    return fields + struct.pack("<I", check) + payload + struct.pack("<I", zlib.crc32(payload, check))


def test_a_newer_format_is_refused_by_its_version_whatever_follows():
    with pytest.raises(DataError, match=r"format version 2, this program reads up to 1; use the version"):
        decode_header(with_version(FORMAT_VERSION + 1, b"who knows"))


def test_a_field_appended_to_the_header_is_skipped():
    written = msgspec.msgpack.decode(msgspec.msgpack.encode(HEADER))
    written[0].append("a new field of the run")
    data = with_version(1, msgspec.msgpack.encode([*written, "a new field"]))
    assert decode_header(data) == (HEADER, len(data))


def test_a_header_of_nonsense_is_refused_even_when_its_checksum_is_right():
    for payload in (b"", b"\xc0", msgspec.msgpack.encode(["run", 1]), b"\x91" * MAX_HEADER):
        with pytest.raises(DataError, match="cannot be understood"):
            decode_header(with_version(1, payload))
    with pytest.raises(DataError, match="not possible"):
        decode_header(with_version(1, bytes(MAX_HEADER + 1)))


def test_a_header_that_could_not_be_read_back_is_not_written():
    run = RunIdentity("r" * MAX_HEADER, "config", "0.1.0", seed=7)
    with pytest.raises(ValueError, match="a header takes"):
        encode_header(SegmentHeader(run, run.tag, 1, 1, bytes(32)))


def test_the_tag_tells_runs_apart():
    others = [
        RunIdentity("run-1", "config", "0.1.0", seed=8),
        RunIdentity("run-2", "config", "0.1.0", seed=7),
    ]
    assert len({RUN.tag, *(other.tag for other in others)}) == 3
