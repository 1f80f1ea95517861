"""Data beside the bars: states, outcomes, gaps and profits by state, everywhere a report speaks of them."""

import csv
import json
from decimal import Decimal
from html.parser import HTMLParser

import msgspec
import pyarrow.parquet as pq
import pytest

from quant_contracts.errors import ContractBroken
from quant_contracts.events import DataGap, Readiness
from quant_contracts.protocols import QualityRow
from quant_contracts.record import LastRow, ReadinessRecord
from quant_contracts.strategy import DataSpec, PartSpec, StreamSpec
from quant_contracts.units import DAY, HOUR
from quant_engine.report import build_report, report_from_directory
from quant_engine.report.books import prove
from quant_engine.report.page import beside as page_of
from quant_engine.report.page.strip import SLOTS, strip
from quant_engine.report.readiness import Span, StateProfit, timelines
from quant_engine.report.summary import Summary

replace = msgspec.structs.replace
ASSUMPTION = "first seen is taken to be one minute after publication"
HOSTILE = """</script><b onload="x">&"""


class Section(HTMLParser):
    """Words and shapes of one section of a page."""

    def __init__(self, text, anchor):
        super().__init__()
        self.words, self.rects, self.items = [], [], []
        _, found, below = text.partition(f'<section id="{anchor}">')
        self.there = bool(found)
        self.feed(below.partition("</section>")[0])

    def handle_starttag(self, tag, attrs):
        if tag == "rect":
            self.rects.append(dict(attrs))

    def handle_data(self, data):
        self.words.append(data.strip())


@pytest.fixture(scope="module")
def with_streams(simulated):
    """Forty days in which the book is stale on the second and trades are missing on the fourth and fifth."""
    record = simulated(days=40)
    start = record.start

    def change(hours, stream, state, reason=""):
        return Readiness(start + hours * HOUR, "BTCUSDT", stream, state, reason)

    met = ReadinessRecord(
        states={"orderbook": {"fresh": 234, "stale": 6}, "trades": {"fresh": 228, "missing": 12}},
        outcomes={"go": 222, "hold": 12, "flatten": 6},
        missing={"trade_flow_60": 12},
        changes=(
            change(-8, "orderbook", "fresh"),
            change(-8, "trades", "fresh"),
            change(24, "orderbook", "stale", "last change 2m ago"),
            change(48, "orderbook", "fresh"),
            change(72, "trades", "missing", "no trade yet"),
            change(120, "trades", "fresh"),
        ),
    )
    spec = DataSpec(
        orderbook=StreamSpec(PartSpec("recording"), max_age="30s", when_stale="hold"),
        trades=StreamSpec(PartSpec("recording"), when_stale="flatten"),
    )
    gap = DataGap(
        start + 72 * HOUR, "BTCUSDT", "trades", start + 71 * HOUR, start + 72 * HOUR, "trade ids jump"
    )
    return replace(
        record,
        strategy=replace(record.strategy, data={"BTCUSDT": spec}),
        readiness={"BTCUSDT": met},
        gaps=(gap, gap),
        quality=(QualityRow("BTCUSDT", "assumed_first_seen", 311, "-", start, ASSUMPTION),),
    )


@pytest.fixture(scope="module")
def report(with_streams):
    return build_report(with_streams)


def test_a_run_over_bars_alone_says_nothing_of_streams(simulated, tmp_path):
    made = build_report(simulated(days=5))
    made.save(tmp_path)
    assert "beside" not in json.loads((tmp_path / "summary.json").read_text())
    assert not Section(made.html(), "beside").there
    assert "Beside the bars" not in made.html()
    assert not {"readiness.csv", "gaps.csv"} & {path.name for path in tmp_path.iterdir()}
    assert "\n  data " not in made.text()


def test_the_summary_counts_what_the_looks_found(report, tmp_path):
    report.save(tmp_path)
    text = (tmp_path / "summary.json").read_bytes()
    assert msgspec.json.decode(text, type=Summary) == report.summary
    said = json.loads(text)["beside"]
    assert said["streams"][1] == {
        "symbol": "BTCUSDT",
        "stream": "trades",
        "fresh": 228,
        "stale": 0,
        "missing": 12,
    }
    assert said["outcomes"][0]["hold"] == 12
    assert said["outcomes"][0]["missing"] == {"trade_flow_60": 12}
    assert said["gaps"] == {"BTCUSDT.trades": 2}
    assert report_from_directory(tmp_path).summary == report.summary


def test_profit_by_state_is_that_of_the_intervals_that_began_in_it(with_streams, report):
    start = with_streams.start
    by_state = {row.state: row for row in report.summary.beside.profit_by_state}
    days = {state: row.days for state, row in by_state.items()}
    assert days == {"fresh": 37, "stale": 1, "missing": 2}
    value = {sample.ts: sample for sample in with_streams.equity}
    stale = value[start + 48 * HOUR].equity - value[start + 24 * HOUR].equity
    missing = value[start + 120 * HOUR].equity - value[start + 72 * HOUR].equity
    assert float(by_state["stale"].profit) == pytest.approx(stale, abs=1e-6)
    assert float(by_state["missing"].profit) == pytest.approx(missing, abs=1e-6)


def test_profit_by_state_adds_up_to_the_net_profit_to_the_last_digit(report):
    total = Decimal(0)
    for row in report.summary.beside.profit_by_state:
        total += row.profit
    assert total == report.summary.costs.waterfall.net
    assert report.summary.identities[-1].right == "net by state of the streams"


