"""Registered data sets through llmcompressor's own registry, in the environment that quantises: `registered DIRECTORY`.

There is no Hub here. A stand-in takes the place of `datasets.load_dataset` and of the Hub's look-up of a commit; it is
called with what the real ones take, and gives rows in the shape that each data set has.
"""

import inspect
import json
import sys
from typing import Any
from unittest import mock

import datasets
from huggingface_hub import HfApi
from transformers import AutoTokenizer

from tooling.quantize.calibration import NAMES, NOT_TEXT
from tooling.quantize.job import Calibration
from tooling.quantize.worker import calibrating

TALK = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello there"}]
ROWS: dict[str, dict[str, Any]] = {
    "allenai/c4": {"text": "a page of the web"},
    "cnn_dailymail": {"article": "news of the day", "highlights": "news"},
    "theblackcat102/evol-codealpaca-v1": {"instruction": "write a loop", "output": "for"},
    "openai/gsm8k": {"question": "one and one?", "answer": "two"},
    "garage-bAInd/Open-Platypus": {"instruction": "say it", "input": "", "output": "it"},
    "mlabonne/open-perfectblend": {
        "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yes"}]
    },
    "HuggingFaceH4/ultrachat_200k": {"messages": TALK},
    "Salesforce/wikitext": {"text": "a page of an encyclopaedia"},
}
LOADED: list[dict[str, Any]] = []
REAL = inspect.signature(datasets.load_dataset)


def load(*arguments: Any, **more: Any) -> datasets.Dataset:
    """What `datasets.load_dataset` would give, of 20 rows."""
    told = REAL.bind(*arguments, **more).arguments
    LOADED.append(
        {"path": told["path"], "name": told.get("name"), "split": told.get("split"), **told.get("kwargs", {})}
    )
    LOADED[-1] |= {key: told[key] for key in ("data_files", "revision") if told.get(key)}
    rows = [{**ROWS[told["path"]], "number": number} for number in range(20)]
    return datasets.Dataset.from_list(rows)


def main(place: str) -> None:
    """Print, for every data set, what was asked for and what came of it."""
    tokenizer = AutoTokenizer.from_pretrained(place)
    found = {}
    with (
        mock.patch("llmcompressor.transformers.data.data_helpers.load_dataset", load),
        mock.patch.object(HfApi, "dataset_info", autospec=True, return_value=mock.Mock(sha="c0ffee")),
    ):
        for name in NAMES:
            if name not in NOT_TEXT:
                wanted = Calibration(requested=name, name=name, samples=6, tokens=16, tokens_requested=16)
                rows, used = calibrating.rows(wanted, tokenizer)
                text = tokenizer.decode(rows[0]["input_ids"])
                found[name] = {
                    **LOADED[-1],
                    "rows": len(rows),
                    "longest": max(map(len, rows["input_ids"])),
                    "text": text,
                    "template": used.chat_template,
                    "commit": used.revision,
                }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
