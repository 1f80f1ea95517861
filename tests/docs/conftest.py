"""Reads the documentation: its pages, their fenced blocks and their tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"(?:^`(?P<file>[\w./-]+)`:\n\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block; one below a line such as "`strategy.json`:" is what that file holds."""

    language: str
    text: str
    file: str | None
    line: int


def read_blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    return [
        Block(
            match["language"], match["text"], match["file"], text.count("\n", 0, match.start("language")) + 1
        )
        for match in FENCE.finditer(text)
    ]


def read_table(page: str, heading: str, number: int = 0) -> list[list[str]]:
    """The cells of a table below a heading, its own heading left out."""
    _, found, below = (ROOT / page).read_text().partition(f"\n{heading}\n")
    assert found, f"{page} has no heading {heading!r}"
    tables = re.findall(r"(?:^\|.*\n)+", below, re.MULTILINE)
    rows = tables[number].strip().split("\n")[2:]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


@pytest.fixture
def blocks_of():
    """A function from a page to its fenced blocks."""
    return read_blocks


@pytest.fixture
def table_of():
    """A function from page, heading and number of the table below it to the cells of its rows."""
    return read_table
