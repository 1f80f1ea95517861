"""The report as one page: styles, script, chart library and data inside it, nothing fetched from anywhere.

The page forbids itself the network by a content security policy that names the digests of its own
scripts, so nothing that found its way into a name can run or load.
"""

from __future__ import annotations

import base64
import hashlib
import string
from pathlib import Path
from typing import Final

import msgspec

from quant_engine.report.analysis import Analysis
from quant_engine.report.page.beside import beside_section
from quant_engine.report.page.chartdata import charts
from quant_engine.report.page.markup import Markup, escape, join, section
from quant_engine.report.page.money import costs_section
from quant_engine.report.page.overview import exposure_line, header, tiles, title, warnings
from quant_engine.report.page.provenance import books_section, data_section, parts_section, peers_section
from quant_engine.report.page.results import drawdown_section, metrics_section, monthly_section
from quant_engine.report.page.trading import trades_section
from quant_engine.report.summary import Summary

ASSETS: Final = Path(__file__).with_name("assets")
LIBRARY: Final = "lightweight-charts.standalone.production.js"

NAVIGATION: Final = (
    ("equity", "Equity"),
    ("months", "Months"),
    ("costs", "Costs"),
    ("price", "Fills"),
    ("trades", "Trades"),
    ("metrics", "Metrics"),
    ("drawdowns", "Drawdowns"),
    ("beside", "Beside the bars"),
    ("data", "Data"),
    ("parts", "Parts"),
    ("books", "Books"),
    ("peers", "Definitions elsewhere"),
)


def render_page(analysis: Analysis, summary: Summary) -> str:
    """The whole page. The same run gives the same text."""
    drawn = charts(analysis)
    library, script = _asset(LIBRARY), _asset("report.js")
    body = join(
        (
            _equity(summary, drawn.equity_note),
            monthly_section(summary),
            costs_section(summary),
            _price(analysis, drawn.price_note),
            trades_section(analysis, summary),
            metrics_section(summary),
            drawdown_section(summary),
            beside_section(analysis),
            data_section(analysis, summary),
            parts_section(analysis),
            books_section(summary),
            peers_section(),
        )
    )
    return string.Template(_asset("report.html")).substitute(
        title=escape(title(summary)),
        digests=" ".join(_digest(text) for text in (library, script)),
        style=_asset("report.css"),
        header=header(summary),
        navigation=join(
            Markup(f'<a href="#{anchor}">{escape(name)}</a>') for anchor, name in _navigation(analysis)
        ),
        warnings=warnings(summary),
        tiles=tiles(summary),
        body=body,
        version=escape(summary.versions.code),
        licence=escape(_asset("lightweight-charts.LICENSE")),
        data=_inert(msgspec.json.encode(drawn.data).decode()),
        library=library,
        script=script,
    )


def _navigation(analysis: Analysis) -> list[tuple[str, str]]:
    """The sections that this page has."""
    absent = set() if analysis.beside is not None else {"beside"}
    return [(anchor, name) for anchor, name in NAVIGATION if anchor not in absent]


def _equity(summary: Summary, note: str) -> Markup:
    words = (
        f"Equity in {summary.run.currency} above, drawdown in percent below. {exposure_line(summary)} {note}"
    )
    chart = _chart("equity", "Equity and drawdown over time")
    return section("equity", "Equity and drawdown", chart, note=words.strip())


def _price(analysis: Analysis, note: str) -> Markup:
    buttons = Markup()
    if len(analysis.symbols) > 1:
        names = join(
            Markup(f'<button type="button">{escape(symbol)}</button>') for symbol in analysis.symbols
        )
        buttons = Markup(f'<div class="ranges" id="symbols">{names}</div>')
    words = f"Marks of the equity samples above, position in base units below. {note}"
    chart = _chart("price", "Price, fills and position over time")
    return section("price", "Price and fills", buttons, chart, note=words.strip())


def _chart(name: str, label: str) -> Markup:
    """The places that the script fills: legend, ranges, chart."""
    return Markup(
        f'<div class="chart-head"><div class="legend" id="{name}-legend"></div>'
        f'<div class="ranges" id="{name}-ranges"></div></div>'
        f'<div class="chart" id="{name}-chart" role="img" aria-label="{label}"></div>'
    )


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8").strip()


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _inert(json: str) -> str:
    """JSON that can end neither its script element nor a line of script."""
    for character in "<>&\u2028\u2029":
        json = json.replace(character, f"\\u{ord(character):04x}")
    return json
