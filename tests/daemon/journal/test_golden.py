"""Journals written by released versions stay readable for ever: their files are never written again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from quant_contracts.events import (
    Bar,
    CancelIntent,
    DataGap,
    Features,
    Fill,
    FormingBar,
    Halted,
    Intent,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderIntent,
    OrderRejected,
    OrderUnknown,
    PortfolioSnapshot,
    Readiness,
    Score,
    StepSnapshot,
    Target,
)
from quant_daemon.journal.header import RunIdentity
from quant_daemon.journal.info import journal_info

V1 = Path(__file__).parent / "golden" / "v1"
TS = 1_640_995_260_000_000_000


def written_by_v1():
    """The records of `golden/v1`: one of every event that version 1 had, in segments of 1,000 bytes."""
    btc = "BTCUSDT"
    fill = Fill(
        TS + 60, btc, "o1", "t1", 1, Decimal("46656.13"), Decimal("0.10000"), Decimal("1.86624520"),
        "taker", Decimal("46650.00"), "open", Decimal("0.10000"), Decimal("0.00000"), "p1",
    )  # fmt: skip
    target = Target(
        TS, btc, Decimal("0.10000"), Decimal("45000.00"), None, "score above threshold", ("gross", "lot")
    )
    portfolio = PortfolioSnapshot(
        TS + 60, Decimal("95332.52075480"), {btc: Decimal("0.10000")}, {btc: 46656.13}, 99998.13375480,
        4665.613, 4665.613, Decimal(0), Decimal("1.86624520"),
    )  # fmt: skip
    features = {"rsi_14": 28.5, "atr_14": 0.1 + 0.2}
    return [
        ("input", Bar(TS, TS + 5, btc, 60_000_000_000, 46216.93, 46271.08, 46208.37, 46250.0, 40.57574)),
        ("input", FormingBar(TS + 60, TS + 9, btc, 60_000_000_000, 46250.0, 46251.0, 46249.5, 46250.5, 1e-8)),
        ("stage", Features(TS, btc, features)),
        ("stage", Score(TS, btc, 0.7166666666666667)),
        ("decision", Intent(TS, btc, 1, 0.5, "score above threshold")),
        ("decision", target),
        (
            "decision",
            OrderIntent(
                TS, btc, "o1", "p1", 1, Decimal("0.10000"), "limit", Decimal("46650.01"), "ioc", True,
                46250.0, 46251.5, 0.031, 25_000.0, "bracket-1",
            ),
        ),
        ("decision", CancelIntent(TS, btc, "o0", "replaced")),
        ("decision", OrderAccepted(TS + 10, btc, "o1", "v-77")),
        ("decision", OrderRejected(TS + 11, btc, "o2", "below the minimum")),
        ("decision", OrderCanceled(TS + 12, btc, "o3", "asked for", Decimal("0.00400"))),
        ("decision", OrderExpired(TS + 13, btc, "o4", "ioc", Decimal("0.00001"))),
        ("decision", OrderUnknown(TS + 14, "ÜNÏ/€", "o5", "no answer in time")),
        ("decision", fill),
        ("stage", portfolio),
        ("stage", StepSnapshot(TS + 60, {btc: features}, {btc: -1.0}, {btc: target}, (fill,), portfolio)),
        ("input", Readiness(TS + 61, btc, "klines", "stale", "no bar for 90 s")),
        ("input", DataGap(TS + 62, btc, "klines", TS, TS + 60, "never came")),
        ("stage", Halted(TS + 63, "drawdown above 20 %")),
    ]  # fmt: skip


def test_a_journal_of_version_1_is_read_as_it_was_written(read):
    found, reader = read(V1)
    assert found == written_by_v1()
    assert repr(found) == repr(written_by_v1())
    assert reader.ending == "closed"


def test_the_numbers_of_a_journal_of_version_1():
    info = journal_info(V1)
    assert info.header.run == RunIdentity("golden-1", "c0ffee", "0.1.0", seed=42, schema_version=1)
    assert info.segments == len(list(V1.iterdir())) > 1
    assert info.counts == {"input": 4, "stage": 5, "decision": 10}
    assert info.decision_hash == "5136660fed762cb97be983d38e87126f"
