"""`quant-engine documents` does what its help says, refuses by path, and prints no stranger's escapes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner

from quant_channels.commands.documents import documents
from quant_channels.sentiment.items import RawItem
from quant_channels.sentiment.store import DocumentStore, read_versions
from quant_contracts.errors import ConfigError, DataError, StorageError
from quant_contracts.units import SECOND

NOON = 1_759_492_800 * SECOND
SAME = "Bitcoin soars as spot ETF inflows hit a record"
TOLD = {"class": "file", "params": {"label": "told", "path": "told.jsonl", "every": "1s"}}
X = {"class": "x", "params": {"label": "btc", "query": "$BTC"}}
CLOSED = {"class": "rss", "params": {"label": "shut", "url": "http://127.0.0.1:9/", "every": "1s"}}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function from words to the result of the command, run in a folder that holds `told.jsonl`."""
    monkeypatch.chdir(tmp_path)
    rows = [{"id": 1, "title": SAME}, {"id": 2, "title": SAME.upper()}]
    (tmp_path / "told.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return lambda *words: CliRunner().invoke(documents, [str(word) for word in words])


@pytest.fixture
def fetch(run, tmp_path):
    """A function from what stands in the file of sources, and words, to the result of `fetch`."""

    def go(content, *words, name="sources.json"):
        if not isinstance(content, str):
            content = json.dumps({"client": {"tries": 1}} | content)
        (tmp_path / name).write_text(content)
        return run("fetch", name, *words)

    return go


@pytest.fixture
def stored(tmp_path):
    """A store with an edit, a deletion, a duplicate, and a title that would steer a terminal."""
    with DocumentStore(tmp_path / "documents") as store:
        for hour, (source, name, title) in enumerate(
            [
                ("rss:a", "1", SAME),
                ("rss:b", "9", SAME.upper()),
                ("rss:a", "1", "Bitcoin falls"),
                ("news:w", "7", "\x1b]0;gotcha\x07Ether \u202erises"),
                ("news:w", "7", ""),
            ]
        ):
            item = RawItem(name, "", title, "", published=NOON, is_deleted=not title)
            store.add(source, [item], {}, seen=NOON + hour * 3_600 * SECOND, now=NOON)


def lines(result):
    assert result.exception is None, result.exception
    return [line.partition("Z ")[2] or line for line in result.stdout.splitlines()]


@pytest.mark.parametrize("command", [[], ["fetch"], ["list"], ["explain"], ["health"]])
def test_help_teaches_by_example(run, command):
    shown = " ".join(run(*command, "--help").stdout.split()).replace("- ", "-")
    assert f"quant-engine documents {' '.join(command)}".strip() in shown


def test_every_source_is_said_in_one_line(fetch):
    assert lines(fetch({"sources": [TOLD, X, CLOSED]}, "--once")) == [
        "x:btc: disabled: no token; name a file with mode 0600 in token_file",
        "rss:shut: failed (connection): http://127.0.0.1:9/: ClientConnectorError",
        "file:told: 1 new, 1 duplicate",
        "3 sources: 2 looks, 2 versions stored, 1 of them a duplicate, 1 failed, 1 disabled",
    ]
    assert lines(fetch({"sources": [TOLD]}, "--once")) == [
        "file:told: unchanged",
        "1 source: 1 look, nothing stored",
    ]


def test_machines_get_an_object_a_line(fetch):
    *looks, sums = map(json.loads, lines(fetch({"sources": [TOLD, CLOSED]}, "--once", "--json")))
    assert {look["source"]: (look["state"], look["error"], look["new"]) for look in looks} == {
        "rss:shut": ("failing", "connection", 0),
        "file:told": ("ok", "", 1),
    }
    assert [(row["source"], row["versions"]) for row in sums["sources"]] == [
        ("file:told", 2),
        ("rss:shut", 0),
    ]


def test_a_terminal_gets_a_table_that_stays_in_its_place(fetch, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    shown = fetch({"sources": [TOLD, X]}, "--once").stdout
    # Lines are taken back before they are drawn again.
    assert shown.count("last look") - 1 == shown.count("\x1b[2K\x1b[1A\x1b[2K")
    assert "1 new, 1 duplicate" in shown
    assert "Z file:told" not in shown


def test_it_stops_when_its_time_is_over(fetch, tmp_path):
    shown = lines(fetch({"sources": [TOLD, CLOSED]}, "--for", "1s"))
    assert "file:told: 1 new, 1 duplicate" in shown
    assert len(list(read_versions(tmp_path / "documents"))) == 2


def test_toml_is_as_good(fetch):
    text = '[[sources]]\nclass = "file"\nparams = { label = "told", path = "told.jsonl" }\n'
    assert "file:told: 1 new, 1 duplicate" in lines(fetch(text, "--once", name="sources.toml"))


def test_scores_are_those_that_were_asked_for(fetch, tmp_path):
    fetch({"sources": [TOLD], "scores": {"lexicon": "plain"}}, "--once")
    assert all("crypto" not in version.outputs[0].model for version in read_versions(tmp_path / "documents"))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param({"sources": []}, '$: sources is empty; add one such as {"class": "rss"', id="empty"),
        pytest.param("[]", "expected an object that starts with {", id="a list"),
        pytest.param({}, "$: missing 'sources'", id="nothing"),
        pytest.param(
            {"sources": {"class": "x"}}, "$.sources: Expected 'array', got 'object'", id="one object"
        ),
        pytest.param({"sources": [5]}, "$.sources[0]: Expected 'object', got 'int'", id="a number"),
        pytest.param(
            {"sources": [{"class": "rsss"}]},
            "$.sources[0]: no source is called 'rsss'; did you mean 'rss'?",
            id="unknown class",
        ),
        pytest.param(
            {"sources": [TOLD, {"class": "rss", "params": {"labl": "a"}}]},
            "$.sources[1].params (rss): unknown key 'labl'; did you mean 'label'?",
            id="unknown setting",
        ),
        pytest.param(
            {"sources": [{"class": "rss", "params": {"label": "a", "url": 5}}]},
            "$.sources[0].params (rss).url: Expected 'str', got 'int'",
            id="wrong type",
        ),
        pytest.param(
            {"sources": [{"class": "file", "params": {"label": "a", "path": "p", "every": "often"}}]},
            "$.sources[0].params (file): every: 'often' is not an interval",
            id="no cadence",
        ),
        pytest.param(
            {"sources": [TOLD, TOLD]}, "$.sources[1]: another source is called 'file:told'", id="twice"
        ),
        pytest.param({"sources": [TOLD], "client": {"tries": 0}}, "$.client: tries must be", id="no tries"),
        pytest.param(
            {"sources": [TOLD], "client": {"timeout": 5}}, "$.client: unknown key 'timeout'", id="client"
        ),
        pytest.param(
            {"sources": [TOLD], "scores": {"lexicon": "best"}}, "$.scores.lexicon: 'best'", id="lexicon"
        ),
        pytest.param({"sources": [TOLD], "every": "5m"}, "$: unknown key 'every'", id="unknown key"),
    ],
)
def test_what_is_wrong_is_refused_by_its_path(fetch, tmp_path, content, line):
    result = fetch(content, "--once")
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).startswith(f"sources.json: {line}")
    assert not (tmp_path / "documents").exists()


