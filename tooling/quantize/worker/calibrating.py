"""The rows that AWQ calibrates with, as token ids, drawn with a seed of our own: the same job gets the same rows."""

import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
from attrs import frozen
from datasets import Dataset
from huggingface_hub import HfApi
from llmcompressor.args import DatasetArguments
from llmcompressor.transformers.data import TextGenerationDataset

from tooling.quantize import texts
from tooling.quantize.job import Calibration
from tooling.quantize.worker.telling import Failure, phase

# What of a registered data set is read: its training part and, where it has several versions, one of them. Of c4 one
# file of a thousand is more than enough.
PARTS: Mapping[str, Mapping[str, Any]] = {
    "c4": {"split": "train", "data_files": {"train": "en/c4-train.00000-of-01024.json.gz"}},
    "gsm8k": {"split": "train", "config": "main"},
    "ultrachat_200k": {"split": "train_sft"},
    "wikitext": {"split": "train", "config": "wikitext-2-raw-v1"},
}
TEMPLATED = ("ultrachat_200k", "perfectblend")
_FEWEST_TOKENS = 2
SPARE = 4
"""Rows drawn for each that is used: in some data sets every other one is an empty line."""


@frozen(kw_only=True)
class Used:
    """What calibration saw. `samples`: how many rows there were of those asked for; `revision`: the data set's commit.

    `chat_template`: whether the model's own template was put around the texts.
    """

    samples: int
    chat_template: bool
    revision: str | None


def rows(calibration: Calibration, tokenizer: Any) -> tuple[Dataset, Used]:
    """Rows of `input_ids` and `attention_mask`, and what is to be told of them. Raises `Failure`."""
    with phase(f"calibration data: {calibration.name}"):
        if calibration.path is not None:
            return _from_file(calibration, tokenizer)
        return _from_hub(calibration, tokenizer)


def _from_file(calibration: Calibration, tokenizer: Any) -> tuple[Dataset, Used]:
    try:
        found = list(texts.rows(Path(str(calibration.path))))
    except texts.TextsUnreadable as error:
        raise Failure(f"calibration data: {error}") from error
    random.Random(calibration.seed).shuffle(found)  # noqa: S311  # nothing secret is drawn
    has_talks = any("messages" in row for row in found)
    if has_talks and not tokenizer.chat_template:
        raise Failure(f"{calibration.name} has `messages`, and this model has no chat template: give it `text`")
    written = (
        tokenizer.apply_chat_template(row["messages"], tokenize=False) if "messages" in row else row["text"]
        for row in found
    )
    dataset = Dataset.from_list(_tokenised(written, calibration, tokenizer))
    return dataset, Used(samples=len(dataset), chat_template=has_talks, revision=None)


def _tokenised(written: Iterable[str], calibration: Calibration, tokenizer: Any) -> list[dict[str, list[int]]]:
    kept: list[dict[str, list[int]]] = []
    for text in written:
        # Cut here: a tokenizer that is told to truncate remembers it, and is saved with the export.
        ids = tokenizer(text)["input_ids"][: calibration.tokens]
        if len(ids) >= _FEWEST_TOKENS:
            kept.append({"input_ids": ids, "attention_mask": [1] * len(ids)})
        if len(kept) == calibration.samples:
            break
    if not kept:
        raise Failure(f"{calibration.name} has no text of at least {_FEWEST_TOKENS} tokens")
    return kept


def _from_hub(calibration: Calibration, tokenizer: Any) -> tuple[Dataset, Used]:
    """A registered data set, through the library's own templates; only the rows that are drawn are tokenised."""
    part = PARTS.get(calibration.name, {"split": "train"})
    arguments = DatasetArguments(dataset=calibration.name, max_seq_length=calibration.tokens)
    try:
        manager = TextGenerationDataset.load_from_registry(
            calibration.name, dataset_args=arguments, split=part["split"], processor=tokenizer
        )
        told = manager.dataset_args
        told.dataset_config_name = part.get("config", told.dataset_config_name)
        revision = HfApi().dataset_info(told.dataset).sha
        told.raw_kwargs = {"revision": revision} | {key: part[key] for key in ("data_files",) if key in part}
        raw = manager.load_dataset()
        told.dataset = raw.shuffle(seed=calibration.seed).select(range(min(calibration.samples * SPARE, len(raw))))
        made = manager()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, httpx.HTTPError) as error:
        raise Failure(
            f"the calibration data {calibration.name} cannot be had: {error}\n"
            'A file of your own does without the Hub: AWQ_CALIB_DATASET=/path/to/texts.jsonl, one {"text": ...} a line'
        ) from error
    used = [row for row in made if len(row["input_ids"]) >= _FEWEST_TOKENS][: calibration.samples]
    if not used:
        raise Failure(f"{calibration.name} has no text of at least {_FEWEST_TOKENS} tokens")
    return Dataset.from_list(used), Used(
        samples=len(used), chat_template=calibration.name in TEMPLATED, revision=revision
    )


__all__ = ["Used", "rows"]
