"""Made-up headlines follow the market and never run ahead of it."""

from __future__ import annotations

import numpy as np

from quant_contracts.units import DAY, HOUR, MINUTE

START = 1_640_995_200_000_000_000


def closes(bars):
    return {bar.ts_event: bar.close for bar in bars}


def test_words_follow_the_hour_before_and_say_nothing_of_the_hour_after(rows, bars):
    days = 40
    prices = closes(bars(days=days))
    past, future, score = [], [], []
    for document in rows("sentiment", days=days):
        minute = document.ts_event // MINUTE * MINUTE
        now, before, after = (prices.get(minute + shift) for shift in (0, -HOUR, HOUR))
        if document.revision == 0 and None not in (now, before, after):
            past.append(now / before - 1)
            future.append(after / now - 1)
            score.append(document.vader)
    assert len(score) > 3_000
    assert np.corrcoef(past, score)[0, 1] > 0.4
    assert abs(np.corrcoef(future, score)[0, 1]) < 0.05


def test_a_later_price_changes_no_earlier_word(rows):
    """Another price path from the second day on leaves the first day's news as it was."""
    assert rows("sentiment", days=1) == rows("sentiment", end=START + DAY, days=2)


def test_documents_are_seen_after_they_were_published_and_stored_after_that(rows):
    documents = rows("sentiment", days=5)
    for document in documents:
        assert document.ts_event < document.first_seen == document.ts_known < document.ingested
        assert document.ts_known // DAY == document.ts_event // DAY
    known = [document.ts_known for document in documents]
    assert known == sorted(known)


def test_some_are_copied_some_edited_and_some_taken_down(rows):
    documents = rows("sentiment", days=20)
    texts = [document.text for document in documents if document.doc_id.endswith("/copy")]
    edits = [document for document in documents if document.revision and not document.is_deleted]
    deleted = [document for document in documents if document.is_deleted]
    firsts = {document.doc_id: document for document in documents if document.revision == 0}
    assert len(texts) > 100
    assert len(edits) > 50
    assert len(deleted) > 10
    for document in edits:
        assert document.text == f"Update: {firsts[document.doc_id].text}"
    for document in deleted:
        assert (document.text, document.vader) == ("", None)
        assert firsts[document.doc_id].ts_known < document.ts_known


def test_scores_are_vaders_and_say_which(rows):
    from quant_channels.sentiment.text.vader import Vader

    for document in rows("sentiment"):
        if not document.is_deleted:
            assert document.vader == Vader().score(document.text)
            assert document.models == (Vader().model_id,)
