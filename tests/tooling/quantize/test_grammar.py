"""The words after `just quantize-vllm`."""

import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.quantize.grammar import parse
from tooling.refusal import UsageError

WORDS = ["4bit", "org/name", "--plan", "--json", "--no-calibration", "--trust-remote-code"]


@given(seed=st.integers(0, 10_000))
def test_the_order_of_words_never_matters(seed: int) -> None:
    words = WORDS[:]
    random.Random(seed).shuffle(words)
    assert parse(words) == parse(WORDS)


def test_settings_are_flags_too() -> None:
    command = parse(["8bit", "org/name", "--awq-nsamples", "12", "--env-file=x.env"])
    assert command.quantisation == "8bit"
    assert dict(command.flags) == {"--awq-nsamples": "12"}
    assert command.env_file == Path("x.env")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["4bt", "org/name"], "did you mean '4bit'"),
        (["4bit", "8bit", "org/name"], "two values"),
        (["org/one", "org/two"], "one model at a time"),
        (["int8_sq", "org/name"], "quantize-trt"),
        (["gptq", "org/name"], "GPTQ already"),
        (["none", "org/name"], "run-vllm"),
        (["AUTO", "org/name"], "4bit or 8bit"),
        (["--nonsense"], "--nonsense"),
        (["--env-file"], "a path"),
    ],
)
def test_a_word_that_means_nothing_is_told(words: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse(words)


@given(words=st.lists(st.text(max_size=12) | st.just("x" * 5000), max_size=4))
def test_no_words_end_in_a_traceback(words: list[str]) -> None:
    with contextlib.suppress(UsageError):
        parse(words)
