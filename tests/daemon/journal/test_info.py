"""The numbers of a journal."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quant_contracts.errors import DataError
from quant_contracts.events import Bar, FormingBar, PortfolioSnapshot, Score, StepSnapshot
from quant_daemon.journal.info import journal_info, known_at


def test_the_numbers_of_a_journal(tmp_path, run, write, records):
    made = records(300)
    info = journal_info(write(tmp_path / "journal", made))
    assert info.header.run == run
    assert info.segments == 6
    assert info.counts == {"input": 75, "stage": 75, "decision": 150}
    assert (info.first_ts, info.last_ts) == (made[0][1].ts_known, made[-1][1].ts)
    assert (info.ending, info.torn) == ("closed", None)


def test_a_journal_without_records_has_no_times(tmp_path, write):
    info = journal_info(write(tmp_path / "journal", []))
    assert (info.first_ts, info.last_ts, sum(info.counts.values())) == (None, None, 0)


def test_a_torn_tail_is_told(tmp_path, write, records):
    path = write(tmp_path / "journal", records(20), close=False)
    segment = path / "000001.qej"
    segment.write_bytes(segment.read_bytes()[:-3])
    info = journal_info(path)
    assert (info.ending, info.torn.path, sum(info.counts.values())) == ("torn", segment, 19)
    segment.write_bytes(segment.read_bytes()[:9])
    assert journal_info(path).header is None


def test_damage_is_an_error(tmp_path, write, records):
    path = write(tmp_path / "journal", records(20))
    segment = path / "000001.qej"
    content = bytearray(segment.read_bytes())
    content[500] ^= 4
    segment.write_bytes(content)
    with pytest.raises(DataError, match="checksum"):
        journal_info(path)


def test_an_event_is_known_when_it_could_first_be():
    portfolio = PortfolioSnapshot(3, Decimal(1), {}, {}, 1.0, 0.0, 0.0, Decimal(0), Decimal(0))
    assert known_at(Bar(5, 7, "A", 5, 1.0, 1.0, 1.0, 1.0, 0.0)) == 7
    assert known_at(FormingBar(9, 6, "A", 5, 1.0, 1.0, 1.0, 1.0, 0.0)) == 6
    assert known_at(StepSnapshot(4, {}, {}, {}, (), portfolio)) == 4
    assert known_at(Score(2, "A", 0.5)) == 2
