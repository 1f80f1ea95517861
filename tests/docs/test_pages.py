"""Every page works for a reader who follows it from the first line to the last.

The blocks of a page run in their order, in one directory that begins with the examples and
the configurations of deploy:

    sh, console   commands; console blocks say what they print, with "..." for what may differ
    python        runs; with a file name above it is what that file holds
    json, toml    whole configurations are built; with a file name above it is what that file holds
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

from quant_channels.sentiment.fetch_spec import FetchSpec
from quant_contracts.config import BLOCKS, SYMBOL, build_strategy
from quant_contracts.convert import convert
from quant_daemon.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "docs/catalog.md",
    "docs/configuration.md",
    "docs/design.md",
    "docs/looking.md",
    "docs/options.md",
    "docs/orderbook.md",
    "docs/reports.md",
    "docs/sentiment.md",
    "docs/writing-a-part.md",
    "examples/README.md",
    "deploy/README.md",
)
LEFT_OUT = {
    "make demo": "builds an environment from an index of packages; the page runs `quant-engine demo` itself",
    "make test": "this is it",
    ". .venv/bin/activate": "the commands are at hand here",
    "docker": "needs a container engine and a base image",
    "quant-engine backtest examples/recorded_book.json": "needs a recording; tests/examples has one",
}
"""How a command that is not run begins, and why it is not."""
INSTALL = "python -m pip install --no-build-isolation --editable ."
"""Run as a wheel that goes to a folder of the test, so that the environment stays as it is."""
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Reader:
    """Somebody who follows a page in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site: Path | None = None

    def follow(self, block) -> None:
        if block.language in {"sh", "console"}:
            self._shell(block)
        elif block.language in {"json", "toml"}:
            _check_configuration(block)
        if block.file is not None:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.language == "python":
            self._python(block.text)

    def _shell(self, block) -> None:
        for command, expected in commands(block):
            if command.startswith(tuple(LEFT_OUT)):
                continue
            if command == INSTALL:
                self._install()
            else:
                code, printed = self.run(shlex.split(command))
                refused = expected.startswith("error:")
                assert (code != 0) == refused, f"{command}\nleft with {code}:\n{printed}"
                if block.language == "console":
                    same = doctest.OutputChecker().check_output(expected, printed, ALIKE)
                    assert same, f"{command}\nprinted\n{printed}\ninstead of\n{expected}"

    def run(self, words: list[str]) -> tuple[int, str]:
        """Exit code and everything printed; in this process where that makes no difference."""
        if words[0] == "quant-engine" and self.site is None:
            return run_here(words)
        assert words[0] in {"quant-engine", "python"}, f"say how to run {words[0]!r}, or why not"
        return self._process([str(Path(sys.executable).with_name(words[0])), *words[1:]])

    def _python(self, text: str) -> None:
        if self.site is not None:
            code, printed = self._process([sys.executable, "-c", text])
            assert code == 0, printed
            return
        # What reads annotations looks for the module of a class where imported modules are.
        module = types.ModuleType("page")
        sys.modules["page"] = module
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(text, "page", "exec"), module.__dict__)
        finally:
            del sys.modules["page"]

    def _install(self) -> None:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        self.site = self.folder / "site"
        for options in (
            "wheel --no-build-isolation --no-deps --no-index --wheel-dir dist .",
            "install --no-deps --no-index --target site --find-links dist quant-tilt",
        ):
            code, printed = self._process([*pip, *options.split()])
            assert code == 0, printed

    def _process(self, command: list[str]) -> tuple[int, str]:
        environment = {**os.environ, "PYTHONPATH": str(self.site or "")}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout


def run_here(words: list[str]) -> tuple[int, str]:
    """`quant-engine` without the start of another interpreter."""
    printed, argv = io.StringIO(), sys.argv
    sys.argv = words
    code = 0
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            main()
    except SystemExit as left:
        code = left.code or 0
    finally:
        sys.argv = argv
    return code, printed.getvalue()


def commands(block) -> list[tuple[str, str]]:
    """The commands of a block, each with what it is said to print."""
    if block.language == "console":
        parts = ("\n" + block.text).split("\n$ ")[1:]
        return [(command, expected) for command, _, expected in (part.partition("\n") for part in parts)]
    lines = block.text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [(shlex.join(found) if found[0] != "." else " ".join(found), "") for found in words if found]


def _check_configuration(block) -> None:
    plain = json.loads(block.text) if block.language == "json" else tomllib.loads(block.text)
    if all(key in BLOCKS or SYMBOL.fullmatch(key) for key in plain):
        assert build_strategy(plain).strategies
    elif "sources" in plain:
        assert convert(plain, FetchSpec, "$").sources
    else:
        assert block.file == "pyproject.toml", f"line {block.line}: no whole configuration"


@pytest.fixture
def reader(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(ROOT / "deploy" / "nightly.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUANT_ENGINE_CATALOG", raising=False)
    return Reader(tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed_from_top_to_bottom(page, reader, blocks_of):
    for block in blocks_of(page):
        reader.follow(block)


def test_every_page_is_followed():
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert found <= set(PAGES)


def test_every_command_that_is_left_out_is_still_on_a_page(blocks_of):
    shown = [
        command
        for page in PAGES
        for block in blocks_of(page)
        if block.language in {"sh", "console"}
        for command, _ in commands(block)
    ]
    for start in (*LEFT_OUT, INSTALL):
        assert any(command.startswith(start) for command in shown), start
