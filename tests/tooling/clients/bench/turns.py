"""Turns of a bench run as they stand in its document, made up."""

from typing import Any


def turn(connection: int, ttfb_ms: float | None, **values: Any) -> dict[str, Any]:
    """One that ended well; `values` change it, those of `metrics` by their own names."""
    names = ("tool_ms", "three_words_ms", "sentence_ms", "connect_ms", "cancel_ms", "late_ms")
    metrics: dict[str, Any] = {name: values.pop(name, None) for name in names}
    total_ms = values.pop("total_ms", None if ttfb_ms is None else 2 * ttfb_ms)
    metrics |= {"ttfb_ms": ttfb_ms, "total_ms": total_ms, "itl_ms": values.pop("itl_ms", [10.0, 12.0])}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "cached_tokens": 40}
    return {
        "label": "",
        "connection": connection,
        "outcome": "done",
        "error": None,
        "metrics": metrics,
        "usage": usage,
        "sent_s": float(connection),
        "first": True,
        "interrupts": False,
        "interrupted": False,
        **values,
    }


def attempt(number: int, *turns: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A conversation that came to its end."""
    told = {"number": number, "over": True, "begun_s": 0.0, "ended_s": 10.0, "failure": None}
    return {**told, "turns": list(turns), **values}
