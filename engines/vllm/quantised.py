"""Is a checkpoint quantised, and how: read from its files, guessed from its name only where there are none."""

import enum
from collections.abc import Mapping
from typing import Any

# In this order; the first file that says something decides.
FILES = ("config.json", "quantization_config.json", "quant_config.json", "hf_quant_config.json", "awq_config.json")
_SECTIONS = ("quantization_config", "quantization", "quant_config")
_METHODS = ("quant_method", "quant_algo", "quantization_method", "quantization")


class Format(enum.Enum):
    """What the weights are. OTHER: quantised by a method that vLLM may know and we do not."""

    AWQ = "awq"
    GPTQ = "gptq"
    FP8 = "fp8"
    INT8 = "int8"
    MIXED = "mixed"
    OTHER = "other"


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


def _in_file(data: Mapping[str, Any]) -> Format | None:
    sections = [section for key in _SECTIONS if isinstance(section := data.get(key), Mapping)]
    for section in (*sections, data):
        for key in _METHODS:
            method = section.get(key)
            if isinstance(method, str) and method:
                return _of_method(method.lower(), section)
    return None


def _of_method(method: str, section: Mapping[str, Any]) -> Format:
    if method == "compressed-tensors":
        return _of_groups(section)
    if method in ("awq", "auto_awq", "awq_marlin") or method.startswith("w4a16"):
        return Format.AWQ
    if method.startswith("gptq"):
        return Format.GPTQ
    if method == "fp8":
        return Format.FP8
    if method in ("int8", "int8_sq") or method.startswith("w8a8_sq"):
        return Format.INT8
    return Format.OTHER


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


__all__ = ["FILES", "Format", "by_name", "detect"]
