"""From a GGUF file to the files of an ordinary checkpoint. Loads torch and gguf."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tooling.demo.files import write_json
from tooling.demo.progress import Report
from tooling.demo.smollm2.gguf_file import GgufFile
from tooling.demo.smollm2.tokenizer import byte_level, tokenizer_config

END_OF_TEXT = "<|endoftext|>"


def convert(path: Path, directory: Path, report: Report) -> None:
    """Write weights, configuration, tokenizer and template of a GGUF file. Raises `ValueError` for other kinds."""
    file = GgufFile(path)
    config, vocabulary, template = file.config(), file.vocabulary(), file["tokenizer.chat_template"]
    # A small model may end the text where it should end its turn; both end a reply.
    ends = [config["eos_token_id"], vocabulary[END_OF_TEXT]]
    generation = {"bos_token_id": config["bos_token_id"], "eos_token_id": ends, "pad_token_id": config["pad_token_id"]}
    write_json(directory / "config.json", config)
    write_json(directory / "generation_config.json", generation)
    byte_level(vocabulary, file.merges(), file.control_tokens()).save(str(directory / "tokenizer.json"))
    settings = tokenizer_config(file.named_tokens(), template, file["llama.context_length"])
    write_json(directory / "tokenizer_config.json", settings)
    (directory / "chat_template.jinja").write_text(template, encoding="utf-8")
    _save_weights(file.weights(report), directory / "model.safetensors")


def _save_weights(weights: Iterable[tuple[str, Any]], path: Path) -> None:
    """Save in bfloat16, which every engine takes as it is."""
    state = {name: torch.from_numpy(values).to(torch.bfloat16) for name, values in weights}
    save_file(state, str(path), metadata={"format": "pt"})


__all__ = ["convert"]
