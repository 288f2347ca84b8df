"""Logit bias: texts that replies should avoid or prefer, resolved to what an engine can be told."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from attrs import field, frozen

from engines.errors import EngineStartFailed
from engines.prompts.encoder import Encoder

LIMIT = 100.0

# Roleplay asterisks, brackets and other things that a voice cannot say, or should not.
BUILT_IN: Mapping[str, float] = MappingProxyType(
    dict.fromkeys(("*", "(", ")", "~", " - ", "-", "Mmh", "hmm", "…", "Damn", "stud"), -LIMIT)
)


@frozen(kw_only=True)
class ResolvedBias:
    """`token_bias`: bias by token id. `banned_phrases`: texts of several tokens that must not come as a whole.

    `skipped`: texts that no engine can be told about: several tokens, and not a ban.
    """

    token_bias: dict[int, float] = field(factory=dict)
    banned_phrases: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def resolve_bias(texts: Mapping[str, float], encoder: Encoder) -> ResolvedBias:
    """Each text by its number of tokens: one is biased (the lowest value wins), several at -100 are a banned phrase.

    A text that this vocabulary only knows as unknown is skipped.
    """
    token_bias: dict[int, float] = {}
    banned: list[str] = []
    skipped: list[str] = []
    for text, value in texts.items():
        ids = encoder.ids(text)
        if not ids or not encoder.unknown.isdisjoint(ids):
            skipped.append(text)
        elif len(ids) == 1:
            token_bias[ids[0]] = min(value, token_bias.get(ids[0], value))
        elif value <= -LIMIT:
            banned.append(text)
        else:
            skipped.append(text)
    return ResolvedBias(token_bias=token_bias, banned_phrases=tuple(banned), skipped=tuple(skipped))


def load_bias_file(path: Path) -> dict[str, float]:
    """The bias map of a JSON file, text to number from -100 to 100.

    Raises `EngineStartFailed` saying what to change: file not readable, not JSON, not such an object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # also what is not UTF-8
        raise _refused(path, f"is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise _refused(path, f'holds a {type(found).__name__}, not an object like {{"word": -100}}')
    return {text: _number(path, text, value) for text, value in found.items()}


def _number(path: Path, text: str, value: object) -> float:
    if not text:
        raise _refused(path, "has an empty text; remove it")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(path, f"has {json.dumps(value)} for {text!r}; give a number from -100 to 100")
    if not -LIMIT <= value <= LIMIT:  # also NaN
        raise _refused(path, f"has {value} for {text!r}; the range is -100 to 100")
    return float(value)


def _refused(path: Path, complaint: str) -> EngineStartFailed:
    return EngineStartFailed(f"CHAT_LOGIT_BIAS_FILE {path} {complaint}")


__all__ = ["BUILT_IN", "LIMIT", "ResolvedBias", "load_bias_file", "resolve_bias"]
