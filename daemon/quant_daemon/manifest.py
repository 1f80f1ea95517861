"""Says what went into a run, by digest, so that two runs can be told to be the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec

from quant_contracts.protocols import SourceInfo
from quant_contracts.record import Manifest, PartRecord
from quant_contracts.strategy import DOMAINS, Strategy
from quant_contracts.units import Nanos

PACKAGES: Final = ("quant_contracts", "quant_channels", "quant_daemon", "quant_engine")


def digest(value: object) -> str:
    """A short name of a value: 16 hex digits of the SHA-256 of its JSON with sorted keys."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:16]


@cache
def code_version() -> str:
    """The released version and a digest of the source that runs, which an edited checkout changes."""
    source = hashlib.sha256()
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        for file in sorted(folder.rglob("*.py")):
            source.update(f"{package}/{file.relative_to(folder).as_posix()}\n".encode())
            source.update(file.read_bytes())
    return f"{version('quant-engine')}+src.{source.hexdigest()[:12]}"


def part_record(role: str, name: str, part: object, part_version: str) -> PartRecord:
    """The manifest's line about one part, with every setting it has."""
    params: dict[str, Any] = msgspec.to_builtins(part)
    return PartRecord(role, name, params, part_version, digest([role, name, params, part_version]))


def _config(strategy: Strategy, parts: tuple[PartRecord, ...]) -> dict[str, Any]:
    """What was configured, however it was written: the parts with every setting, defaults included.

    Left out is where the bars were found: what was read is told by the digests of the inputs.
    """
    plain: dict[str, Any] = msgspec.to_builtins(strategy)
    for symbol in plain["data"].values():
        del symbol["source"]
        for domain in DOMAINS:
            if symbol[domain] is not None:
                del symbol[domain]["source"]
    del plain["strategies"], plain["matching"]
    return {**plain, "parts": [(part.role, part.name, part.params) for part in parts]}


def run_manifest(
    strategy: Strategy,
    mode: str,
    parts: tuple[PartRecord, ...],
    inputs: Mapping[str, SourceInfo],
    overrides: Mapping[str, Any],
    cursors: Mapping[str, Nanos],
    decision_hash: str,
) -> Manifest:
    """The manifest of a run; its id is a digest of all that went in."""
    config_hash = digest(_config(strategy, parts))
    code = code_version()
    run_id = digest([mode, config_hash, code, parts, inputs])
    return Manifest(
        run_id,
        mode,
        config_hash,
        code,
        strategy.run.seed,
        parts,
        dict(inputs),
        dict(overrides),
        dict(cursors),
        decision_hash,
    )
