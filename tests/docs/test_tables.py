"""Tables in the documentation say what the code says; a failing test prints the row to write."""

from __future__ import annotations

import ast
import inspect
import json
import types
from typing import get_args

import msgspec
import pytest

from quant_channels.klines.cleaner import REPAIRS
from quant_channels.klines.quality import CHECKS
from quant_channels.sentiment.fetch_spec import FetchSpec
from quant_contracts import errors
from quant_contracts.strategy import AccountSpec, DataSpec, PartSpec, RunSpec, SymbolSpec, TraceLevel
from quant_daemon.cli import INTERRUPTED
from quant_daemon.extractor import reads
from quant_daemon.registry import KINDS, installed
from quant_engine.execution import admission, bar_rules, desk, matching
from quant_engine.report import definitions
from quant_engine.report.readiness import BesideBars
from quant_engine.report.summary import Summary
from quant_engine.report.tables import gaps_table, readiness_table

CONFIGURATION, REPORTS, SENTIMENT = "docs/configuration.md", "docs/reports.md", "docs/sentiment.md"
OF_THE_STREAM = {"symbol", "venue", "interval", "repair", "tick"}
"""Settings of a source that stand in `data` beside it."""
NEEDED = {"Spread": {"other": "ETHUSDT"}}
"""Settings without a default, to have the part made."""


def default(field) -> str:
    """A field's default as it would be written in a file."""
    if field.required:
        return "required"
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, PartSpec):
        value = {"class": value.name}
    return json.dumps(msgspec.to_builtins(value))


def settings(kind, but=frozenset()) -> str:
    """The settings of a part in one cell."""
    fields = [field for field in msgspec.structs.fields(kind) if field.encode_name not in but]
    return ", ".join(f"`{field.encode_name}`: {default(field)}" for field in fields) or "none"


def parts(*groups) -> dict[str, type]:
    return {name: point.load() for group in groups for name, point in installed(group).items()}


@pytest.mark.parametrize(
    ("heading", "spec"),
    [
        ("### A part", PartSpec),
        ("### A symbol", SymbolSpec),
        ("### `data`", DataSpec),
        ("### `account`", AccountSpec),
        ("### `run`", RunSpec),
    ],
)
def test_keys_and_their_defaults(table_of, heading, spec):
    shown = {key: value.strip("`") for key, value, _ in table_of(CONFIGURATION, heading)}
    assert shown == {f"`{field.encode_name}`": default(field) for field in msgspec.structs.fields(spec)}


@pytest.mark.parametrize(
    ("heading", "groups"),
    [
        ("## Models", ("models",)),
        ("## Decisions", ("decisions",)),
        ("## Risk rules", ("risk",)),
        ("## Execution", ("policies", "routers", "slippage", "matching")),
    ],
)
def test_parts_and_their_settings(table_of, heading, groups):
    shown = {name: cell for name, cell, _ in table_of(CONFIGURATION, heading)}
    assert shown == {f"`{name}`": settings(kind) for name, kind in parts(*groups).items()}


def test_sources_and_their_settings(table_of):
    shown = {name: cell for name, cell, _ in table_of(CONFIGURATION, "## Sources")}
    assert shown == {f"`{name}`": settings(kind, OF_THE_STREAM) for name, kind in parts("feeds").items()}


def test_feature_channels_their_values_and_warm_up(table_of):
    shown = {
        name: (cell, values, warmup)
        for name, cell, values, warmup, _ in table_of(CONFIGURATION, "## Feature channels")
    }
    expected = {}
    for name, (kind, channel, beside) in channels().items():
        if not beside:
            expected[f"`{name}`"] = (settings(kind), named(channel), f"{channel.warmup} bars")
    assert shown == expected


def test_channels_beside_the_bars(table_of):
    shown = {name: cells for name, *cells, _ in table_of(CONFIGURATION, "## Channels beside the bars")}
    expected = {}
    for name, (kind, channel, beside) in channels().items():
        if beside:
            steps = "step" if channel.warmup == 1 else "steps"
            warm = f"{channel.warmup} {steps}"
            expected[f"`{name}`"] = [settings(kind), ", ".join(beside), named(channel), warm]
    assert shown == expected


def channels():
    """Every installed channel by name: its type, one of it, and the domains it reads beside the bars."""
    made = {name: (kind, kind(**NEEDED.get(name, {}))) for name, kind in parts("features").items()}
    return {
        name: (kind, channel, [stream.domain for stream in reads(channel) if stream.domain != "klines"])
        for name, (kind, channel) in made.items()
    }


def named(channel) -> str:
    return ", ".join(f"`{value}`" for value in channel.outputs)


def test_sources_of_streams_and_their_settings(table_of):
    common = {"domain", "symbol", "venue", "tick", "lot"}
    shown = {name: cell for name, cell, _ in table_of(CONFIGURATION, "## Sources of streams")}
    assert shown == {f"`{name}`": settings(kind, common) for name, kind in parts("streams").items()}


def test_sources_of_documents_and_their_settings(table_of):
    shown = {name: cell for name, cell, _ in table_of(SENTIMENT, "## Sources")}
    assert shown == {f"`{name}`": settings(kind) for name, kind in parts("document_sources").items()}


def test_keys_of_a_file_of_sources(table_of):
    shown = {key: cell for key, cell, _ in table_of(SENTIMENT, "## Fetching")}
    expected = {
        f"`{field.encode_name}`": "required" if field.required else settings(field.type)
        for field in msgspec.structs.fields(FetchSpec)
    }
    assert shown == expected


