"""What a feed of documents counts as they go by, for the table of data quality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from quant_channels.sentiment.versions import Output, Version
from quant_channels.streams.findings import Findings
from quant_contracts.units import Fraction

CHECKS: Final = {
    "assumed_first_seen": "nobody recorded when the text was seen; the declared assumption stands in",
    "refused_row": "a row without id or text, or that cannot be read",
    "no_time": "neither first sight nor a time of publishing",
    "about_others": "a text that does not name the asset; left out",
    "hardly_about": "a text that is less about the asset than least_relevance; left out",
    "published_ahead": "published after it was seen, by its source's clock; the time of sight counts",
    "duplicate_url": "the same address again",
    "duplicate_text": "the same words again",
    "duplicate_simhash": "nearly the same words again, by their hash",
    "duplicate_jaccard": "nearly the same words again, by their share",
    "edited": "a later version of a document",
    "deleted": "a document that was taken back",
    "stored_scores": "scored when it was recorded; those scores count",
    "scored_now": "scored while it was read",
}
"""Every check in the order of the table, with what a finding means."""


def count_duplicate(findings: Findings, version: Version) -> None:
    """A document that is left out because its story was delivered before."""
    assert version.duplicate is not None
    text = f"{version.doc_id} repeats {version.duplicate.of}"
    findings.add(f"duplicate_{version.duplicate.rule}", 1, text, first_ts=version.first_seen)


def count_left_out(findings: Findings, version: Version, relevance: Fraction) -> None:
    """A version that is not about the asset, or too little."""
    check = "hardly_about" if relevance else "about_others"
    findings.add(check, 1, f"{CHECKS[check]}, such as {version.doc_id}", first_ts=version.first_seen)


def count_version(findings: Findings, version: Version, assumption: str) -> None:
    """A version that is delivered; `assumption` is what was declared for those nobody saw."""
    ts = version.first_seen
    if version.is_assumed:
        findings.add("assumed_first_seen", 1, f"taken as seen at {assumption}", first_ts=ts)
    said = version.published if version.revision == 0 else version.revised
    if said is not None and said > ts:
        findings.add("published_ahead", 1, version.doc_id, first_ts=ts)
    if version.is_deleted:
        findings.add("deleted", 1, first_ts=ts)
    elif version.revision:
        findings.add("edited", 1, first_ts=ts)


def count_scores(findings: Findings, outputs: Sequence[Sequence[Output]], now: int) -> None:
    """Where the scores of delivered versions came from, `now` of them from us."""
    stored = len([made for made in outputs if made]) - now
    findings.add("stored_scores", stored, CHECKS["stored_scores"])
    findings.add("scored_now", now, CHECKS["scored_now"])
