"""What a model is, read from its files: which program wrote it, how its weights are stored, whether it has experts."""

import enum
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from engines.quantised import Format, by_method, detect
from tooling.models.names import hint

CONFIG = "config.json"
# Where pushes put them (`tooling.push`): the source's own files at the root, TensorRT-LLM's below.
TRT_CHECKPOINTS = "trt-llm/checkpoints"
TRT_ENGINES = "trt-llm/engines"
_RANK_WEIGHTS = re.compile(r"(?:(?P<folder>.+)/)?rank\d+\.safetensors")
_RANK_ENGINE = re.compile(r"(?:(?P<folder>.+)/)?rank\d+\.engine")
# How many experts there are, by family.
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")


class Kind(enum.Enum):
    """Who wrote a model: transformers' layout, a checkpoint TensorRT-LLM builds from, an engine it built."""

    HF = "hf"
    TRT_CHECKPOINT = "trt-checkpoint"
    TRT_ENGINE = "trt-engine"


@frozen(kw_only=True)
class Findings:
    """What the files say. `folder`: where TensorRT-LLM's checkpoint or engine stands, "" is the root.

    `engines`: labels of the engines that come with it, each a folder below `trt-llm/engines`. `method`: what the
    files call the way the weights are quantised, "" where they are not or do not say.
    """

    kind: Kind
    folder: str
    engines: tuple[str, ...]
    made: Format | None
    method: str
    is_moe: bool
    architecture: str


def trt_folders(paths: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The folders that hold TensorRT-LLM checkpoints and those that hold engines, as their weights show."""
    checkpoints, engines = set(), set()
    for path in paths:
        if match := _RANK_WEIGHTS.fullmatch(path):
            checkpoints.add(match["folder"] or "")
        elif match := _RANK_ENGINE.fullmatch(path):
            engines.add(match["folder"] or "")
    return tuple(sorted(checkpoints)), tuple(sorted(engines))


def find(name: str, files: Mapping[str, Mapping[str, Any]], paths: Iterable[str]) -> Findings:
    """Read a model. `files`: parsed JSON by path; `paths`: everything it has. A name counts where no file decides."""
    checkpoints, engines = trt_folders(paths)
    root = files.get(CONFIG, {})
    labels = tuple(folder.removeprefix(f"{TRT_ENGINES}/") for folder in engines if folder.startswith(f"{TRT_ENGINES}/"))
    if "build_config" in root or "" in engines:
        kind, folder, config = Kind.TRT_ENGINE, "", _part(root, "pretrained_config")
    elif checkpoints:
        folder = "" if "" in checkpoints else checkpoints[0]
        kind, config = Kind.TRT_CHECKPOINT, files.get(f"{folder}/{CONFIG}" if folder else CONFIG, {})
    else:
        kind, folder, config = Kind.HF, "", root
    if kind is Kind.HF:
        made = detect(name, files)
        method = method_in(files)
    else:
        said = _part(config, "quantization").get("quant_algo")
        method = said if isinstance(said, str) else ""
        made = by_method(method) if method else (None if config else hint(name).made)
    return Findings(
        kind=kind,
        folder=folder,
        engines=labels,
        made=made,
        method=method,
        is_moe=_is_moe(root if kind is Kind.HF else config, root) if root or config else hint(name).is_moe,
        architecture=_architecture(config) or _architecture(root),
    )


def method_in(files: Mapping[str, Mapping[str, Any]]) -> str:
    """The first word for a method of quantisation that stands anywhere in the files, in their order of authority."""
    for data in files.values():
        for part in _parts(data):
            for key in ("quant_algo", "quant_method", "quantization_method"):
                word = part.get(key)
                if isinstance(word, str) and word and word.lower() not in ("none", "modelopt"):
                    return word
    return ""


def _is_moe(*configs: Mapping[str, Any]) -> bool:
    return any(
        _many(part.get(key)) or "moe" in str(part.get("model_type", "")).lower()
        for config in configs
        for part in _parts(config)
        for key in _EXPERTS
    )


def _many(value: object) -> bool:
    numbers = value if isinstance(value, list) else [value]
    return any(isinstance(number, int) and not isinstance(number, bool) and number > 1 for number in numbers)


def _architecture(config: Mapping[str, Any]) -> str:
    several = config.get("architectures")
    first = several[0] if isinstance(several, list) and several else config.get("architecture")
    return first if isinstance(first, str) else ""


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}


def _parts(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every object in the file, the shallowest first: a composite model holds its text model's configuration."""
    waiting: deque[Any] = deque([data])
    while waiting:
        part = waiting.popleft()
        if isinstance(part, Mapping):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


__all__ = ["CONFIG", "TRT_CHECKPOINTS", "TRT_ENGINES", "Findings", "Kind", "find", "method_in", "trt_folders"]
