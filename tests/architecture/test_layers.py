"""The arrows between the packages: contracts <- channels, contracts <- daemon, all <- quant_engine."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOMES = {
    "quant_contracts": ROOT / "contracts" / "quant_contracts",
    "quant_channels": ROOT / "channels" / "quant_channels",
    "quant_daemon": ROOT / "daemon" / "quant_daemon",
    "quant_engine": ROOT / "quant_engine",
}
MAY_IMPORT = {
    "quant_contracts": set(),
    "quant_channels": {"quant_contracts"},
    "quant_daemon": {"quant_contracts"},
    "quant_engine": {"quant_contracts", "quant_channels", "quant_daemon"},
}
CONTRACTS_MAY_USE = {"msgspec", "numpy"}
SENTIMENT = HOMES["quant_channels"] / "sentiment"
SOURCES = ("files", "json_news", "reddit", "rss", "x")
RIM = {
    SENTIMENT / "clock.py": "waits for time",
    SENTIMENT / "http.py": "waits for answers of servers",
    SENTIMENT / "loader.py": "looks at many sources at once",
    SENTIMENT / "sources" / "source.py": "says what a source promises",
    HOMES["quant_channels"] / "commands" / "documents.py": "starts what fetches, and stops it",
    **{SENTIMENT / "sources" / f"{kind}.py": "asks the client" for kind in SOURCES},
}
"""The files that may await, each with its reason: they fetch, and no step of a run passes through them."""
CLOCKS = {SENTIMENT / "clock.py": "the clock of what fetches, handed to all of it"}
"""The files that may read the clock of the machine."""
OPINIONS = {"models", "decision", "risk", "execution", "portfolio", "report", "commands"}
"""Folders of quant_engine. A part may know its own folder and the contracts, and no other part."""


def files(package: str) -> list[Path]:
    return sorted(HOMES[package].rglob("*.py"))


def imports(file: Path) -> set[str]:
    """Every module a file imports, also inside functions and for type checkers."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("package", HOMES)
def test_no_arrow_runs_the_wrong_way(package):
    assert files(package)
    for file in files(package):
        ours = {name.partition(".")[0] for name in imports(file)} & HOMES.keys()
        assert ours <= MAY_IMPORT[package] | {package}, f"{file.relative_to(ROOT)} imports {ours}"


def test_the_contracts_stand_on_msgspec_and_numpy_alone():
    import sys

    for file in files("quant_contracts"):
        foreign = {name.partition(".")[0] for name in imports(file)} - sys.stdlib_module_names
        assert foreign <= CONTRACTS_MAY_USE | {"quant_contracts"}, file


def test_a_part_knows_no_part_of_another_layer():
    for file in files("quant_engine"):
        folder = file.relative_to(HOMES["quant_engine"]).parts[0]
        if folder not in OPINIONS - {"commands", "report"}:
            continue
        for name in imports(file):
            if name.startswith("quant_engine."):
                assert name.split(".")[1] == folder, f"{file.relative_to(ROOT)} imports {name}"
            assert not name.startswith(("quant_daemon", "quant_channels")), f"{file} imports {name}"


def test_the_driver_knows_no_part():
    assert not {name for name in imports(HOMES["quant_daemon"] / "driver.py") if "quant_engine" in name}


def test_nothing_in_the_pipeline_asks_for_the_mode():
    """The loader chooses feed, clock and venue by mode; nothing else may branch on it."""
    for package in HOMES:
        for file in files(package):
            if file == HOMES["quant_daemon"] / "loader.py":
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Compare):
                    names = {
                        child.attr if isinstance(child, ast.Attribute) else child.id
                        for child in ast.walk(node)
                        if isinstance(child, ast.Attribute | ast.Name)
                    }
                    assert "mode" not in names, f"{file.relative_to(ROOT)}:{node.lineno} compares a mode"


def test_the_synchronous_core_never_awaits():
    """`await` belongs to feeds, venues and the daemon's rim."""
    for package in HOMES:
        for file in files(package):
            if file in RIM:
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                assert not isinstance(node, ast.Await | ast.AsyncFunctionDef), file


def test_the_core_knows_nothing_of_the_rim():
    """What runs in a step imports nothing that awaits, so that no step can wait."""
    rim = {".".join(file.relative_to(HOMES["quant_channels"].parent).with_suffix("").parts) for file in RIM}
    for package in HOMES:
        for file in files(package):
            if file not in RIM:
                assert not imports(file) & rim, file


def test_nothing_reads_the_clock_of_the_machine():
    banned = {
        ("time", "time"),
        ("time", "time_ns"),
        ("time", "monotonic"),
        ("time", "monotonic_ns"),
        ("time", "perf_counter"),
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("datetime", "today"),
        ("date", "today"),
    }
    for package in HOMES:
        for file in files(package):
            if file in CLOCKS:
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    assert (node.value.id, node.attr) not in banned, f"{file}:{node.lineno}"


def test_every_declared_dependency_is_imported_somewhere():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    used = {name.partition(".")[0] for package in HOMES for file in files(package) for name in imports(file)}
    for requirement in declared:
        name = requirement.partition(">")[0].replace("-", "_")
        assert name in used, f"{requirement} is declared and never imported"


def test_the_top_level_is_the_one_of_the_design_card():
    tracked = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    made_by_use = {"reports", "catalog", "dist"}
    assert tracked - made_by_use == {
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "Makefile",
        "Dockerfile",
        "LICENSE",
        "contracts",
        "channels",
        "daemon",
        "quant_engine",
        "deploy",
        "docs",
        "examples",
        "requirements",
        "tests",
    }
