"""`quant-engine check`: does a part keep the promises of its contract?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from quant_contracts.testing import CheckResult, Row

COLOURS = {"kept": "green", "broken": "red", "not offered": "bright_black", "not checked": "yellow"}


class Subject(msgspec.Struct, frozen=True):
    """What is checked: how one is made, of which kind it is and where it comes from."""

    name: str
    kind: str
    where: str
    factory: Callable[..., Any]
    """Makes a fresh part; takes what the loader would hand over, which is mostly nothing."""


class Findings(msgspec.Struct, frozen=True):
    """What `--json` prints."""

    part: str
    kind: str
    where: str
    features: str
    """Where the features came from that the part was shown; empty where it reads none."""
    kept: int
    broken: int
    promises: tuple[CheckResult, ...]


@click.command(
    short_help="Run the promises of its contract over a part.",
    epilog="""\b
    Examples:
      quant-engine check RSIModel
      quant-engine check my_package.models:MyModel --params '{"window": 14}'
    """,
)
@click.argument("part", metavar="NAME|MODULE:PART")
@click.option("--params", default="{}", metavar="JSON", help='Settings of the part, such as {"window": 14}.')
@click.option(
    "--kind", default=None, help="What it should be, such as models, where its shape does not tell."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def check(part: str, *, params: str, kind: str | None, as_json: bool) -> None:
    """Check every promise of a part: one that is installed, by NAME, or any class that can be imported.

    MODULE is looked for in the current folder first. Leaves with 0 when every promise is kept and
    with 1 when one is broken.
    """
    from quant_contracts.testing import made, run_checks

    subject = find_subject(part, read_params(params), kind)
    _make(part, lambda: made(subject.kind, subject.factory))
    rows, features = shown_features(subject)
    results = run_checks(subject.kind, subject.factory, rows)
    count = [result.verdict for result in results].count
    findings = Findings(
        subject.name, subject.kind, subject.where, features, count("kept"), count("broken"), results
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        _print(findings)
    if findings.broken:
        sys.exit(1)


def read_params(text: str) -> dict[str, Any]:
    """The settings in `--params`."""
    from quant_contracts.config import parse_json
    from quant_contracts.errors import ConfigError

    try:
        return parse_json(text)
    except ConfigError as error:
        raise ConfigError(f"--params {text!r}: {error}") from None


def find_subject(part: str, params: Mapping[str, Any], kind: str | None) -> Subject:
    """The part called `part`, or importable as `module:part`, with its settings."""
    from quant_contracts.errors import ConfigError, nearest
    from quant_daemon.registry import KINDS, Registry, group_of, installed

    if kind is not None and kind not in KINDS:
        raise ConfigError(f"--kind: no kind of part is called {kind!r}; {nearest(kind, KINDS)}")
    if ":" in part:
        it = import_part(part)
        return Subject(part, kind or _kind_of(part, it, params), part, _factory(it, params))
    group = group_of(part, [kind] if kind else KINDS, "one that is not installed is checked as module:part")
    found = Registry().find(group, part, "check")
    return Subject(part, group, installed(group)[part].value, _factory(found, params))


def import_part(path: str) -> Any:
    """What `module:name` stands for, the current folder coming before what is installed."""
    import importlib
    from pathlib import Path

    from quant_contracts.errors import ConfigError, nearest

    module_name, _, name = path.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError, ValueError) as error:
        raise ConfigError(f"{module_name!r} cannot be imported from here: {error}") from error
    public = [known for known in vars(module) if not known.startswith("_")]
    if name not in vars(module):
        raise ConfigError(f"{module_name} has no {name!r}; {nearest(name, public)}")
    return vars(module)[name]


def _factory(it: Any, params: Mapping[str, Any]) -> Callable[..., Any]:
    """How a fresh part is made: by its settings for a Struct, by keyword for any other callable."""
    from functools import partial

    from quant_contracts.convert import convert
    from quant_contracts.errors import ConfigError

    if isinstance(it, type) and issubclass(it, msgspec.Struct):
        return partial(convert, dict(params), it, "--params")
    if not callable(it):
        raise ConfigError(f"a {type(it).__name__} is no part; name a class, or a function that makes a part")
    return partial(it, **params)


def _kind_of(part: str, it: Any, params: Mapping[str, Any]) -> str:
    """The kind whose shape the class has, or what the function makes."""
    from quant_contracts.errors import ConfigError
    from quant_contracts.testing import kind_of

    shape = it if isinstance(it, type) else _make(part, _factory(it, params))
    try:
        return kind_of(shape)
    except ValueError as error:
        raise ConfigError(f"{part}: {error}; say which it should be with --kind") from None


def _make(part: str, make: Callable[[], object]) -> object:
    """What `make` makes; settings that a part refuses are the user's to change."""
    from quant_contracts.errors import ConfigError

    try:
        return make()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{part} cannot be made with these --params: {error}") from error


def shown_features(subject: Subject) -> tuple[list[Row] | None, str]:
    """What the installed channels say that the part needs, or None for invented features; and which."""
    from quant_contracts.errors import ConfigError
    from quant_contracts.protocols import FeatureSpec
    from quant_contracts.testing import channel_rows
    from quant_contracts.testing.rows import Needing
    from quant_daemon.registry import Registry

    if subject.kind not in {"models", "decisions", "risk"}:
        return None, ""
    part = subject.factory()
    needs: object = part.needs if isinstance(part, Needing) else None
    if not isinstance(needs, tuple) or not all(isinstance(spec, FeatureSpec) for spec in needs):
        return None, "invented: needs is no tuple of FeatureSpec"
    registry = Registry()
    try:
        rows = channel_rows(
            needs, lambda spec: registry.build("features", spec.channel, spec.params, "needs")
        )
    except (ConfigError, ValueError) as error:
        return None, f"invented: {error}"
    return rows, ", ".join(spec.channel for spec in needs) or "none needed"


def _print(findings: Findings) -> None:
    from quant_daemon.registry import KINDS

    click.echo(f"{findings.part}: {KINDS[findings.kind]}, {findings.where}")
    if findings.features:
        click.echo(f"features: {findings.features}")
    for result in findings.promises:
        verdict = click.style(f"{result.verdict:11}", fg=COLOURS[result.verdict])
        click.echo(f"  {verdict}  {result.promise}")
        for line in result.detail.splitlines():
            click.echo(f"               {line}")
    total = len([result for result in findings.promises if result.verdict != "not offered"])
    badge = click.style(" conformance ", fg="white", bg="black") + click.style(
        f" {findings.kept} of {total} promises kept ", fg="black", bg="red" if findings.broken else "green"
    )
    click.echo(badge)
