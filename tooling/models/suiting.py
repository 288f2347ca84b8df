"""Which engine can read a model, and what to tell who asked for a quantisation that it already has. Pure."""

from engines.quantised import Format, refusal, remark
from runtime.settings import EngineName
from tooling.models.detection import Kind
from tooling.models.model import OTHER_WEIGHTS, WEIGHTS, Model
from tooling.refusal import REFUSED, Refusal

_BITS = {Format.AWQ: "4-bit (AWQ)", Format.GPTQ: "4-bit (GPTQ)", Format.FP8: "8-bit (FP8)", Format.INT8: "8-bit (INT8)"}
_FOUR, _EIGHT = ("4bit", "awq"), ("8bit", "fp8", "int8_sq")
# Quantised by methods that vLLM and TensorRT-LLM both name; they are handed on as they are.
_PASSED_ON = ("nvfp4", "mxfp4", "mxfp8", "compressed-tensors", "mixed_precision")


def require_suitable(model: Model, engine: EngineName, asked: str) -> tuple[str, ...]:
    """What to tell about serving a model by an engine with `CHAT_QUANTIZATION` = `asked`.

    Raises `Refusal` (3): it is the other engine's, has no safetensors, or is not quantised as `asked` demands.
    """
    _require_readable(model, engine)
    if said := refusal(asked, model.made, model.name):
        raise Refusal(said, REFUSED)
    return tuple(filter(None, (model.note, _already(asked, model.made), _unknown(model, engine))))


def _require_readable(model: Model, engine: EngineName) -> None:
    if engine is EngineName.VLLM and model.kind is not Kind.HF:
        what = "a TensorRT-LLM checkpoint" if model.kind is Kind.TRT_CHECKPOINT else "a compiled TensorRT-LLM engine"
        raise Refusal(
            f"{model.name} is {what}, which only TensorRT-LLM can read: serve it with just run-trt, or give vLLM the "
            "model it was made from (just run-vllm 4bit org/name)",
            REFUSED,
        )
    if engine is EngineName.TRT and model.made is Format.OTHER and not _is_passed_on(model):
        raise Refusal(
            f"{model.name} is quantised by {model.findings.method or 'an unknown method'}, which TensorRT-LLM does not "
            "know: serve it with just run-vllm, or name the float model it was made from",
            REFUSED,
        )
    if model.kind is Kind.HF and model.from_cache and not model.has_weights:
        raise Refusal(
            f"of {model.name} only a part is in the cache, no weights: fetch it with the Hub in reach", REFUSED
        )
    if model.kind is Kind.HF and model.listing and not model.has_weights:
        others = sorted({path for path, _ in model.listing if path.endswith(OTHER_WEIGHTS)})
        found = f"only {', '.join(others[:3])}" if others else "no weights at all"
        raise Refusal(
            f"{model.name} has {found}: weights are read from {WEIGHTS} files only; name a repository that has them, "
            "or convert it with transformers (save_pretrained)",
            REFUSED,
        )


def _already(asked: str, made: Format | None) -> str | None:
    if made is None or asked in ("auto", "none"):
        return None
    if made in (Format.AWQ, Format.GPTQ) and asked in _FOUR:
        return f"already {_BITS[made]}, used as it is"
    if made in (Format.FP8, Format.INT8) and asked in _EIGHT:
        return f"already {_BITS[made]}, used as it is"
    return remark(asked, made)


def _unknown(model: Model, engine: EngineName) -> str | None:
    if engine is not EngineName.VLLM or model.made is not Format.OTHER or _is_passed_on(model):
        return None
    method = model.findings.method or "a method it does not name"
    return f"{model.name} is quantised by {method}, which is not known here; it is given to vLLM as it is"


def _is_passed_on(model: Model) -> bool:
    return model.findings.method.lower() in _PASSED_ON


__all__ = ["require_suitable"]
