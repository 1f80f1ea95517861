"""`quant-engine plugins`: the parts there are, and one of them with all that a configuration needs of it."""

from __future__ import annotations

import inspect
import json

import msgspec
import pytest
from click.testing import CliRunner

from quant_contracts.errors import ConfigError
from quant_daemon.commands.plugins import plugins
from quant_daemon.registry import LISTED, installed

PARTS = [(group, name) for group in LISTED for name in installed(group)]


def shown(*arguments):
    done = CliRunner().invoke(plugins, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def told(*arguments):
    return json.loads(shown(*arguments, "--json"))


def refused(*arguments):
    """The one line in which a command is refused."""
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(plugins, arguments, catch_exceptions=False)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_kind_is_listed_the_sources_of_documents_among_them():
    rows = told()
    assert [(row["kind"], row["name"]) for row in rows] == PARTS
    assert [row["name"] for row in told("--kind", "document_sources")] == [
        *sorted(("file", "news", "reddit", "rss", "x"))
    ]
    assert shown("--kind", "document_sources").startswith("document_sources\n  file ")


def test_a_channel_is_shown_with_its_settings_its_values_and_its_warm_up():
    lines = shown("RSI").splitlines()
    assert lines[0].startswith("RSI: feature channel, quant-engine ")
    assert lines[0].endswith(", quant_channels.klines.features.rsi:RSI")
    assert lines[1:] == [
        "Relative strength index: the share of gains in all movement, 0 to 100.",
        "settings",
        "  window  whole number, default 14",
        "          Number of changes that are averaged, at least 2.",
        "values     rsi_14",
        "reads      the bars of its symbol",
        "warm-up    15 bars",
    ]


def test_what_is_read_beside_the_bars_is_named():
    channel = told("OrderFlowImbalance")["channel"]
    assert channel == {"outputs": ["ofi_1"], "reads": ["quotes"], "warmup": 2}
    assert "\nreads      the bars of its symbol, quotes\nwarm-up    2 steps\n" in shown("OrderFlowImbalance")


def test_a_channel_that_must_be_told_something_says_what():
    text = shown("Spread")
    assert "  other         text, required\n" in text
    assert text.endswith("values     follow from other, which must be given\n")
    assert told("Spread")["channel"] is None


def test_settings_of_a_plain_class_are_its_keywords():
    found = {row["name"]: row for row in told("options")["settings"]}
    assert found.keys() == {"max_contracts", "max_quote_age"}
    assert found["max_contracts"]["default"] == 20_000
    assert found["max_quote_age"]["type"] == "length of time or null"
    assert "settings   none\n" in shown("OrderDesk")


def test_what_the_declaration_of_a_stream_gives_is_no_setting_of_its_source():
    found = {row["name"]: row for row in told("synthetic", "--kind", "streams")["settings"]}
    assert {name for name, row in found.items() if row["from_data"]} == {
        "domain",
        "symbol",
        "venue",
        "tick",
        "lot",
    }
    assert "  domain  " in shown("synthetic", "--kind", "streams")


def test_a_source_of_documents_is_shown():
    text = shown("rss")
    assert text.startswith("rss: source of documents, quant-engine ")
    assert '  every  length of time, default "5m"\n' in text


def test_choices_are_listed_and_long_lines_are_broken():
    (kind,) = [row for row in told("recording")["settings"] if row["name"] == "kind"]
    assert kind["type"].startswith('one of "depth", "partial_depth", ')
    assert kind["type"].endswith(" or null")
    assert not [line for line in shown("recording").splitlines()[1:] if len(line) > 100]


@pytest.mark.parametrize(("group", "name"), PARTS, ids="-".join)
def test_every_installed_part_can_be_shown_with_all_its_settings(group, name):
    found = told(name, "--kind", group)
    assert found["summary"]
    kind = installed(group)[name].load()
    if issubclass(kind, msgspec.Struct):
        names = [field.encode_name for field in msgspec.structs.fields(kind)]
        assert [row["name"] for row in found["settings"]] == names
    assert all(row["type"] for row in found["settings"])
    if group == "features":
        assert (found["channel"] is None) is any(row["required"] for row in found["settings"])
        assert bool(found["unmade"]) is (found["channel"] is None)


def test_a_part_without_a_source_is_shown_without_what_its_author_says_of_fields(monkeypatch):
    def no_source(_module):
        raise OSError("could not get source code")

    monkeypatch.setattr(inspect, "getsource", no_source)
    assert [row["text"] for row in told("RSI")["settings"]] == [""]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["RSX"], "no installed part is called 'RSX'; did you mean 'RSI'?"),
        (["RSI", "--kind", "models"], "no installed part is called 'RSI'; valid names: LinearModel, "),
        (["synthetic"], "'synthetic' is the name of feeds and streams; say which with --kind"),
        (["RSI", "--kind", "feature"], "no kind of part is called 'feature'; did you mean 'features'?"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(arguments, said):
    assert refused(*arguments).startswith(said)