def test_views_of_streams_and_their_settings(table_of):
    shown = dict(table_of(CONFIGURATION, "## Sources of streams", 1))
    expected = {}
    for name, kind in parts("stream_handlers").items():
        own = list(inspect.signature(kind).parameters.values())[1:]
        cells = [f"`{setting.name}`: {json.dumps(setting.default)}" for setting in own]
        expected[f"`{name}`"] = ", ".join(cells) or "none"
    assert shown == expected


def test_repairs_and_checks_of_data(table_of):
    repairs, checks = (dict(table_of(CONFIGURATION, "## Repairs", number)) for number in (0, 1))
    assert repairs == {f"`{name}`": text for name, text in REPAIRS.items()}
    assert checks == {f"`{name}`": text for name, text in CHECKS.items()}


def test_trace_levels(table_of):
    shown = [level for level, _ in table_of(CONFIGURATION, "## Trace levels")]
    assert shown == [f"`{level}`" for level in get_args(TraceLevel)]


def texts(module, function: str, position: int) -> set[str]:
    """Every text that a module hands to calls of `function` at `position`."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    named = [call for call in calls if ast.unparse(call.func).removeprefix("self.") == function]
    handed = [call.args[position] for call in named if len(call.args) > position]
    return {argument.value for argument in handed if isinstance(argument, ast.Constant)}


def test_fill_rules(table_of):
    shown = {rule.strip("`") for rule, *_ in table_of(CONFIGURATION, "## Fill rules")}
    assert shown == texts(bar_rules, "Terms", 1) | {"limit", "take_profit"}


def test_why_orders_end(table_of):
    canceled, rejected = (
        {reason.strip("`") for reason, _ in table_of(CONFIGURATION, "## Fill rules", number)}
        for number in (1, 2)
    )
    assert canceled == texts(matching, "_end", 2) | {desk.SUPERSEDED}
    returned = [
        node.value.value
        for node in ast.walk(ast.parse(inspect.getsource(admission)))
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant)
    ]
    assert rejected == {reason for reason in returned if reason} | texts(matching, "_rejected", 1)


def test_files_and_columns_of_a_report(table_of, tmp_path, monkeypatch):
    from quant_engine.commands.demo import demo

    monkeypatch.chdir(tmp_path)
    demo.main(["--days", "20", "--out", "report", "--json"], standalone_mode=False)
    saved = {path.name + "/" * path.is_dir() for path in (tmp_path / "report").iterdir()}
    named = [name.strip("`") for files, _ in table_of(REPORTS, "## Files") for name in files.split(", ")]
    assert set(named) == saved
    for table, columns in table_of(REPORTS, "## Files", 1):
        header = (tmp_path / "report" / f"{table.strip('`')}.csv").read_text().splitlines()[0].split(",")
        fixed = [name for name in header if not name.startswith(("position_", "mark_"))]
        assert columns.partition(", then ")[0] == ", ".join(f"`{name}`" for name in fixed)


def test_what_a_report_says_of_streams_beside_the_bars(table_of):
    heading = "## Data beside the bars"
    fields = {field.name for field in msgspec.structs.fields(BesideBars)}
    assert {name.strip("`") for name, _ in table_of(REPORTS, heading)} == fields
    nothing = types.SimpleNamespace(record=types.SimpleNamespace(readiness={}, gaps=()))
    made = [make(nothing) for make in (readiness_table, gaps_table)]
    expected = [
        [f"`{table.name}`", ", ".join(f"`{column.name}`" for column in table.columns)] for table in made
    ]
    assert table_of(REPORTS, heading, 1) == expected


@pytest.mark.parametrize("number", range(4))
def test_definitions_of_metrics(table_of, number):
    told = (definitions.RETURNS, definitions.TAIL, definitions.RELATIVE, definitions.ACTIVITY)[number]
    expected = [[row.label, f"`{row.field}`", row.text] for row in told]
    assert table_of(REPORTS, "## Metrics", number) == expected


def test_how_other_programs_differ(table_of):
    assert dict(table_of(REPORTS, "## The same words elsewhere")) == definitions.PEERS


def test_conventions_and_parts_of_the_summary(table_of):
    printed = definitions.conventions(24, 24, ("BTCUSDT",), "USDT")
    assert {subject for subject, _ in table_of(REPORTS, "## Conventions")} == printed.keys()
    fields = {field.name for field in msgspec.structs.fields(Summary)}
    assert {
        "net",
        "gross",
        "benchmark",
        "relative",
        "activity",
        "trades",
        "costs",
        "counts",
        "limits",
    } <= fields


def test_kinds_of_parts(table_of):
    groups = [group for group, *_ in table_of("docs/writing-a-part.md", "## Other kinds of parts")]
    assert {group.strip("`") for group in groups} == {f"quant_engine.{kind}" for kind in (*KINDS, "commands")}


def test_commands(table_of):
    shown = [cell.strip("`").split() for cell, _ in table_of("README.md", "## Commands")]
    assert {words[1] for words in shown} == set(installed("commands"))


def test_exit_codes(table_of):
    shown = {int(code) for code, _ in table_of("README.md", "## Commands", 1)}
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.QuantError)
    }
    assert shown == raised | {0, 1, 2, INTERRUPTED}
