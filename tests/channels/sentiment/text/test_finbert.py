"""A classifier from a local folder: labels by name, padding without effect, one line for what is amiss."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from quant_channels.sentiment.text.finbert import FinBERT
from quant_contracts.errors import ConfigError, DataError

LOGITS = np.array(
    [[9, 9, -9], [0, 0, 1], [0, 0, 0], [0, 0, 0], [4, -1, 0], [-1, 5, 0], [0, 0, 3], [0.5, 0, 0]], np.float32
)
TEXTS = ["Surge", "hack", "says", "surge says hack hack surges", "", "unheard of", "surge " * 40]


def softmax(logits):
    shares = [math.exp(value) for value in logits]
    return [share / math.fsum(shares) for share in shares]


def rows(results):
    return [(found.positive, found.negative, found.neutral) for found in results]


def test_probabilities_by_hand(model_folder):
    (found,) = FinBERT(str(model_folder())).score(["surge hacks"])
    # [CLS] surge hack ##s [SEP]
    mean = (LOGITS[2] + LOGITS[4] + LOGITS[5] + LOGITS[7] + LOGITS[3]) / 5
    assert rows([found])[0] == pytest.approx(softmax(mean.tolist()), abs=1e-6)
    assert found.positive + found.negative + found.neutral == pytest.approx(1, abs=1e-12)
    assert found.balance == found.positive - found.negative


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_padding_changes_nothing_but_float_noise(model_folder, batch):
    folder = str(model_folder())
    alone = [FinBERT(folder).score([text])[0] for text in TEXTS]
    together = FinBERT(folder, batch=batch).score(TEXTS)
    np.testing.assert_allclose(rows(together), rows(alone), rtol=0, atol=1e-6)
    assert [found.balance > 0.5 for found in together[:3]] == [True, False, False]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_place_of_a_label_does_not_matter(model_folder, order):
    names = ("Positive", "NEGATIVE", "neutral")
    straight = FinBERT(str(model_folder())).score(TEXTS)
    turned = model_folder(
        names=[names[place] for place in order], logits=LOGITS[:, list(order)], folder="turned"
    )
    assert FinBERT(str(turned)).score(TEXTS) == straight


@pytest.mark.parametrize(
    "inputs", [("input_ids",), ("input_ids", "attention_mask"), ("input_ids", "token_type_ids")]
)
@pytest.mark.parametrize("kind", ["INT64", "INT32"])
def test_only_the_inputs_of_the_model_are_fed(model_folder, inputs, kind):
    whole = FinBERT(str(model_folder())).score(TEXTS)
    fewer = FinBERT(str(model_folder(inputs=inputs, kind=kind, folder="fewer"))).score(TEXTS)
    np.testing.assert_allclose(rows(fewer), rows(whole), rtol=0, atol=1e-6)


def test_a_text_is_cut_to_what_the_model_reads(model_folder):
    model = FinBERT(str(model_folder(max_position_embeddings=8)))
    long, cut = model.score(["surge " * 6 + "hack " * 5000, "surge " * 6])
    assert long == cut
    roberta = FinBERT(str(model_folder(max_position_embeddings=9, model_type="roberta", folder="roberta")))
    assert roberta.score(["surge " * 6 + "hack"]) == [cut]


def test_the_model_is_named_by_its_three_files(model_folder):
    first, same = model_folder(), model_folder(folder="same")
    assert FinBERT(str(first)).model_id == FinBERT(str(same)).model_id
    assert FinBERT(str(first)).model_id.startswith("finbert/")
    other = model_folder(logits=LOGITS * 2, folder="other")
    names = {FinBERT(str(other)).model_id, FinBERT(str(first)).model_id}
    for name, content in (("config.json", {"note": 1}), ("tokenizer.json", {"version": "1.0"})):
        path = same / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **content}, indent=1))
        names.add(FinBERT(str(same)).model_id)
    assert len(names) == 4


def test_nothing_to_score(model_folder):
    assert FinBERT(str(model_folder())).score([]) == []


def test_it_is_not_loaded_before_it_is_used():
    assert FinBERT("no/such/folder").batch == 16


@pytest.mark.parametrize(
    "names",
    [
        ("LABEL_0", "LABEL_1", "LABEL_2"),
        ("positive", "negative"),
        ("positive", "negative", "positive"),
        ("bullish", "bearish", "neutral"),
        (),
    ],
)
def test_labels_that_are_not_the_three_are_refused(model_folder, names):
    with pytest.raises(ConfigError, match="expected positive, negative and neutral") as error:
        FinBERT(str(model_folder(names=names))).score(["x"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]", b"a\nb", b"[" * 3000, None])
def test_a_missing_or_damaged_file_is_one_clear_line(model_folder, name, content):
    folder = model_folder()
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(ConfigError, match=name) as error:
        FinBERT(str(folder)).score(["x"])
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_an_input_that_is_not_known_is_refused(model_folder):
    folder = model_folder(inputs=("input_ids", "pixel_values"))
    with pytest.raises(
        ConfigError, match=r"takes input_ids tensor\(int64\), pixel_values .*; expected input_ids"
    ):
        FinBERT(str(folder)).score(["x"])


def test_output_that_is_no_classification_is_refused(model_folder):
    four = np.concatenate([LOGITS, LOGITS[:, :1]], axis=1)
    with pytest.raises(DataError, match=r"shape \(1, 4\) for 1 texts"):
        FinBERT(str(model_folder(logits=four))).score(["x"])
    endless = model_folder(logits=np.full_like(LOGITS, np.inf), folder="endless")
    with pytest.raises(DataError, match="not finite"):
        FinBERT(str(endless)).score(["x"])


def test_a_missing_extra_is_named(model_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r'pip install "quant-engine\[nlp\]"'):
        FinBERT(str(model_folder())).score(["x"])


@pytest.mark.parametrize(
    ("settings", "problem"), [({"folder": ""}, "folder"), ({"batch": 0}, "batch must be 1 to")]
)
def test_settings_that_are_none_are_refused(settings, problem):
    with pytest.raises(ValueError, match=problem):
        FinBERT(**{"folder": "model", **settings})


def test_importing_the_texts_loads_no_model():
    code = (
        "import sys\n"
        "from quant_channels.sentiment.text import "
        "cleaning, duplicates, evaluation, finbert, fusion, lexicon, linking, metrics, vader\n"
        "vader.Vader(), finbert.FinBERT('x'), linking.Linker()\n"
        "heavy = {'onnxruntime', 'tokenizers', 'vaderSentiment', 'pyarrow', 'scipy'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