def test_a_model_that_is_not_there_is_said_before_anybody_is_asked(fetch, tmp_path):
    result = fetch({"sources": [TOLD], "scores": {"finbert": "nowhere"}}, "--once")
    assert "nowhere/model.onnx: no such file" in str(result.exception)
    assert not (tmp_path / "documents").exists()


def test_a_file_of_sources_that_is_not_there(run):
    assert str(run("fetch", "nope.json").exception) == "nope.json: no such file; check the path"


@pytest.mark.parametrize("words", [("--once", "--for", "1m"), ("--for", "1x")])
def test_lengths_that_make_no_sense(fetch, words):
    result = fetch({"sources": [TOLD]}, *words)
    assert result.exit_code == 2 or isinstance(result.exception, ConfigError)


def test_a_store_that_cannot_be_written(fetch):
    result = fetch({"sources": [TOLD]}, "--once", "--store", "told.jsonl/store")
    assert isinstance(result.exception, StorageError)
    assert "told.jsonl/store: cannot be written: Not a directory" in str(result.exception)


@pytest.mark.parametrize("words", [(), ("--once",)])
def test_nothing_is_left_to_do_where_all_are_disabled(fetch, words):
    result = fetch({"sources": [X]}, *words)
    assert isinstance(result.exception, ConfigError)
    assert "disabled: no token" in result.stdout


def test_a_look_that_nobody_answers_is_missing_data(fetch):
    result = fetch({"sources": [CLOSED, X]}, "--once")
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == "sources.json: no source gave an answer; see the line of each"


