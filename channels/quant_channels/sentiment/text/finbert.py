"""FinBERT (Araci 2019), or a model like it, from a folder on this disk; never from a network."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from quant_channels.sentiment.text.cleaning import LIMIT
from quant_channels.sentiment.text.fusion import Probabilities
from quant_contracts.errors import ConfigError, DataError

FILES: Final = ("model.onnx", "tokenizer.json", "config.json")
LABELS: Final = ("positive", "negative", "neutral")
INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
INTEGERS: Final = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
LONGEST: Final = 512
"""Tokens of a text where config.json says nothing, as in BERT."""


class FinBERT(msgspec.Struct, frozen=True, dict=True, forbid_unknown_fields=True):
    """Probabilities that a text is positive, negative or neutral for the one who holds the asset.

    The folder holds `model.onnx`, `tokenizer.json` and `config.json` of a sequence classifier. Labels go by
    their name in `id2label`, never by their place. Texts run in batches, each padded to its longest text;
    what is longer than the model reads is cut. A text's result depends on its batch by float noise alone
    (below 1e-5), and replay uses the stored outputs. The model loads with the first use. Raises ConfigError
    for an extra, folder or file that is missing or unfit, DataError for output that is none.
    """

    folder: str
    batch: int = 16
    """Texts a run, 1 to 1024."""

    def __post_init__(self) -> None:
        if not self.folder:
            raise ValueError("folder must name the folder of the model, not ''")
        if not 1 <= self.batch <= 1024:
            raise ValueError(f"batch must be 1 to 1024 texts, not {self.batch}")

    @property
    def model_id(self) -> str:
        """`finbert/` and the digest of the three files, each by its name, its length and its bytes."""
        return self._loaded.id

    def score(self, texts: Sequence[str]) -> list[Probabilities]:
        """One result for each text, in their order."""
        model = self._loaded
        # Without a mask padding would be read as words.
        size = self.batch if "attention_mask" in model.inputs else 1
        return [
            result
            for first in range(0, len(texts), size)
            for result in model.run([text[:LIMIT] for text in texts[first : first + size]])
        ]

    @cached_property
    def _loaded(self) -> _Loaded:
        return _load(Path(self.folder))


class _Config(msgspec.Struct):
    """What is read of config.json."""

    id2label: dict[str, str]
    max_position_embeddings: int = LONGEST
    pad_token_id: int = 0
    model_type: str = "bert"


class _Loaded(msgspec.Struct, frozen=True):
    id: str
    session: Any
    tokenizer: Any
    inputs: Mapping[str, type]
    """Those the model takes, with their type."""
    output: str
    places: tuple[int, ...]
    """Where positive, negative and neutral stand in the output."""
    failures: tuple[type[Exception], ...]

    def run(self, texts: Sequence[str]) -> list[Probabilities]:
        encoded = self.tokenizer.encode_batch(list(texts))
        columns = {
            "input_ids": [item.ids for item in encoded],
            "attention_mask": [item.attention_mask for item in encoded],
            "token_type_ids": [item.type_ids for item in encoded],
        }
        fed: dict[str, Any] = {name: np.array(columns[name], kind) for name, kind in self.inputs.items()}
        try:
            (logits,) = self.session.run([self.output], fed)
        except self.failures as error:
            raise DataError(f"model.onnx could not be run: {_first_line(error)}; export it anew") from None
        if logits.shape != (len(texts), len(LABELS)):
            raise DataError(
                f"model.onnx gave numbers of the shape {logits.shape} for {len(texts)} texts; "
                "expected three for each: export a sequence classifier"
            )
        if not np.isfinite(logits).all():
            raise DataError("model.onnx gave a number that is not finite; export it anew")
        return [self._probabilities(row) for row in logits.tolist()]

    def _probabilities(self, logits: Sequence[float]) -> Probabilities:
        top = max(logits)
        shares = [math.exp(logits[place] - top) for place in self.places]
        total = shares[0] + shares[1] + shares[2]
        return Probabilities(*(share / total for share in shares))


def _load(folder: Path) -> _Loaded:
    content = {name: _read(folder / name) for name in FILES}
    config = _config(folder / "config.json", content["config.json"])
    places = _places(folder / "config.json", config.id2label)
    # Said before the import: neither library has a reason to ask a hub for anything.
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import onnxruntime  # noqa: PLC0415 - part of an extra
        from onnxruntime.capi import onnxruntime_pybind11_state as states  # noqa: PLC0415 - ditto
        from tokenizers import Tokenizer  # noqa: PLC0415 - ditto
    except ImportError:
        raise ConfigError(
            'FinBERT needs onnxruntime and tokenizers: pip install "quant-engine[nlp]"'
        ) from None
    failures = tuple(
        kind for kind in vars(states).values() if isinstance(kind, type) and issubclass(kind, Exception)
    )
    try:
        tokenizer = Tokenizer.from_buffer(content["tokenizer.json"])
    except ValueError as error:
        raise _unfit(folder / "tokenizer.json", "a tokenizer", error) from None
    _prepare(tokenizer, config)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        # From the bytes that were digested: a model that keeps its weights in another file is refused.
        session = onnxruntime.InferenceSession(
            content["model.onnx"], options, providers=["CPUExecutionProvider"]
        )
    except failures as error:
        raise _unfit(folder / "model.onnx", "an ONNX model in one file", error) from None
    outputs = [output.name for output in session.get_outputs()]
    return _Loaded(
        id=f"finbert/{_digest(content)}",
        session=session,
        tokenizer=tokenizer,
        inputs=_inputs(folder / "model.onnx", session.get_inputs()),
        output="logits" if "logits" in outputs else outputs[0],
        places=places,
        failures=failures,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; a model folder holds {', '.join(FILES)}, exported from the model you have"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _config(path: Path, content: bytes) -> _Config:
    try:
        config = msgspec.json.decode(content, type=_Config)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unfit(path, "the configuration of a classifier", error) from None
    if config.max_position_embeddings < 8:
        raise ConfigError(
            f"{path}: max_position_embeddings must be at least 8, not {config.max_position_embeddings}"
        )
    return config


def _places(path: Path, labels: Mapping[str, str]) -> tuple[int, ...]:
    """Where each label of ours stands, by name."""
    names = {label.lower(): place for place, label in labels.items()}
    if sorted(names) != sorted(LABELS) or sorted(labels) != ["0", "1", "2"]:
        raise ConfigError(
            f"{path}: id2label names {', '.join(labels.values()) or 'nothing'}; "
            "expected positive, negative and neutral at 0, 1 and 2 in any order: write the labels the "
            "model was trained with into config.json"
        )
    return tuple(int(names[label]) for label in LABELS)


def _prepare(tokenizer: Any, config: _Config) -> None:
    """Cut and pad as the model needs it, whatever the file of the tokenizer says."""
    # RoBERTa counts positions from the number after its padding.
    offset = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    longest = config.max_position_embeddings - offset
    if tokenizer.truncation:
        longest = min(longest, tokenizer.truncation["max_length"])
    padding = tokenizer.id_to_token(config.pad_token_id) or "[PAD]"
    tokenizer.enable_truncation(longest)
    tokenizer.enable_padding(pad_id=config.pad_token_id, pad_token=padding)


def _inputs(path: Path, inputs: Iterable[Any]) -> dict[str, type]:
    found = {entry.name: entry.type for entry in inputs}
    unknown = [name for name, kind in found.items() if name not in INPUTS or kind not in INTEGERS]
    if unknown or "input_ids" not in found:
        listed = ", ".join(f"{name} {kind}" for name, kind in found.items())
        raise ConfigError(
            f"{path}: takes {listed}; expected input_ids, and at most attention_mask and token_type_ids, "
            "as integers"
        )
    return {name: INTEGERS[kind] for name, kind in found.items()}


def _digest(content: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in FILES:
        digest.update(f"{name} {len(content[name])}\n".encode())
        digest.update(content[name])
    return digest.hexdigest()


def _unfit(path: Path, kind: str, error: Exception) -> ConfigError:
    return ConfigError(f"{path}: not {kind}, or damaged: {_first_line(error)}; export it anew")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
