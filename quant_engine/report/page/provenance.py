"""Where the numbers come from: data, stages, limits, parts, hashes, and proof of the books."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from quant_contracts.duration import time_name
from quant_engine.report.analysis import Analysis
from quant_engine.report.definitions import PEERS
from quant_engine.report.page.markup import Markup, number, section, table, tag
from quant_engine.report.summary import Summary


def data_section(analysis: Analysis, summary: Summary) -> Markup:
    """What was read, what was wrong with it, how often each stage acted and which limits bound."""
    manifest = analysis.record.manifest
    sources = table(
        ("Input", "Source", "Visible after warm-up", "SHA-256"),
        (
            (
                symbol,
                source.name,
                time_name(manifest.cursors[symbol]) if symbol in manifest.cursors else "",
                _hash(source.sha256),
            )
            for symbol, source in manifest.inputs.items()
        ),
        text=4,
    )
    quality: Markup = tag("p", "Nothing was found wrong with the data.", "note")
    if summary.quality:
        quality = table(
            ("Symbol", "Check", "First", "Example", "Repair", "Count"),
            (
                (
                    row.symbol,
                    row.check.replace("_", " "),
                    "" if row.first_ts is None else time_name(row.first_ts),
                    row.example,
                    "none" if row.repaired == "-" else row.repaired,
                    f"{row.count:,}",
                )
                for row in summary.quality
            ),
            text=5,
        )
    return section(
        "data",
        "Data and stages",
        sources,
        tag("h3", "Data quality"),
        quality,
        tag("h3", "How often each stage acted"),
        _by_symbol(summary.counts, "Nothing was counted."),
        tag("h3", "Limits that bound"),
        _by_symbol(summary.limits, "No limit made a target smaller."),
    )


def _by_symbol(counts: Mapping[str, Mapping[str, int]], nothing: str) -> Markup:
    names = list(dict.fromkeys(name for row in counts.values() for name in row))
    if not names:
        return tag("p", nothing, "note")
    return table(
        ("Symbol", *(name.replace("_", " ") for name in names)),
        ((symbol, *(f"{row.get(name, 0):,}" for name in names)) for symbol, row in counts.items()),
    )


def parts_section(analysis: Analysis) -> Markup:
    """The parts with every setting, and the manifest."""
    manifest = analysis.record.manifest
    parts = table(
        ("Role", "Part", "Settings", "Version", "Hash"),
        (
            (part.role, part.name, _settings(part.params), part.version, _hash(part.hash))
            for part in manifest.parts
        ),
        "parts",
        text=5,
    )
    rows = [
        ("Run", manifest.run_id),
        ("Mode", manifest.mode),
        ("Seed", str(manifest.seed)),
        ("Code version", manifest.code_version),
        ("Configuration", manifest.config_hash),
        ("Decisions", manifest.decision_hash),
    ]
    if manifest.overrides:
        rows.append(("Overrides", _settings(manifest.overrides)))
    return section(
        "parts",
        "Parts and manifest",
        parts,
        table(("Manifest", ""), ((name, tag("code", text)) for name, text in rows), "manifest", text=2),
        note="Runs with equal manifests have equal results; a swapped part changes its own hash alone.",
    )


def _settings(params: Mapping[str, object]) -> Markup:
    pairs = (f"{name}={msgspec.json.encode(value).decode()}" for name, value in params.items())
    return tag("code", ", ".join(pairs))


def _hash(digest: str) -> Markup:
    return tag("code", digest[:16])


def books_section(summary: Summary) -> Markup:
    """The identities that hold, with the number both sides came to."""
    return section(
        "books",
        "Books",
        table(
            ("What the account says", "What the fills say", "Both are"),
            ((row.left, row.right, number(f"{row.value:,f}")) for row in summary.identities),
            text=2,
        ),
        note="Each pair was worked out in two ways and compared exactly, to the last unit.",
    )


def peers_section() -> Markup:
    """For readers who compare with another system."""
    return section(
        "peers",
        "How other systems define these",
        table(("System", "Definition"), PEERS.items(), "peers", text=2),
        note="The same word often names another formula. A figure of theirs and one of ours compare only "
        "where the definitions do.",
    )
