"""Exceptions in logs: where and what, never the values that were about."""

import io
import json
import sys

import pytest
import structlog
import trio

from engines.errors import EngineDead
from runtime import logs
from runtime.settings import Settings
from runtime.tracebacks import MAX_ERRORS, render
from tests.toy import toy_directory

SECRET = "k-very-secret"


def _raised(make: Exception) -> Exception:
    local = SECRET
    try:
        raise make
    except Exception as error:
        assert local
        return error


def _rendered(error: BaseException) -> str:
    return render((type(error), error, error.__traceback__))


def test_a_foreign_message_is_left_out_because_it_may_quote_what_it_choked_on() -> None:
    text = _rendered(_raised(ValueError(f"bad text: {SECRET}")))
    assert SECRET not in text
    assert text.startswith("ValueError\n")
    assert "tests/runtime/test_tracebacks.py:" in text


def test_our_own_errors_and_the_systems_say_what_happened() -> None:
    assert _rendered(EngineDead("the core is gone")) == "EngineDead: the core is gone"
    assert _rendered(OSError(24, "Too many open files", SECRET)) == "OSError: [Errno 24] Too many open files"


def test_a_group_is_its_members_and_a_few_of_many() -> None:
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [_raised(KeyError(SECRET)) for _ in range(20)])])
    text = _rendered(group)
    assert text.count("KeyError") == MAX_ERRORS
    assert text.endswith(f"and {20 - MAX_ERRORS} more")


def test_causes_that_run_in_a_circle_are_told_once_each() -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = ExceptionGroup("", [other, TypeError()]), one
    assert _rendered(one).splitlines() == ["ValueError", "KeyError", "TypeError"]


def test_a_deep_recursion_is_a_few_lines() -> None:
    def deeper(depth: int) -> None:
        if not depth:
            raise RuntimeError
        deeper(depth - 1)

    with pytest.raises(RuntimeError) as caught:
        deeper(300)
    assert len(_rendered(caught.value).splitlines()) < 20


@pytest.mark.parametrize("as_json", ["json", "text"])
async def test_a_crash_is_logged_without_a_local_variable(as_json: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    environment = {"TEXT_API_KEY": SECRET, "MAX_CONCURRENT_CONNECTIONS": "1", "INFERENCE_ENGINE": "scripted"}
    more = {"CHAT_MODEL": str(toy_directory()), "APP_LOG_FORMAT": as_json}
    quiet = structlog.get_config()
    logs.configure(Settings.from_env({**environment, **more}), {})
    try:
        with pytest.raises(ExceptionGroup) as caught:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_crash, SECRET)
        structlog.get_logger().error("session.crashed", exc_info=caught.value)
    finally:
        structlog.configure(**quiet)  # not the defaults, which write to whatever another test takes for its output
    text = stream.getvalue()
    assert SECRET not in text
    assert "ZeroDivisionError" in text
    assert len(text) < 2000
    if as_json == "json":
        assert json.loads(text)["event"] == "session.crashed"


async def _crash(local: str) -> None:
    assert local
    await trio.lowlevel.checkpoint()
    raise ZeroDivisionError(local)
