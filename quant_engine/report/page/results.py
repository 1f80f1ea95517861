"""Returns: by month, as metrics net and gross side by side, and the falls."""

from __future__ import annotations

from collections.abc import Iterable

from quant_engine.report.definitions import ACTIVITY, RELATIVE, RETURNS, TAIL, Definition, Unit
from quant_engine.report.metric import Interval, Metric
from quant_engine.report.numbers import change, days, interval
from quant_engine.report.page.markup import Markup, escape, figure, join, measure, number, section, table, tag
from quant_engine.report.summary import Month, Summary

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def monthly_section(summary: Summary) -> Markup:
    """A calendar of net returns, coloured by size."""
    years: dict[int, list[Month]] = {}
    for month in summary.months:
        years.setdefault(month.year, []).append(month)
    largest = max((abs(month.value.value or 0.0) for month in summary.months), default=0.0)
    rows = join(_year(year, months, largest) for year, months in years.items())
    partial = any(month.is_partial for month in summary.months)
    return section(
        "months",
        "Monthly returns",
        tag("div", rows, "calendar"),
        note="Net of all costs, in percent."
        + (" A dotted cell covers part of its month." if partial else ""),
    )


def _year(year: int, months: list[Month], largest: float) -> Markup:
    by_number = {month.month: month for month in months}
    cells = [_month(name, by_number.get(index), largest) for index, name in enumerate(MONTHS, 1)]
    growth: float | None = 1.0
    for month in months:
        growth = None if growth is None or month.value.value is None else growth * (1.0 + month.value.value)
    whole = "n/a" if growth is None else change(growth - 1.0)
    head = tag("h3", join((tag("span", str(year)), tag("strong", figure(whole)))))
    return tag("div", join((head, tag("ol", join(cells)))), "year")


def _month(name: str, month: Month | None, largest: float) -> Markup:
    if month is None:
        return tag("li", tag("span", name), "none")
    value = month.value.value
    if value is None:
        return tag("li", join((tag("span", name), tag("b", "n/a"))), "none")
    # The square root keeps small months apart from none at all.
    strength = round(100 * (abs(value) / largest) ** 0.5) if largest else 0
    kind = f"{'gain' if value >= 0 else 'loss'}{' partial' if month.is_partial else ''}"
    text = escape(change(value, 1).removesuffix(" %").replace("-", "−"))
    return Markup(
        f'<li class="{kind}" style="--strength:{strength}%">{tag("span", name)}{tag("b", text)}</li>'
    )


def metrics_section(summary: Summary) -> Markup:
    """Every metric with its definition; the return metrics net, gross and for buy and hold."""
    ranges: dict[str, Interval] = {
        "cagr": summary.intervals.cagr,
        "sharpe": summary.intervals.sharpe,
        "max_drawdown": summary.intervals.max_drawdown,
    }
    returns = table(
        ("Of daily returns", "Net", "Gross", "Buy and hold"),
        (
            (
                _label(row),
                join(
                    (measure(_metric(summary.net, row), row.unit), _likely(ranges.get(row.field), row.unit))
                ),
                measure(_metric(summary.gross, row), row.unit),
                measure(_metric(summary.benchmark, row), row.unit),
            )
            for row in RETURNS
        ),
        "metrics",
    )
    series = (summary.net, summary.gross, summary.benchmark)
    tail = table(
        ("Loss in one day", "Net", "normal", "Gross", "normal", "Buy and hold", "normal"),
        ((_label(row), *(cell for of in series for cell in _tail(of, row))) for row in TAIL),
        "metrics",
    )
    return section(
        "metrics",
        "Metrics",
        returns,
        tail,
        tag(
            "div",
            join(
                (
                    _single("Against buy and hold", RELATIVE, summary.relative),
                    _single("Activity", ACTIVITY, summary.activity),
                )
            ),
            "columns",
        ),
        tag("h3", "Conventions"),
        _conventions(summary),
        note=f"n = {summary.net.days} daily returns. Gross adds every fee and all slippage back.",
    )


def _tail(of: object, row: Definition) -> tuple[Markup, Markup]:
    """The historical figure and the normal one."""
    normal: Metric = getattr(of, f"normal_{row.field}")
    return measure(_metric(of, row), row.unit), measure(normal, row.unit)


def _likely(value: Interval | None, unit: Unit) -> Markup:
    """The 95 % interval of a figure that has one."""
    if value is None or value.low is None:
        return Markup()
    return tag("small", number(f"95 %: {interval(value, unit)}"), "likely")


def _single(title: str, rows: Iterable[Definition], of: object) -> Markup:
    return table(
        (title, ""),
        ((_label(row), measure(_metric(of, row), row.unit)) for row in rows),
        "metrics",
    )


def _metric(of: object, row: Definition) -> Metric:
    value: Metric = getattr(of, row.field)
    return value


def _label(row: Definition) -> Markup:
    year = " a year" if row.is_annualised and row.unit in {"percent", "change"} else ""
    name = row.label if year in row.label else row.label + year
    return tag("div", join((tag("span", name), tag("small", row.text))), "definition")


def _conventions(summary: Summary) -> Markup:
    rows = (
        join((tag("dt", name.capitalize()), tag("dd", text))) for name, text in summary.conventions.items()
    )
    return tag("dl", join(rows), "conventions")


def drawdown_section(summary: Summary) -> Markup:
    """The deepest falls and how long they lasted."""
    if not summary.drawdowns:
        return section("drawdowns", "Deepest drawdowns", tag("p", "Equity never fell.", "note"))
    rows = [
        (
            str(place),
            figure(change(fall.depth)),
            fall.peak[:10],
            fall.trough[:10],
            fall.recovery[:10] if fall.recovery else "still open",
            days(fall.days),
        )
        for place, fall in enumerate(summary.drawdowns, 1)
    ]
    samples = measure(summary.max_drawdown_of_samples, "change")
    return section(
        "drawdowns",
        "Deepest drawdowns",
        table(("", "Depth", "Peak", "Trough", "Recovered", "Length"), rows),
        note=join(
            ("Of the daily series. Over all equity samples, finer than days, the deepest is ", samples, ".")
        ),
    )