def test_profit_by_state_that_does_not_add_up_stops_the_report(with_streams, report):
    wrong = replace(report.analysis.beside, profit_by_state=(StateProfit("fresh", 40.0, Decimal(1)),))
    done = report.analysis
    with pytest.raises(ContractBroken, match="net by state of the streams"):
        prove(with_streams, done.fill_costs, done.trips, done.costs, wrong)


def test_the_headline_says_what_was_held_flattened_and_missing(report, simulated):
    assert "  data      of 240 bars held at 12, flattened at 6; 12 values missing\n" in report.text()
    calm = ReadinessRecord({"trades": {"fresh": 240}}, {"go": 240}, {}, ())
    made = build_report(replace(simulated(days=5), readiness={"BTCUSDT": calm}))
    assert "\n  data " not in made.text()


def test_tables_list_every_change_and_every_gap(report, with_streams, tmp_path):
    report.save(tmp_path)
    rows = list(csv.DictReader((tmp_path / "readiness.csv").read_text().splitlines()))
    assert [(row["stream"], row["state"]) for row in rows] == [
        (change.domain, change.state) for change in with_streams.readiness["BTCUSDT"].changes
    ]
    assert rows[2]["reason"] == "last change 2m ago"
    gaps = pq.read_table(tmp_path / "gaps.parquet").to_pylist()
    assert [gap["reason"] for gap in gaps] == ["trade ids jump"] * 2
    assert pq.read_table(tmp_path / "readiness.parquet").num_rows == 6


def test_the_page_shows_policies_counts_gaps_and_values_that_were_missing(report):
    shown = Section(report.html(), "beside").words
    for words in ("hold", "30s", "flatten", "never", "2.50 %", "trade_flow_60", "trade ids jump", "60.0 min"):
        assert words.replace(" %", "\u00a0%") in shown, words


def test_a_stream_that_is_never_stale_is_noted_where_it_ended_long_before_the_run(with_streams):
    met = with_streams.readiness["BTCUSDT"]

    def notes(trades, orderbook):
        rows = {
            stream: LastRow(with_streams.end - bars * 4 * HOUR, bars)
            for stream, bars in (("trades", trades), ("orderbook", orderbook))
        }
        record = replace(with_streams, readiness={"BTCUSDT": replace(met, last_rows=rows)})
        words = Section(build_report(record).html(), "beside").words
        return [said for said in words if "never stale" in said]

    # Of the book it is declared when it is stale, so that its states say it.
    assert notes(trades=100, orderbook=150) == []
    (said,) = notes(trades=101, orderbook=150)
    assert said == (
        "BTCUSDT trades: the last row became known 16.8d (101 bars) before the end of the run and counted "
        "as fresh until then: without max_age it is never stale."
    )


def test_an_assumption_stands_first_in_its_section_among_the_warnings_and_in_the_headline(report):
    shown = [words for words in Section(report.html(), "beside").words if words]
    place = next(index for index, words in enumerate(shown) if ASSUMPTION in words)
    assert place == 2
    assert "assumed first seen, 311 times" in shown[place]
    assert report.summary.warnings[0] == shown[place]
    assert f"note      {shown[place]}" in report.text()


def test_strips_draw_the_states_at_their_times(report):
    rects = [rect for rect in Section(report.html(), "beside").rects if rect["class"] != "fresh"]
    drawn = [(rect["class"], int(rect["x"]), int(rect["width"])) for rect in rects]
    assert drawn == [("stale", SLOTS // 40, SLOTS // 40), ("missing", 3 * SLOTS // 40, 2 * SLOTS // 40)]


def test_a_moment_too_short_to_see_is_drawn_all_the_same():
    spans = (Span(0, 500, "fresh"), Span(500, 501, "missing"), Span(501, 10**9, "fresh"))
    text = strip(spans, "x")
    assert text.count("<rect") == 2
    assert 'class="missing" x="0"' in text


def test_nothing_is_known_before_the_first_look_and_behind_the_last_change_that_was_recorded(with_streams):
    met = with_streams.readiness["BTCUSDT"]
    later = replace(met, changes=met.changes[2:], dropped=7)
    record = replace(with_streams, readiness={"BTCUSDT": later})
    spans = timelines(record)["BTCUSDT", "orderbook"]
    assert [(span.state, (span.end - span.start) / DAY) for span in spans] == [
        ("unknown", 1),
        ("stale", 1),
        ("fresh", 3),
        ("unknown", 35),
    ]
    made = build_report(record)
    assert made.summary.beside.outcomes[0].changes_left_out == 7
    assert "not known" in Section(made.html(), "beside").words


def test_many_gaps_are_thinned_and_the_page_says_so(with_streams, monkeypatch):
    monkeypatch.setattr(page_of, "FIRST", 2)
    monkeypatch.setattr(page_of, "LAST", 1)
    many = [replace(with_streams.gaps[0], reason=f"hole {number}") for number in range(9)]
    shown = Section(build_report(replace(with_streams, gaps=tuple(many))).html(), "beside").words
    assert [words for words in shown if words.startswith("hole")] == ["hole 0", "hole 1", "hole 8"]
    assert any("the first 2 and the last 1" in words for words in shown)


def test_hostile_names_of_streams_stay_text(with_streams):
    met = with_streams.readiness["BTCUSDT"]
    changes = tuple(replace(change, domain=HOSTILE, reason=HOSTILE) for change in met.changes)
    met = replace(met, states={HOSTILE: {"fresh": 1}}, missing={HOSTILE: 1}, changes=changes)
    gaps = (replace(with_streams.gaps[0], domain=HOSTILE, reason=HOSTILE),)
    text = build_report(replace(with_streams, readiness={"BTCUSDT": met}, gaps=gaps)).html()
    assert HOSTILE not in text
    assert HOSTILE in Section(text, "beside").words
