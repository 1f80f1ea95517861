"""Measures the scores on labelled texts, plain VADER beside ours, and writes the table into a page.

python -m quant_channels.sentiment.text.evaluation FOLDER [--page PAGE]
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from quant_channels.sentiment.text.cleaning import clean
from quant_channels.sentiment.text.lexicon import crypto_lexicon
from quant_channels.sentiment.text.metrics import accuracy, macro_f1, pearson, spearman
from quant_channels.sentiment.text.vader import NEUTRAL_BAND, Vader, VaderModel, load_vader, valences
from quant_contracts.errors import ConfigError, DataError, QuantError

SIGNS: Final = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
BEGIN: Final = "<!-- begin: make eval-sentiment -->"
END: Final = "<!-- end: make eval-sentiment -->"
HEADING: Final = ("Texts", "Scores", "Number", "Accuracy", "Macro-F1", "Pearson", "Spearman")


class TextSet(msgspec.Struct, frozen=True):
    """Texts and what was said of them, in one Parquet file or several."""

    title: str
    files: str
    """The pattern of their names: parts of a set are measured as one."""
    truth: str
    """The column of labels or of mean judgements."""
    classes: tuple[str, ...] = ()
    """Labels in the column `truth`; none where it holds numbers."""


HEADLINES: Final = TextSet(
    "Crypto headlines, 3 classes",
    "crypto_headlines_labelled_*.parquet",
    "label",
    ("positive", "neutral", "negative"),
)
COMMENTS: Final = TextSet(
    "Crypto Reddit comments, 2 classes",
    "crypto_reddit_comments_labelled_*.parquet",
    "label",
    ("positive", "negative"),
)
GENERAL: Final = (
    TextSet("Tweets", "vader_tweets_*.parquet", "human_mean_sentiment"),
    TextSet("Amazon reviews", "vader_amazonReviewSnippets_*.parquet", "human_mean_sentiment"),
)
STREAM: Final = TextSet("Headlines without labels", "crypto_headlines_stream_*.parquet", "source")
"""Tells which words of the lexicon are used elsewhere too."""


class Row(msgspec.Struct, frozen=True):
    """One line of the table; None where a measure does not apply."""

    texts: str
    scores: str
    number: int
    accuracy: float | None
    macro_f1: float | None
    pearson: float
    spearman: float


def call(score: float, classes: Sequence[str]) -> str:
    """The class of a score: neutral inside (-0.05, 0.05) where there is such a class, else by its sign.

    A score of 0 between two classes counts as positive, for which plain VADER comes out best.

    >>> call(0.04, ("positive", "neutral", "negative")), call(0.0, ("positive", "negative"))
    ('neutral', 'positive')
    """
    band = NEUTRAL_BAND if "neutral" in classes else 0.0
    if score >= band:
        return "positive"
    return "negative" if score <= -band else "neutral"


def evaluate(folder: Path) -> list[Row]:
    """Every set, with plain VADER, ours, and for crypto ours without the words a text alone has."""
    plain, ours = Vader("plain"), Vader("crypto")
    crypto = {group.title: read_texts(folder, group) for group in (HEADLINES, COMMENTS)}
    used = words_used(
        [text for texts, _ in crypto.values() for text in texts] + read_texts(folder, STREAM)[0]
    )
    rows = []
    for group in (HEADLINES, COMMENTS, *GENERAL):
        texts, truth = crypto.get(group.title) or read_texts(folder, group)
        scores = {
            "plain VADER": [plain.score(text) for text in texts],
            "ours": [ours.score(clean(text)) for text in texts],
        }
        if group.title in crypto:
            scores["ours, without words of one text"] = scores_without_own_words(texts, used)
        rows += [_row(group, name, truth, values) for name, values in scores.items()]
    return rows


def read_texts(folder: Path, group: TextSet) -> tuple[list[str], list[str] | list[float]]:
    """The texts of a set and what is true of them."""
    import pyarrow as pa  # noqa: PLC0415 - whoever scores text need not load it
    import pyarrow.parquet as pq  # noqa: PLC0415 - ditto

    paths = sorted(folder.glob(group.files))
    if not paths:
        raise ConfigError(f"{folder}: holds no {group.files}; name the folder of the labelled texts")
    texts, truth = [], []
    for path in paths:
        try:
            columns = pq.read_table(path, columns=["text", group.truth]).to_pydict()
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: cannot be read: {str(error).splitlines()[0][:120]}") from None
        texts += columns["text"]
        truth += columns[group.truth]
    if not texts or None in texts or None in truth:
        raise DataError(f"{paths[0]}: has no rows, or a row without text or {group.truth}")
    if group.classes and (others := sorted(set(truth).difference(group.classes))):
        raise DataError(f"{paths[0]}: has the label {others[0]!r}; expected {', '.join(group.classes)}")
    return texts, truth


def words_used(texts: Iterable[str]) -> Counter[str]:
    """In how many of the texts each word and phrase of our lexicon stands."""
    lexicon = crypto_lexicon()
    model, ours = load_vader(lexicon), valences(lexicon)
    return Counter(word for text in texts for word in _words(model, text) if word in ours)


def scores_without_own_words(texts: Iterable[str], used: Mapping[str, int]) -> list[float]:
    """Scores in which a word of our lexicon counts only if another text has it too, as `used` says.

    This is what is left when no word can have been put into the lexicon for the sake of the one text that
    it is tried on.
    """
    model, plain = load_vader(crypto_lexicon()), load_vader(None).analyzer.lexicon
    words = model.analyzer.lexicon
    whole = dict(words)
    scores = []
    for text in map(clean, texts):
        for word in _words(model, text):
            if used.get(word) == 1:
                words.pop(word, None)
                if word in plain:
                    words[word] = plain[word]
        scores.append(model.score(text))
        words.clear()
        words.update(whole)
    return scores


def _words(model: VaderModel, text: str) -> set[str]:
    return {word.strip(".,!?:;()\"'").lower() for word in model.phrased(clean(text)).split()}


def _row(group: TextSet, name: str, truth: Sequence[str] | Sequence[float], scores: Sequence[float]) -> Row:
    right = share = None
    if group.classes:
        labels = [str(label) for label in truth]
        calls = [call(score, group.classes) for score in scores]
        right, share = accuracy(labels, calls), macro_f1(labels, calls, group.classes)
        numbers = [SIGNS[label] for label in labels]
    else:
        numbers = [float(mean) for mean in truth]
    return Row(
        group.title, name, len(scores), right, share, pearson(numbers, scores), spearman(numbers, scores)
    )


def table(rows: Iterable[Row]) -> str:
    """The rows as a table of Markdown."""
    lines = [HEADING, ("---", "---", *["---:"] * 5)]
    for row in rows:
        measures = (row.accuracy, row.macro_f1, row.pearson, row.spearman)
        cells = ("" if value is None else f"{value:.3f}" for value in measures)
        lines.append((row.texts, row.scores, f"{row.number:,}", *cells))
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def write_into(path: Path, text: str) -> None:
    """Put `text` between the markers of the page at `path`."""
    try:
        path.write_text(written_into(path.read_text(), text))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; name a Markdown page") from None


def written_into(page: str, text: str) -> str:
    """`page` with `text` between its markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ConfigError(f"the page has no lines {BEGIN} and {END}; put them where the table belongs")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def main(arguments: Sequence[str]) -> int:
    """Print the table, and put it into the page if one is named; 0, or the exit code of what went wrong."""
    parser = argparse.ArgumentParser(prog="evaluation", description="quality of the scores of texts")
    parser.add_argument("folder", type=Path, help="folder of the labelled texts")
    parser.add_argument("--page", type=Path, help="Markdown page with the markers to write between")
    options = parser.parse_args(arguments)
    try:
        text = table(evaluate(options.folder))
        if options.page is not None:
            write_into(options.page, text)
    except QuantError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
