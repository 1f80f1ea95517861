"""A classifier small enough to be made here: three words mean something, a text is their mean."""

from __future__ import annotations

import json

import numpy as np
import pytest

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "surge", "hack", "says", "##s")
#                  positive, negative, neutral
LOGITS = np.array(
    [[9, 9, -9], [0, 0, 1], [0, 0, 0], [0, 0, 0], [4, -1, 0], [-1, 5, 0], [0, 0, 3], [0.5, 0, 0]], np.float32
)
NAMES = ("positive", "negative", "neutral")


def onnx_model(logits, *, inputs, kind="INT64", classes=3):
    """Logits of a text: the mean over its unmasked words, plus a hundredth for each type of a word."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    integer = getattr(TensorProto, kind)
    nodes = [helper.make_node("Gather", ["words", "input_ids"], ["found"])]
    if "attention_mask" in inputs:
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
            helper.make_node("Mul", ["found", "wide"], ["kept"]),
            helper.make_node("ReduceSum", ["kept", "middle"], ["total"], keepdims=0),
            helper.make_node("ReduceSum", ["mask", "middle"], ["count"], keepdims=1),
            helper.make_node("Div", ["total", "count"], ["mean"]),
        ]
    else:
        nodes.append(helper.make_node("ReduceMean", ["found", "middle"], ["mean"], keepdims=0))
    if "token_type_ids" in inputs:
        nodes += [
            helper.make_node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["types", "middle"], ["typed"], keepdims=1),
            helper.make_node("Add", ["mean", "typed"], ["logits"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["mean"], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, integer, ["batch", "length"]) for name in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])],
        [
            numpy_helper.from_array(np.asarray(logits, np.float32), "words"),
            numpy_helper.from_array(np.array([2], np.int64), "last"),
            numpy_helper.from_array(np.array([1], np.int64), "middle"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def wordpiece():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(
        models.WordPiece({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer.to_str()


@pytest.fixture
def model_folder(tmp_path):
    """A function that writes a model and returns its folder; what is given replaces what would be written."""

    def write(
        *,
        names=NAMES,
        logits=LOGITS,
        inputs=("input_ids", "attention_mask", "token_type_ids"),
        kind="INT64",
        folder="model",
        **config,
    ):
        place = tmp_path / folder
        place.mkdir()
        (place / "model.onnx").write_bytes(
            onnx_model(logits, inputs=inputs, kind=kind, classes=np.shape(logits)[1])
        )
        (place / "tokenizer.json").write_text(wordpiece())
        settings = {
            "id2label": {str(at): name for at, name in enumerate(names)},
            "model_type": "bert",
            **config,
        }
        (place / "config.json").write_text(json.dumps(settings))
        return place

    return write
