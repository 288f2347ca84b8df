"""The table of formats, row by row."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.gpus import chosen_format
from tooling.gpus.formats import LITTLE_TRIED, WEIGHTS_ONLY, Chosen
from tooling.refusal import Refusal

NEW = "sm130 is newer than what {} was tried on; it counts as sm120"


@pytest.mark.parametrize(
    ("sm", "vllm_eight", "trt_eight", "trt_four"),
    [
        ("sm75", Chosen("fp8", WEIGHTS_ONLY), None, None),
        ("sm80", Chosen("fp8", WEIGHTS_ONLY), Chosen("int8_sq"), Chosen("int4_awq")),
        ("sm86", Chosen("fp8", WEIGHTS_ONLY), Chosen("int8_sq"), Chosen("int4_awq")),
        ("sm89", Chosen("fp8"), Chosen("fp8"), Chosen("int4_awq")),
        ("sm90", Chosen("fp8"), Chosen("fp8"), Chosen("int4_awq")),
        ("sm100", Chosen("fp8"), Chosen("fp8"), Chosen("int4_awq", LITTLE_TRIED)),
        ("sm103", Chosen("fp8"), Chosen("fp8"), Chosen("int4_awq", LITTLE_TRIED)),
        ("sm120", Chosen("fp8"), Chosen("fp8"), Chosen("int4_awq", LITTLE_TRIED)),
        (
            "sm130",
            Chosen("fp8", NEW.format("vLLM")),
            Chosen("fp8", NEW.format("TensorRT-LLM")),
            Chosen("int4_awq", f"{NEW.format('TensorRT-LLM')}; {LITTLE_TRIED}"),
        ),
    ],
)
def test_each_row(sm: str, vllm_eight: Chosen, trt_eight: Chosen | None, trt_four: Chosen | None) -> None:
    assert chosen_format("vllm", "8bit", sm) == vllm_eight
    assert chosen_format("vllm", "4bit", sm).format == "w4a16"
    for word, made in (("8bit", trt_eight), ("4bit", trt_four), ("awq", trt_four)):
        if made is None:
            with pytest.raises(Refusal, match=rf"TensorRT-LLM needs sm80 or newer, this GPU is {sm}: serve with vLLM"):
                chosen_format("trt", word, sm)
        else:
            assert chosen_format("trt", word, sm) == made


@pytest.mark.parametrize("engine", ["vllm", "trt"])
def test_an_older_gpu_is_refused(engine: str) -> None:
    with pytest.raises(Refusal, match="sm70: use a newer GPU") as told:
        chosen_format(engine, "4bit", "sm70")
    assert told.value.exit_code == 3


@pytest.mark.parametrize(
    ("word", "sm", "eight_bit", "made"),
    [
        ("8bit", "sm80", None, "int8_sq"),
        ("8bit", "sm90", "int8_sq", "int8_sq"),
        ("8bit", "sm80", "int8_sq", "int8_sq"),
        ("fp8", "sm90", None, "fp8"),
        ("int8_sq", "sm90", None, "int8_sq"),
        ("none", "sm90", None, "full_prec"),
        ("auto", "sm80", None, "full_prec"),
        ("4bit", "sm90", "fp8", "int4_awq"),
    ],
)
def test_a_word_and_the_override_choose_tensorrt_llms_format(
    word: str, sm: str, eight_bit: str | None, made: str
) -> None:
    assert chosen_format("trt", word, sm, eight_bit).format == made


@pytest.mark.parametrize(("word", "eight_bit", "said"), [("fp8", None, "CHAT_QUANT"), ("8bit", "fp8", "QUANTIZATION")])
def test_fp8_on_a_gpu_that_cannot_compute_it_is_refused(word: str, eight_bit: str | None, said: str) -> None:
    with pytest.raises(Refusal, match=rf"^{said}.* is fp8, .*sm89 or newer; this GPU is sm80"):
        chosen_format("trt", word, "sm80", eight_bit)


@pytest.mark.parametrize(("engine", "word"), [("vllm", "int8_sq"), ("vllm", "gptq"), ("trt", "gptq_marlin")])
def test_what_is_never_made_is_refused(engine: str, word: str) -> None:
    with pytest.raises(Refusal, match=word):
        chosen_format(engine, word, "sm90")


@given(
    engine=st.sampled_from(["vllm", "trt"]),
    word=st.sampled_from(["auto", "none", "4bit", "awq", "8bit", "fp8", "int8_sq", "gptq"]),
    number=st.integers(0, 400),
    eight_bit=st.sampled_from([None, "fp8", "int8_sq"]),
)
def test_every_question_has_an_answer_or_a_refusal(engine: str, word: str, number: int, eight_bit: str | None) -> None:
    formats = {"vllm": {"w4a16", "fp8", "none"}, "trt": {"int4_awq", "fp8", "int8_sq", "full_prec"}}
    with suppress(Refusal):
        assert chosen_format(engine, word, f"sm{number}", eight_bit).format in formats[engine]