def test_a_token_that_others_can_read_is_refused_and_never_printed(fetch, tmp_path):
    token = tmp_path / "token"
    token.write_text("canary-77")
    token.chmod(0o644)
    closed = {**X["params"], "token_file": "token", "base_url": "http://127.0.0.1:9"}
    shown = fetch({"sources": [TOLD, {"class": "x", "params": closed}]}, "--once")
    assert (
        "x:btc: disabled: token: others can read this token; make it a file of its own with mode 0600"
        in lines(shown)
    )
    token.chmod(0o600)
    again = fetch({"sources": [TOLD, {"class": "x", "params": closed}]}, "--once")
    assert "x:btc: failed (connection): http://127.0.0.1:9/2/tweets/search/recent" in again.stdout
    written = [path.read_text() for path in (tmp_path / "documents").iterdir()]
    assert all("canary" not in text for text in (*written, shown.output, again.output))
    # Written into the file of sources itself it is no setting, and is not repeated.
    inline = {"class": "x", "params": {**X["params"], "token": "canary-77"}}
    told = str(fetch({"sources": [inline]}, "--once").exception)
    assert "unknown key 'token'; did you mean 'token_file'?" in told
    assert "canary" not in told


@pytest.mark.usefixtures("stored")
def test_versions_are_listed_as_they_were_seen(run):
    assert run("list").stdout.splitlines() == [
        f"2025-10-03T12:00:00Z  new        rss:a/1  {SAME}",
        f"2025-10-03T13:00:00Z  duplicate  rss:b/9  {SAME.upper()}",
        "2025-10-03T14:00:00Z  edit       rss:a/1  Bitcoin falls",
        "2025-10-03T15:00:00Z  new        news:w/7  ]0;gotchaEther rises",
        "2025-10-03T16:00:00Z  deletion   news:w/7",
    ]
    assert len(run("list", "--source", "rss").stdout.splitlines()) == 3
    assert len(run("list", "--source", "rss:b").stdout.splitlines()) == 1
    assert len(run("list", "--since", "2025-10-03T14:00:00").stdout.splitlines()) == 3
    *_, latest, left_out = run("list", "--last", 2).stdout.splitlines()
    assert "deletion" in latest
    assert left_out == "the latest 2 of 5; --last shows more"
    assert run("list", "--source", "x").stdout == "nothing of that kind in 'documents'\n"
    listed = json.loads(run("list", "--json").stdout)
    assert [(row["decision"], row["revision"]) for row in listed[2:4]] == [("edit", 1), ("new", 0)]


@pytest.mark.usefixtures("stored")
def test_a_document_is_explained_version_by_version(run):
    assert run("explain", "rss:a/1").stdout.splitlines() == [
        "rss:a/1 revision 0: new",
        "  seen 2025-10-03T12:00:00Z, published 2025-10-03T12:00:00Z",
        f"  {SAME}",
        "rss:a/1 revision 1: edit",
        "  seen 2025-10-03T14:00:00Z, published 2025-10-03T12:00:00Z",
        "  Bitcoin falls",
    ]
    (repeated,) = json.loads(run("explain", "rss:b/9", "--json").stdout)
    assert (repeated["duplicate"]["of"], repeated["duplicate"]["rule"]) == ("rss:a/1", "text")
    refused = run("explain", "rss:a/2").exception
    assert isinstance(refused, DataError)
    assert "no document in 'documents' is called 'rss:a/2'" in str(refused)


def test_health_is_what_came_of_the_last_looks(fetch, run):
    fetch({"sources": [TOLD, X, CLOSED]}, "--once")
    fetch({"sources": [CLOSED]}, "--once")
    rows = {row["source"]: row for row in json.loads(run("health", "--json").stdout)}
    assert rows.keys() == {"file:told", "x:btc", "rss:shut"}
    assert rows["rss:shut"]["failures_in_row"] == 2
    shown = run("health").stdout
    assert "file:told: ok, last ok 20" in shown
    assert "rss:shut: failing, last ok never, looks 2, stored 0, failed 2 times in a row, last at 20" in shown
    assert "x:btc: disabled: no token" in shown


def test_a_store_that_is_none(run, tmp_path):
    for words in (("list",), ("explain", "a"), ("health",)):
        assert isinstance(run(*words, "--store", "nowhere").exception, DataError)
    (tmp_path / "empty").mkdir()
    assert isinstance(run("list", "--store", "empty").exception, DataError)
    assert run("health", "--store", "empty").stdout == "nobody has fetched into 'empty' yet\n"


def test_our_sources_are_found_by_name():
    points = entry_points(group="quant_engine.document_sources")
    assert {"file", "news", "reddit", "rss", "x"} <= {point.name for point in points}


def test_help_loads_no_client(tmp_path):
    code = (
        "import sys\n"
        "from quant_channels.commands.documents import documents\n"
        "print(sorted({'aiohttp', 'vaderSentiment', 'feedparser', 'rich', 'msgspec'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "[]\n"
