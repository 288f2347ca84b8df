"""How long an input may be and how many share an inference: by model type, and never more than the model takes."""

import json

from attrs import frozen

from engines.classifier.config import ClassifierConfig
from engines.errors import EngineStartFailed

PAD_TO_MULTIPLE_OF = 8
"""Widths in eights suit the matrix units of GPUs, and there are fewer of them to compile for."""


@frozen
class Batching:
    """Requests of one inference at most, and the seconds a request waits at most for others to join it."""

    max_size: int
    max_delay_s: float


@frozen
class TypeLimits:
    """What a type of model gets if no setting says otherwise."""

    max_length: int
    batching: Batching


# Longformer is there for long inputs, which are dear: few at a time. RoBERTa's are mostly distilled and cheap.
BY_MODEL_TYPE = {
    "longformer": TypeLimits(1536, Batching(3, 0.010)),
    "bert": TypeLimits(512, Batching(5, 0.015)),
    "modernbert": TypeLimits(512, Batching(5, 0.015)),
    "roberta": TypeLimits(512, Batching(10, 0.025)),
}
ANY_OTHER = TypeLimits(512, Batching(3, 0.010))


@frozen(kw_only=True)
class Capacity:
    """What a loaded model takes. None: it names no limit.

    `tokenizer`: its longest input. `positions`: inputs that the position table has room for. `special_tokens`: what
    the tokenizer adds to each input.
    """

    tokenizer: int | None = None
    positions: int | None = None
    special_tokens: int = 0


@frozen(kw_only=True)
class InputLimits:
    """Tokens of one input with special ones (`max_length`), of its user texts alone (`history`), and batching.

    `table`: the widest padded input, None where positions do not end.
    """

    max_length: int
    history: int
    batching: Batching
    table: int | None = None

    def width(self, longest: int) -> int:
        """The padded width of a batch whose longest input has that many tokens."""
        padded = -(-longest // PAD_TO_MULTIPLE_OF) * PAD_TO_MULTIPLE_OF
        return padded if self.table is None else max(longest, min(padded, self.table))


def batching_of(model_type: str, config: ClassifierConfig) -> Batching:
    """The batch limits of a model type, with the settings' own values in front."""
    usual = BY_MODEL_TYPE.get(model_type, ANY_OTHER).batching
    delay_s = usual.max_delay_s if config.batch_max_delay_ms is None else config.batch_max_delay_ms / 1000
    return Batching(config.batch_max_size or usual.max_size, delay_s)


def resolve_limits(model_type: str, capacity: Capacity, config: ClassifierConfig) -> InputLimits:
    """The limits of a loaded model. Raises `EngineStartFailed` if special tokens alone would fill an input."""
    wanted = config.max_length or BY_MODEL_TYPE.get(model_type, ANY_OTHER).max_length
    bounds = [bound for bound in (capacity.tokenizer, capacity.positions) if bound is not None]
    max_length = min([wanted, *bounds])
    room = max_length - capacity.special_tokens
    if room < 1:
        raise EngineStartFailed(
            f"an input of {config.model} has {max_length} tokens at most, of which its tokenizer takes "
            f"{capacity.special_tokens}: raise TOOL_MAX_LENGTH or take another TOOL_MODEL"
        )
    return InputLimits(
        max_length=max_length,
        history=min(room, config.history_tokens or room),
        batching=batching_of(model_type, config),
        table=capacity.positions,
    )


def limit_warnings(limits: InputLimits, config: ClassifierConfig) -> list[str]:
    """Settings that ask for more than the model takes, a sentence each."""
    asked = {
        "TOOL_MAX_LENGTH": (config.max_length, limits.max_length),
        "TOOL_HISTORY_TOKENS": (config.history_tokens, limits.history),
    }
    return [
        f"{name}={wanted} is more than {json.dumps(config.model)} takes: {got} is used"
        for name, (wanted, got) in asked.items()
        if wanted is not None and wanted > got
    ]


__all__ = [
    "ANY_OTHER",
    "BY_MODEL_TYPE",
    "PAD_TO_MULTIPLE_OF",
    "Batching",
    "Capacity",
    "InputLimits",
    "TypeLimits",
    "batching_of",
    "limit_warnings",
    "resolve_limits",
]
