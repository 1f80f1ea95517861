"""The page: whole, well formed, closed to the network, and safe with any name."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import msgspec
import pytest

from quant_contracts.protocols import QualityRow
from quant_contracts.record import PartRecord
from quant_engine.report import build_report
from quant_engine.report.html import ASSETS, LIBRARY
from quant_engine.report.page import chartdata
from quant_engine.report.page.chartdata import charts

VOID = {"meta", "link", "br", "img", "input", "hr", "line", "rect"}
HOSTILE = """</script><script>alert('x')</script>"&<b>"""


class Page(HTMLParser):
    """Elements, links and scripts of a page; fails on a tag that is closed out of turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.names, self.links, self.attributes = [], [], [], []
        self.scripts, self.text = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag == "script":
            self.scripts.append([dict(attrs), ""])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1][1] += data
        elif self.open and self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def text(year):
    return build_report(year).html()


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_is_well_formed(page):
    assert page.names[0] == "html"
    assert page.names.count("h1") == 1
    assert page.names.count("section") == 11


def test_loads_nothing(text, page):
    assert not [each for each in page.attributes if each[1] in {"src", "srcset", "poster", "data", "action"}]
    assert not {"link", "iframe", "object", "embed", "img"} & set(page.names)
    outside = [link for link in page.links if not link.startswith("#")]
    assert outside == ["https://www.tradingview.com/"]
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    ours = page.scripts[-1][1]
    assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|import\(|https?:", ours)


def test_a_policy_forbids_the_network_and_any_script_but_its_own(page):
    policy = next(value for tag, name, value in page.attributes if tag == "meta" and "default-src" in value)
    assert policy.startswith("default-src 'none';")
    allowed = re.findall(r"sha256-([^']+)'", policy)
    run = [content for attributes, content in page.scripts if "type" not in attributes]
    assert [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in run] == allowed


def test_the_chart_library_keeps_its_licence_and_attribution(text):
    assert "TradingView Lightweight Charts" in text
    assert "Apache License" in text
    assert "attributionLogo: true" in text


def test_the_chart_library_is_the_published_file():
    content = (ASSETS / LIBRARY).read_bytes()
    assert hashlib.sha256(content).hexdigest() in (ASSETS / "README.md").read_text()


def test_every_link_within_the_page_leads_somewhere(page):
    anchors = {value for _, name, value in page.attributes if name == "id"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= anchors


def test_nothing_was_escaped_twice(page):
    assert not [words for words in page.text if "<span" in words or "&lt;" in words or "&#x27;" in words]


def test_is_the_same_every_time(year, text):
    assert build_report(year).html() == text


def test_is_small(text):
    assert len(text.encode()) < 700_000


def test_charts_carry_what_the_files_say(year, page):
    data = json.loads(page.scripts[0][1])
    assert len(data["time"]) == len(year.equity)
    assert data["net"][-1] == pytest.approx(year.equity[-1].equity, rel=1e-6)
    assert data["symbols"][0]["price"][-1] == year.equity[-1].marks["BTCUSDT"]
    fills = sum(marker[4] for marker in data["symbols"][0]["markers"])
    assert fills == len(year.fills)


def test_shows_gross_beside_net_and_the_conventions(page):
    words = " ".join(page.text)
    for needed in ("Gross", "Net", "Buy and hold", "Conventions", "K = 365", "freqtrade", "backtesting.py"):
        assert needed in words


def test_hostile_names_stay_text(year):
    parts = (PartRecord(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, HOSTILE, HOSTILE),)
    (spec,) = year.strategy.strategies.values()
    marks = [{HOSTILE: sample.marks["BTCUSDT"]} for sample in year.equity]
    positions = [dict.fromkeys([HOSTILE], sample.positions.get("BTCUSDT", 0)) for sample in year.equity]
    replace = msgspec.structs.replace
    record = replace(
        year,
        strategy=replace(year.strategy, strategies={HOSTILE: spec}),
        manifest=replace(year.manifest, parts=parts, run_id=HOSTILE, mode=HOSTILE, code_version=HOSTILE),
        fills=[replace(fill, symbol=HOSTILE, rule=HOSTILE) for fill in year.fills],
        equity=[
            replace(sample, marks=mark, positions=position)
            for sample, mark, position in zip(year.equity, marks, positions, strict=True)
        ],
        counts={HOSTILE: {HOSTILE: 1}},
        limits={HOSTILE: {HOSTILE: 1}},
        quality=(QualityRow(HOSTILE, HOSTILE, 1, HOSTILE, None, HOSTILE),),
    )
    made = Page(build_report(record).html())
    assert len(made.scripts) == 3
    assert "alert" not in made.scripts[1][1]
    assert json.loads(made.scripts[0][1])["symbols"][0]["name"] == HOSTILE
    assert any(HOSTILE in words for words in made.text)


def test_many_parents_are_thinned_and_the_page_says_so(simulated, monkeypatch):
    monkeypatch.setattr(chartdata, "MOST_MARKERS", 20)
    made = charts(build_report(simulated(days=120)).analysis)
    assert len(made.data.symbols[0].markers) == 20
    assert "Only the 20 largest are drawn" in made.price_note
    points = [marker.point for marker in made.data.symbols[0].markers]
    assert points == sorted(points)


def test_many_samples_are_thinned_and_keep_their_extremes(simulated, monkeypatch):
    monkeypatch.setattr(chartdata, "MOST_POINTS", 100)
    report = build_report(simulated(days=120))
    made = charts(report.analysis)
    assert len(made.data.time) <= 104
    assert made.data.time == sorted(set(made.data.time))
    assert "Drawn at" in made.equity_note
    assert min(made.data.drawdown) == pytest.approx(
        report.summary.max_drawdown_of_samples.value * 100, rel=1e-5
    )
    assert made.data.net[-1] == pytest.approx(report.record.equity[-1].equity, rel=1e-6)


def test_samples_within_a_second_are_drawn_once(fill, replayed):
    record = replayed([], [(n * 300_000_000, {"BTCUSDT": 100.0 + n}) for n in range(9)])
    assert charts(build_report(record).analysis).data.time == [0, 1, 2]


@pytest.mark.slow
def test_a_browser_draws_the_charts(text, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs a Chromium")
    (tmp_path / "report.html").write_text(text)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]
    made = subprocess.run(
        [browser, *flags, f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "report.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert made.stdout.count("<canvas") > 8
    assert 'id="tv-attr-logo"' in made.stdout
    assert re.search(r"<b>[\d,.]+</b>", made.stdout)
