"""Outputs of both models beside a text: made once, stored with the models' names, replayed without them."""

from __future__ import annotations

import shutil

import pytest

from quant_channels.sentiment.documents import DocumentsFeed
from quant_channels.sentiment.items import RawItem
from quant_channels.sentiment.pipeline import SentimentPipeline
from quant_channels.sentiment.store import DocumentStore
from quant_channels.sentiment.text.finbert import FinBERT

NOON = 1_759_492_800_000_000_000
TITLES = ("Bitcoin surges", "Bitcoin hack says it", "Bitcoin")


def documents(path, **settings):
    feed = DocumentsFeed("sentiment", "BTCUSDT", str(path), **settings)
    return feed, [event for block in feed.blocks(None, None, 2) for event in block.events()]


def store(path, outputs=None):
    items = [RawItem(str(number), "", title, "") for number, title in enumerate(TITLES)]
    with DocumentStore(path) as opened:
        opened.add("rss:a", items, {}, seen=NOON, now=NOON, outputs=outputs)
    return path


def test_a_document_carries_what_both_models_said_and_which_they_were(model_folder, tmp_path):
    folder = str(model_folder())
    feed, told = documents(store(tmp_path / "store"), finbert=folder)
    model = FinBERT(folder)
    for document, found in zip(told, model.score(TITLES), strict=True):
        expected = (found.positive, found.negative, found.neutral)
        assert document.finbert == pytest.approx(expected, abs=1e-6)
        assert document.models[1] == model.model_id
        assert document.vader is not None
    assert feed.info() != documents(tmp_path / "store")[0].info()


def test_stored_outputs_are_replayed_without_their_models(model_folder, tmp_path):
    folder = model_folder()
    scored = SentimentPipeline(finbert=str(folder)).score(TITLES)
    path = store(tmp_path / "store", {str(number): outputs for number, outputs in enumerate(scored)})
    shutil.rmtree(folder)
    _, told = documents(path)
    assert [document.models for document in told] == [
        tuple(output.model for output in outputs) for outputs in scored
    ]
    assert [document.finbert for document in told] == [outputs[1].values for outputs in scored]


def test_a_model_that_was_not_there_is_added_to_what_is_stored(model_folder, tmp_path):
    plain = SentimentPipeline("plain").score(TITLES)
    path = store(tmp_path / "store", {str(number): outputs for number, outputs in enumerate(plain)})
    _, told = documents(path, finbert=str(model_folder()))
    assert [document.models[0] for document in told] == [outputs[0].model for outputs in plain]
    assert all(document.finbert is not None for document in told)


def test_no_texts_load_no_model():
    assert SentimentPipeline(finbert="nowhere").score([]) == []
