"""Links lead somewhere, and no page speaks of a place that only its writer has."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *ROOT.glob("*.md"),
        *(page for top in ("docs", "examples", "deploy") for page in (ROOT / top).rglob("*.md")),
    )
)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href|srcset)=\"([^\"]+)\"")
PLACE = re.compile(r"(?<![\w.])/(?:home|root|tmp|srv|mnt|Users)\b")
REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs|jsdelivr|unpkg|crates\.io|docker\.io|ghcr\.io|quay\.io", re.IGNORECASE
)


def anchors(page: Path) -> set[str]:
    """The anchors that headings get: in small letters, spaces as dashes, other signs left out."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_resolve(page):
    here = ROOT / page
    for pair in LINK.findall(here.read_text()):
        link = "".join(pair)
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (here.parent / path).resolve() if path else here
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_a_place_of_one_machine_or_an_index_of_packages(page):
    text = (ROOT / page).read_text()
    assert not PLACE.findall(text)
    assert not REGISTRIES.findall(text)


def test_the_layout_names_everything_at_the_top(table_of):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs the repository's index to know what belongs to it")
    names = {
        name.partition("/")[0] for name in listed.stdout.split("\n") if name and not name.startswith(".")
    }
    rows = table_of("README.md", "## Layout")
    assert {name.strip("`/") for name, _ in rows} == names - {"README.md"}
    assert all(purpose for _, purpose in rows)


def test_pictures_are_small_enough_to_be_kept():
    for picture in (ROOT / "docs" / "assets").iterdir():
        assert picture.stat().st_size < 300_000, picture
