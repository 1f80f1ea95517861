"""The window of documents: what is known, bounded by number and age."""

from __future__ import annotations

import msgspec
import pytest

from quant_channels.sentiment.handler import DocumentsHandler
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.protocols import StreamHandler
from quant_contracts.testing import stream_handlers as kit
from quant_contracts.testing.samples import SampleStream, random_bars
from quant_contracts.units import DAY, HOUR, MINUTE

BARS = random_bars(60)


def feed(temper="calm"):
    return SampleStream.of("sentiment", BARS, temper)


def documents():
    return [event for block in feed().blocks(None, None, 1_000) for event in block.events()]


@pytest.mark.parametrize("check", kit.CHECKS, ids=lambda check: check.__name__)
def test_the_promises_of_a_stream_handler_hold(check):
    check(DocumentsHandler)


def test_before_the_first_document_there_is_nothing():
    handler = DocumentsHandler(feed())
    assert isinstance(handler, StreamHandler)
    assert (handler.domain, handler.symbol, handler.gaps()) == ("sentiment", "BTCUSDT", ())
    assert handler.observe(0, 10) is None
    assert handler.freshness(10, None) == ("missing", "no document yet")


def test_age_is_that_of_the_last_document():
    handler = DocumentsHandler(feed())
    first = documents()[0]
    handler.push(first)
    assert handler.freshness(first.ts_known + HOUR, HOUR) == ("fresh", "")
    assert handler.freshness(first.ts_known + HOUR + MINUTE, HOUR) == ("stale", "last document 61m ago")
    assert handler.freshness(first.ts_known + DAY, None) == ("fresh", "")


def test_the_window_keeps_a_number_and_an_age():
    few, young, every = (
        DocumentsHandler(feed(), keep=5),
        DocumentsHandler(feed(), age="10m"),
        DocumentsHandler(feed()),
    )
    told = documents()
    for handler in (few, young, every):
        for document in told:
            handler.push(document)
    end = told[-1].ts_known
    assert list(every.observe(0, end).documents) == told
    assert list(few.observe(0, end).documents) == told[-5:]
    assert list(young.observe(0, end).documents) == [
        document for document in told if document.ts_known > end - 10 * MINUTE
    ]
    assert few.most_bytes < every.most_bytes


def test_what_is_shown_is_what_became_known_since():
    handler = DocumentsHandler(feed())
    told = documents()
    handler.load_history(None, None, 16)
    since, ts = told[10].ts_known, told[30].ts_known
    handler.advance(ts)
    view = handler.observe(since, ts)
    assert (view.since, view.ts) == (since, ts)
    assert list(view.documents) == [document for document in told if since < document.ts_known <= ts]
    assert handler.observe(ts, ts).documents == ()
    assert handler.last_known == max(document.ts_known for document in told if document.ts_known <= ts)


def test_foreign_and_late_documents_are_refused():
    handler = DocumentsHandler(feed())
    told = documents()
    handler.push(told[5])
    with pytest.raises(DataError, match="deliver them as they become known"):
        handler.push(told[0])
    with pytest.raises(DataError, match="came to the documents of BTCUSDT"):
        handler.push(msgspec.structs.replace(told[6], symbol="ETHUSDT"))
    with pytest.raises(DataError, match="a Bar of BTCUSDT"):
        handler.push(BARS[0])
    assert len(handler.observe(0, told[5].ts_known).documents) == 1


@pytest.mark.parametrize("given", [{"keep": 0}, {"keep": 1.5}, {"age": "long"}])
def test_senseless_settings_are_refused(given):
    with pytest.raises(ConfigError):
        DocumentsHandler(feed(), **given)
