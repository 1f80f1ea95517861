"""Every installed part, found by its entry point, keeps every promise of its contract."""

from __future__ import annotations

import pytest

from quant_contracts.errors import ConfigError
from quant_contracts.protocols import BlockChannel, BlockDecision, BlockModel, ReadingChannel
from quant_contracts.testing import channel_rows, kind_of, made, run_checks
from quant_daemon.registry import KINDS, Registry, installed


def broken(results):
    return [f"{result.name}: {result.detail}" for result in results if result.verdict == "broken"]


def test_keeps_its_promises(part, factory_of):
    kind, name, _ = part
    try:
        one = made(kind, factory_of(part))
    except ConfigError as error:
        pytest.fail(f"{error}; give {name!r} settings in tests/conformance/conftest.py")
    assert kind_of(one) == kind
    assert broken(run_checks(kind, factory_of(part))) == []


def test_keeps_them_on_what_real_channels_say(reading_part, factory_of):
    """And reads nothing but what the channels in its `needs` say, under the names they say it."""
    kind, _, _ = reading_part
    factory, registry = factory_of(reading_part), Registry()
    rows = channel_rows(
        factory().needs, lambda spec: registry.build("features", spec.channel, spec.params, "needs")
    )
    assert len(rows) > 25
    assert broken(run_checks(kind, factory, rows)) == []


def test_offers_a_block_form(fast_part, factory_of):
    """A backtest visits only the rows in which something changes, for which these work ahead.

    What reads more than bars cannot: it is handed what is known beside each of them.
    """
    shapes = {"features": BlockChannel, "models": BlockModel, "decisions": BlockDecision}
    part = factory_of(fast_part)()
    if isinstance(part, ReadingChannel) and any(stream.domain != "klines" for stream in part.reads):
        assert not isinstance(part, BlockChannel)
    else:
        assert isinstance(part, shapes[fast_part[0]])


def test_every_kind_has_an_installed_part():
    assert [kind for kind in KINDS if not installed(kind)] == []


def test_the_settings_are_of_parts_that_are_installed(settings_table, stream_settings):
    assert settings_table.keys() <= {name for kind in KINDS for name in installed(kind)}
    assert stream_settings.keys() <= set(installed("streams"))
