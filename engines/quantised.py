"""Is a checkpoint quantised, and how: read from its files, guessed from its name only where there are none."""

import enum
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

# In this order; the first file that says something decides. Exporters that leave config.json alone write the others.
FILES = (
    "config.json",
    "quantization_config.json",
    "quant_config.json",
    "quantize_config.json",
    "hf_quant_config.json",
    "awq_config.json",
    "awq_metadata.json",
)
_SECTIONS = ("quantization_config", "quantization", "quant_config", "compression_config")
_METHODS = ("quant_method", "quant_algo", "quantization_method", "quantization")
# What the exporters of old wrote in the place of a method.
_AWQ_SHAPE = frozenset({"w_bit"})
_GPTQ_SHAPE = frozenset({"bits", "desc_act"})


class Format(enum.Enum):
    """What the weights are. OTHER: quantised by a method that vLLM may know and we do not."""

    AWQ = "awq"
    GPTQ = "gptq"
    FP8 = "fp8"
    INT8 = "int8"
    MIXED = "mixed"
    OTHER = "other"


# What each word of `CHAT_QUANTIZATION` is content with; `auto` and `none` are not about a format.
_CONTENT = {
    "4bit": frozenset({Format.AWQ, Format.GPTQ}),
    "awq": frozenset({Format.AWQ, Format.GPTQ}),
    "8bit": frozenset({Format.FP8, Format.INT8}),
    "fp8": frozenset({Format.FP8}),
    "int8_sq": frozenset({Format.INT8}),
}


def detect(name: str, files: Mapping[str, Mapping[str, Any]]) -> Format | None:
    """The format of a checkpoint, None if it is not quantised.

    `files`: parsed JSON by file name. With a `config.json` the files decide; without one `name` is a hint.
    """
    for file in FILES:
        found = _in_file(files.get(file, {}))
        if found is not None:
            return found
    return None if "config.json" in files else by_name(name)


def by_name(name: str) -> Format | None:
    """The format that a repository's or directory's last name hints at."""
    last = name.rstrip("/").rpartition("/")[2].lower()
    if "gptq" in last:
        return Format.GPTQ
    if any(word in last for word in ("awq", "w4a16", "compressed-tensors", "autoround")):
        return Format.AWQ
    return None


def by_method(method: str) -> Format:
    """The format of a method's name, as checkpoints of all libraries and compiled engines have it."""
    lowered = method.lower()
    if lowered.startswith("gptq") or lowered.endswith("_gptq"):
        return Format.GPTQ
    if lowered in ("awq", "auto_awq", "awq_marlin") or lowered.startswith("w4a16"):
        return Format.AWQ
    if lowered.startswith("fp8") or lowered == "fbgemm_fp8":
        return Format.FP8
    if lowered in ("int8", "int8_sq") or lowered.startswith("w8a8_sq"):
        return Format.INT8
    return Format.OTHER


def refusal(asked: str, made: Format | None, what: str) -> str | None:
    """Why `what`, whose weights are `made`, cannot be served as `CHAT_QUANTIZATION` (`asked`) says; None if it can."""
    if asked == "none" and made is not None:
        return f"CHAT_QUANTIZATION is none, but {what} is quantised ({made.value}); use auto to serve it as it is"
    if asked in ("gptq", "gptq_marlin") and made is not Format.GPTQ:
        return f"CHAT_QUANTIZATION is {asked}, but {what} is {made.value if made else 'not quantised'}"
    return None


def remark(asked: str, made: Format | None) -> str | None:
    """What to tell who asked for another format than the weights already have."""
    if made is None or made in _CONTENT.get(asked, frozenset(Format)):
        return None
    return f"{asked} was asked for; the checkpoint is already quantised ({made.value}), used as it is"


def _in_file(data: Mapping[str, Any]) -> Format | None:
    for section in _sections(data):
        found = _in_section(section)
        if found is not None:
            return found
    return _in_section(data)


def _sections(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What stands under a section's name anywhere in the file, the shallowest first: a composite model has its text
    model's configuration inside its own, under a name that each family chooses.
    """
    waiting: deque[Any] = deque([data])
    while waiting:
        part = waiting.popleft()
        if isinstance(part, Mapping):
            yield from (section for key in _SECTIONS if isinstance(section := part.get(key), Mapping))
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _in_section(section: Mapping[str, Any]) -> Format | None:
    methods = [method for key in _METHODS if isinstance(method := section.get(key), str) and method.lower() != "none"]
    # NVIDIA's exporter names itself first and the method second.
    method = next((method for method in methods if method and not method.lower().startswith("modelopt")), "")
    if "config_groups" in section or method == "compressed-tensors":
        return _of_groups(section)
    if method:
        return by_method(method)
    if section.keys() >= _AWQ_SHAPE:
        return Format.AWQ
    if section.keys() >= _GPTQ_SHAPE:
        return Format.GPTQ
    return Format.OTHER if methods else None


def _of_groups(section: Mapping[str, Any]) -> Format:
    groups = section.get("config_groups")
    weights = [
        group["weights"]
        for group in (groups.values() if isinstance(groups, Mapping) else ())
        if isinstance(group, Mapping) and isinstance(group.get("weights"), Mapping)
    ]
    known = {("int", 4): Format.AWQ, ("float", 8): Format.FP8, ("int", 8): Format.INT8}
    formats = {known.get((weight.get("type", "int"), weight.get("num_bits")), Format.OTHER) for weight in weights}
    if len(formats) > 1:
        return Format.MIXED
    return formats.pop() if formats else Format.OTHER


__all__ = ["FILES", "Format", "by_method", "by_name", "detect", "refusal", "remark"]
