"""Which format of weights is made for an engine on a GPU: one table, by architecture.

    GPU                                        vLLM 8bit          TensorRT-LLM 8bit   4bit
    sm75          T4, RTX 20                   fp8, weights only  refused             w4a16; TensorRT-LLM refused
    sm80, sm86    A100, A30; A10, A40, RTX 30  fp8, weights only  int8_sq             w4a16, int4_awq
    sm89, sm90    L4, L40S, RTX 40; H100, H200 fp8                fp8                 w4a16, int4_awq
    sm100 .. 120  B200, B300; RTX 50, PRO 6000 fp8                fp8                 w4a16, int4_awq (little tried)

A newer GPU counts as the newest row, with a warning; an older one is refused.
"""

import re

from attrs import frozen

from tooling.refusal import REFUSED, Refusal

NAMES = {"vllm": "vLLM", "trt": "TensorRT-LLM"}
FOUR_BIT, EIGHT_BIT, FLOAT = ("4bit", "awq"), ("8bit", "fp8", "int8_sq"), ("auto", "none")
WEIGHTS_ONLY = "this GPU has no FP8 arithmetic: the weights are FP8, the computing is 16 bits wide"
LITTLE_TRIED = "int4_awq is little tried on this architecture; 8bit (fp8) is the safe choice"
OLDEST = {"vllm": 75, "trt": 80}
NATIVE_FP8 = 89
BLACKWELL = 100
NEWEST = 120


@frozen
class Chosen:
    """What is made: `fp8` or `w4a16` for vLLM; `int4_awq`, `fp8`, `int8_sq` or `full_prec` for TensorRT-LLM; `none`.

    `note`: what to tell about it, one sentence.
    """

    format: str
    note: str | None = None


def chosen_format(engine: str, quantisation: str, sm: str, eight_bit: str | None = None) -> Chosen:
    """The format for a word of `CHAT_QUANTIZATION`. `engine`: vllm or trt; `eight_bit`: `QUANTIZATION`, for trt alone.

    Raises `Refusal` (3): the engine has no kernels for that GPU, or none for that format.
    """
    number, name = number_of(sm), NAMES[engine]
    if number < OLDEST[engine]:
        raise Refusal(
            f"{name} needs sm{OLDEST[engine]} or newer, this GPU is {sm}: "
            + ("serve with vLLM (just run-vllm)" if number >= OLDEST["vllm"] else "use a newer GPU, or just run"),
            REFUSED,
        )
    made = _for_vllm(quantisation, number) if engine == "vllm" else _for_trt(quantisation, sm, number, eight_bit)
    if number <= NEWEST:
        return made
    unknown = f"{sm} is newer than what {name} was tried on; it counts as sm{NEWEST}"
    return Chosen(made.format, f"{unknown}; {made.note}" if made.note else unknown)


def number_of(sm: str) -> int:
    """90 for `sm90`; 0 for what is no architecture."""
    found = re.search(r"\d+", sm)
    return int(found[0]) if found else 0


def _for_vllm(quantisation: str, number: int) -> Chosen:
    if quantisation in FOUR_BIT:
        return Chosen("w4a16")
    if quantisation in ("8bit", "fp8"):
        return Chosen("fp8", None if number >= NATIVE_FP8 else WEIGHTS_ONLY)
    if quantisation in FLOAT:
        return Chosen("none")
    if quantisation == "int8_sq":
        raise Refusal("int8_sq exists on TensorRT-LLM only; for vLLM use 8bit", REFUSED)
    raise _never_made(quantisation)


def _for_trt(quantisation: str, sm: str, number: int, eight_bit: str | None) -> Chosen:
    if quantisation in FOUR_BIT:
        return Chosen("int4_awq", LITTLE_TRIED if number >= BLACKWELL else None)
    if quantisation in FLOAT:
        return Chosen("full_prec")
    if quantisation not in EIGHT_BIT:
        raise _never_made(quantisation)
    native = "fp8" if number >= NATIVE_FP8 else "int8_sq"
    made = eight_bit or (native if quantisation == "8bit" else quantisation)
    if made == "fp8" and number < NATIVE_FP8:
        asked = "QUANTIZATION" if eight_bit else "CHAT_QUANTIZATION"
        raise Refusal(
            f"{asked} is fp8, which TensorRT-LLM computes on sm{NATIVE_FP8} or newer; this GPU is {sm}: "
            "use 8bit without it, which is int8_sq here",
            REFUSED,
        )
    return Chosen(made)


def _never_made(quantisation: str) -> Refusal:
    return Refusal(
        f"{quantisation} names checkpoints that are GPTQ already and is never made here: name such a one to serve it, "
        "or use 4bit",
        REFUSED,
    )


__all__ = ["NAMES", "NEWEST", "OLDEST", "Chosen", "chosen_format", "number_of"]
