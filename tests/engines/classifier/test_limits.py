"""Limits by model type, by settings, and by what a model takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.classifier import Batching, ClassifierConfig
from engines.classifier.limits import Capacity, InputLimits, limit_warnings, resolve_limits
from engines.errors import EngineStartFailed


def config(**values: object) -> ClassifierConfig:
    return ClassifierConfig(model="some/model", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model_type", "max_length", "batch_size", "delay_s"),
    [
        ("longformer", 1536, 3, 0.010),
        ("bert", 512, 5, 0.015),
        ("modernbert", 512, 5, 0.015),
        ("roberta", 512, 10, 0.025),
        ("distilbert", 512, 3, 0.010),
        ("xlm-roberta", 512, 3, 0.010),
    ],
)
def test_a_model_type_has_its_row(model_type: str, max_length: int, batch_size: int, delay_s: float) -> None:
    limits = resolve_limits(model_type, Capacity(special_tokens=2), config())
    assert limits == InputLimits(
        max_length=max_length, history=max_length - 2, batching=Batching(batch_size, delay_s), table=None
    )


def test_settings_win_over_the_row() -> None:
    limits = resolve_limits(
        "roberta",
        Capacity(special_tokens=2),
        config(max_length=100, history_tokens=40, batch_max_size=7, batch_max_delay_ms=0.0),
    )
    assert limits == InputLimits(max_length=100, history=40, batching=Batching(7, 0.0))


@pytest.mark.parametrize(
    ("capacity", "max_length"),
    [
        (Capacity(tokenizer=128, positions=512, special_tokens=2), 128),
        (Capacity(tokenizer=4096, positions=256, special_tokens=2), 256),
        (Capacity(tokenizer=None, positions=8192, special_tokens=2), 600),
    ],
)
def test_the_length_is_clamped_to_tokenizer_and_position_table(capacity: Capacity, max_length: int) -> None:
    asked = config(max_length=600, history_tokens=599)
    limits = resolve_limits("bert", capacity, asked)
    assert (limits.max_length, limits.history) == (max_length, max_length - 2)
    clamped = ["TOOL_MAX_LENGTH=600"] if max_length < 600 else []
    assert [warning.split()[0] for warning in limit_warnings(limits, asked)] == [*clamped, "TOOL_HISTORY_TOKENS=599"]


def test_limits_that_nobody_asked_for_are_clamped_in_silence() -> None:
    asked = config()
    assert limit_warnings(resolve_limits("bert", Capacity(positions=64), asked), asked) == []


def test_a_model_with_no_room_for_text_is_refused() -> None:
    with pytest.raises(EngineStartFailed, match="TOOL_MAX_LENGTH"):
        resolve_limits("bert", Capacity(positions=8, special_tokens=8), config())


@given(st.integers(1, 300), st.one_of(st.none(), st.integers(1, 300)))
def test_a_width_is_a_multiple_of_eight_unless_the_table_ends_before(longest: int, table: int | None) -> None:
    if table is not None:
        longest = min(longest, table)
    width = InputLimits(max_length=300, history=298, batching=Batching(1, 0), table=table).width(longest)
    assert longest <= width < longest + 8
    assert width % 8 == 0 or width == table
    assert table is None or width <= table
