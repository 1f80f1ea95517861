"""The table of quality is measured as it says, and ours is better where it claims to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_channels.sentiment.text.evaluation import (
    BEGIN,
    COMMENTS,
    END,
    GENERAL,
    HEADLINES,
    call,
    evaluate,
    main,
    read_texts,
    scores_without_own_words,
    table,
    words_used,
    write_into,
    written_into,
)
from quant_channels.sentiment.text.vader import Vader
from quant_contracts.errors import ConfigError

PAGE = Path(__file__).resolve().parents[4] / "docs" / "sentiment.md"


@pytest.fixture(scope="module")
def rows():
    folder = Path(__file__).resolve().parents[5] / "shared" / "data" / "text"
    if not folder.exists():
        pytest.skip("needs the shared texts")
    return evaluate(folder)


def measures(rows, group):
    return {row.scores: row for row in rows if row.texts == group.title}


@pytest.mark.parametrize("group", [HEADLINES, COMMENTS], ids=["headlines", "comments"])
def test_ours_is_better_on_crypto_even_without_words_met_in_one_text_only(rows, group):
    plain, ours, without = measures(rows, group).values()
    for better, margin in ((ours, 0.08), (without, 0.03)):
        assert better.accuracy > plain.accuracy + margin
        assert better.macro_f1 > plain.macro_f1 + margin
        assert better.pearson > plain.pearson + margin
        assert better.spearman > plain.spearman + margin


@pytest.mark.parametrize("group", GENERAL, ids=["tweets", "reviews"])
def test_ours_is_no_worse_on_texts_of_every_kind(rows, group):
    plain, ours = measures(rows, group).values()
    assert ours.pearson > plain.pearson - 0.005
    assert ours.spearman > plain.spearman - 0.005


def test_the_page_shows_the_table_of_today(rows):
    page = PAGE.read_text()
    assert written_into(page, table(rows)) == page, "run: make eval-sentiment"


def test_a_word_of_one_text_does_not_count_for_it():
    texts = ["Hack of a bridge", "Hack of a wallet", "Bitcoin plummets", "Interest grows"]
    used = words_used(texts)
    assert (used["hack"], used["plummets"]) == (2, 1)
    scores = scores_without_own_words(texts, used)
    assert scores[0] == scores[1] == Vader().score(texts[0])
    assert scores[2] == 0 > Vader().score(texts[2])
    assert scores[3] == Vader("plain").score(texts[3])


@pytest.mark.parametrize(
    ("score", "classes", "expected"),
    [
        (0.05, ("positive", "neutral", "negative"), "positive"),
        (0.0499, ("positive", "neutral", "negative"), "neutral"),
        (-0.0499, ("positive", "neutral", "negative"), "neutral"),
        (-0.05, ("positive", "neutral", "negative"), "negative"),
        (0.0, ("positive", "negative"), "positive"),
        (-0.0001, ("positive", "negative"), "negative"),
    ],
)
def test_class_of_a_score(score, classes, expected):
    assert call(score, classes) == expected


def test_parts_of_a_set_are_read_as_one(tmp_path):
    for part in "ab":
        data = pa.table({"text": [f"{part}1", f"{part}2"], "label": ["positive", "negative"]})
        pq.write_table(data, tmp_path / f"crypto_reddit_comments_labelled_{part}.parquet")
    assert read_texts(tmp_path, COMMENTS) == (["a1", "a2", "b1", "b2"], ["positive", "negative"] * 2)


def test_a_missing_folder_is_one_clear_line(tmp_path):
    command = [sys.executable, "-m", "quant_channels.sentiment.text.evaluation", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"error: {tmp_path / 'none'}: holds no crypto_headlines_labelled_*.parquet")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"text": ["a"]}, "cannot be read: No match for FieldRef.Name(label)"),
        ({"text": ["a"], "label": ["good"]}, "has the label 'good'; expected positive, neutral, negative"),
        ({"text": ["a"], "label": [None]}, "a row without text or label"),
        ({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}, "has no rows"),
    ],
)
def test_a_set_that_is_none_is_one_clear_line(tmp_path, capsys, columns, problem):
    pq.write_table(pa.table(columns), tmp_path / "crypto_headlines_labelled_x.parquet")
    assert main([str(tmp_path)]) == 65
    assert problem in capsys.readouterr().err
    (tmp_path / "crypto_headlines_labelled_x.parquet").write_bytes(b"PAR1 no")
    assert main([str(tmp_path)]) == 65
    assert "cannot be read" in capsys.readouterr().err


def test_the_table_goes_between_the_markers_and_nowhere_else():
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = written_into(page, "| new |\n")
    assert once == f"before\n{BEGIN}\n\n| new |\n\n{END}\nafter\n"
    assert written_into(once, "| new |\n") == once
    with pytest.raises(ConfigError, match="the page has no lines"):
        written_into("nothing", "x")


def test_a_page_that_is_none_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.md: cannot be written: No such file"):
        write_into(tmp_path / "none.md", "x")
