"""What a model's name hints at, before anything of it is known. Files beat names: see `tooling.models.detection`."""

import re

from attrs import frozen

from engines.quantised import Format, by_name

_WORDS = re.compile(r"[-_.]+")
_MOE = re.compile(r"-a[0-9.]+b|moe|mixtral|deepseek-v[23]|ernie-4\.5")
# TensorRT-LLM's names of formats, by what else the name says; None: its config has to say it.
_TRT_FORMATS = (("awq", "int4_awq"), ("fp8", "fp8"), ("int8", "int8_sq"), ("int-8", "int8_sq"))
_TRT_UNSAID = ("8bit", "8-bit")


@frozen(kw_only=True)
class Hint:
    """What a name says. `made`: the format of the weights, None for float; `is_moe`: a mixture of experts.

    `is_trt`: a TensorRT-LLM checkpoint; `trt_format`: `int4_awq`, `fp8` or `int8_sq`, None where its config says it.
    """

    made: Format | None
    is_moe: bool
    is_trt: bool = False
    trt_format: str | None = None


def hint(name: str) -> Hint:
    """Read the last part of a Hub id or path."""
    last = name.rstrip("/").rpartition("/")[2].lower()
    is_moe = bool(_MOE.search(last))
    if "trt" in _WORDS.split(last):
        for word, trt_format in _TRT_FORMATS:
            if word in last:
                return Hint(made=_MADE[trt_format], is_moe=is_moe, is_trt=True, trt_format=trt_format)
        if any(word in last for word in _TRT_UNSAID):
            return Hint(made=None, is_moe=is_moe, is_trt=True)
    return Hint(made=by_name(name), is_moe=is_moe)


_MADE = {"int4_awq": Format.AWQ, "fp8": Format.FP8, "int8_sq": Format.INT8}

__all__ = ["Hint", "hint"]
