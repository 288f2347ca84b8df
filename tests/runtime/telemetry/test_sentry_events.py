"""What Sentry is told of an error, and what it is not."""

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from actors.connection import Disconnected
from actors.happenings import Crashed, EngineRestarted, FrameRefused, Happening, SessionClosed, TurnStatus
from actors.session.effects import AbortCause, Hangup
from actors.session.errors import ClientTooSlow, IllegalTransition
from actors.session.state import Phase
from engines.base import Usage
from engines.errors import EngineDead, EngineHung, EngineStartFailed, TurnFailed, door
from protocol.errors import PeerProtocolError
from runtime.heads import BadRequest
from runtime.telemetry.sentry.events import MAX_FRAMES, event_of, scrub
from runtime.telemetry.sentry.incidents import Incident, incidents
from tests.receivers.sentry import SentryEndpoint
from tests.runtime.telemetry.outlets import raised, sentry_to
from tests.runtime.telemetry.stories import TURN

MARK = "mangosteen"
DONE = evolve(TURN, turn=3, request_id="r-3", generations=(), usage=Usage(), speech=None)
FAILED = evolve(DONE, status=TurnStatus.FAILED, reason="engine_error", error_type="TurnFailed")


def told(error: Exception, where: str = "session") -> list[dict[str, Any]]:
    """The exceptions of its event, the last one raised first."""
    event = event_of(Incident(where=where, error=error), {})
    return list(reversed(event["exception"]["values"]))


def test_a_foreign_message_is_replaced_by_its_class_and_ours_by_a_library_too() -> None:
    for error in (ValueError(MARK), TurnFailed(MARK), EngineDead(MARK), EngineStartFailed(MARK), AssertionError(MARK)):
        (value,) = told(raised(error))
        assert value["value"] == value["type"] == type(error).__name__


def test_words_that_are_surely_ours_are_told() -> None:
    (value,) = told(raised(EngineHung("no output for 31 s with 2 requests pending; given up after 31 s")))
    assert value["value"] == "no output for 31 s with 2 requests pending; given up after 31 s"
    (value,) = told(raised(IllegalTransition(Phase.IDLE, MARK)))
    assert value["value"] == "no row for str in phase IDLE"


def test_an_error_of_the_system_says_its_number_and_what_the_system_calls_that() -> None:
    (value,) = told(raised(OSError(24, MARK, f"/home/{MARK}")))
    assert value["value"] == "[Errno 24] Too many open files"
    (value,) = told(raised(OSError(MARK)))
    assert value["value"] == "OSError"


def test_causes_go_along_and_say_nothing_either() -> None:
    def work() -> None:
        with door(TurnFailed, "not read"):
            try:
                raise KeyError(MARK)
            except KeyError:
                raise ValueError(MARK)  # noqa: B904 - a context is a cause too

    error = raised(work)
    assert [value["type"] for value in told(error)] == ["TurnFailed", "ValueError", "KeyError"]
    assert MARK not in json.dumps(told(error))


def test_causes_that_run_in_a_circle_end() -> None:
    one, other = ValueError(MARK), KeyError(MARK)
    one.__cause__, other.__cause__ = other, one
    assert [value["type"] for value in told(one)] == ["ValueError", "KeyError"]


def test_a_cause_that_is_a_group_is_told_by_its_members() -> None:
    error = ValueError(MARK)
    error.__cause__ = ExceptionGroup(MARK, [KeyError(MARK), ExceptionGroup(MARK, [TypeError(MARK)])])
    assert [value["type"] for value in told(error)] == ["ValueError", "KeyError", "TypeError"]


def test_frames_are_places_in_the_code_and_nothing_more() -> None:
    secret = MARK
    (value,) = told(raised(lambda: json.loads(secret)))
    frames = value["stacktrace"]["frames"]
    assert {name for frame in frames for name in frame} == {"filename", "function", "lineno", "module", "in_app"}
    assert [frame["filename"] for frame in frames[-3:]] == ["json/__init__.py", "json/decoder.py", "json/decoder.py"]
    assert frames[-1]["module"] == "json.decoder"
    assert frames[-1]["function"] == "raw_decode"
    assert MARK not in json.dumps(frames)
    assert str(Path.home()) not in json.dumps(frames)


def test_our_frames_are_told_from_those_of_libraries() -> None:
    def work() -> None:
        with door(TurnFailed, "not read"):
            trio.run(print)  # type: ignore[arg-type]  # that is the error

    ours, library = (value["stacktrace"]["frames"] for value in told(raised(work)))
    assert [frame["filename"] for frame in ours if frame["in_app"]] == ["engines/errors.py"]
    assert library[-1]["filename"].startswith("trio/")
    assert not library[-1]["in_app"]


def test_code_that_stands_in_somebodys_home_is_told_by_the_name_of_its_file() -> None:
    home = f"/home/{MARK}/.cache/huggingface/modules/transformers_modules/{MARK}/modeling.py"
    code = compile("def f():\n    raise ValueError\nf()", home, "exec")
    (value,) = told(raised(lambda: builtins.exec(code, {"__name__": f"transformers_modules.{MARK}"})))
    assert value["stacktrace"]["frames"][-1]["filename"] == "modeling.py"
    assert MARK not in json.dumps(value)


def test_a_deep_stack_is_told_by_its_end() -> None:
    def deep(more: int) -> None:
        if not more:
            raise ValueError
        deep(more - 1)

    (value,) = told(raised(lambda: deep(400)))
    assert len(value["stacktrace"]["frames"]) == MAX_FRAMES
    assert value["stacktrace"]["frames"][-1]["lineno"] == deep.__code__.co_firstlineno + 2


def test_only_what_is_known_leaves() -> None:
    event = event_of(Incident(where="session", error=ValueError()), {})
    gathered = {"server_name": "host", "modules": {"a": "1"}, "user": {}, "contexts": {}, "extra": {}, "request": {}}
    assert scrub({**event, **gathered, "release": "", "environment": "staging"}) == {**event, "environment": "staging"}


def test_tags_name_ids_class_and_place() -> None:
    (incident,) = incidents(Crashed("session", ValueError(), session=7, session_id="s-7", request_id="r-3"))
    event = event_of(evolve(incident, suppressed=4), {"cloud_platform": "runpod"})
    assert event["tags"] == {
        "cloud_platform": "runpod",
        "session_id": "s-7",
        "request_id": "r-3",
        "client_id": "7",
        "error_class": "ValueError",
        "where": "session",
        "suppressed": "4",
    }
    assert event["level"] == "error"


def test_what_ends_the_server_is_fatal_and_an_id_that_nobody_has_is_no_tag() -> None:
    (incident,) = incidents(Crashed("server", EngineStartFailed(MARK)))
    event = event_of(incident, {})
    assert event["level"] == "fatal"
    assert event["tags"] == {"error_class": "EngineStartFailed", "where": "server"}


def test_every_member_of_a_group_is_an_error() -> None:
    group = ExceptionGroup("", [ValueError(), ExceptionGroup("", [KeyError(), TypeError()])])
    assert [type(each.error) for each in incidents(Crashed("session", group))] == [ValueError, KeyError, TypeError]


def test_an_engine_that_is_gone_and_a_turn_that_it_failed_are_errors() -> None:
    (engine,) = incidents(EngineRestarted(EngineDead()))
    assert engine.where == "engine"
    (turn,) = incidents(FAILED)
    assert (turn.where, turn.session, turn.session_id, turn.request_id) == ("turn", 7, "s-7", "r-3")
    (value,) = event_of(turn, {})["exception"]["values"]
    assert (value["type"], value["value"]) == ("TurnFailed", "TurnFailed")


@pytest.mark.parametrize(
    "happening",
    [
        DONE,
        evolve(DONE, status=TurnStatus.CANCELLED, cause=AbortCause.CANCEL),
        evolve(DONE, status=TurnStatus.FAILED, reason="busy"),
        FrameRefused("invalid_payload", "invalid_settings"),
        SessionClosed(session=1, opened_at=0, at=1, turns=1, why=Hangup.SLOW_CONSUMER, session_id=None),
        Crashed("session", PeerProtocolError("invalid_message", "invalid_json", MARK)),
        Crashed("session", ExceptionGroup("", [ClientTooSlow(), Disconnected()])),
        Crashed("connection", BadRequest(400, MARK)),  # type: ignore[arg-type]
        Crashed("server", KeyboardInterrupt()),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_a_client_or_the_operator_does_is_none(happening: Happening) -> None:
    assert list(incidents(happening)) == []


def test_a_cancellation_that_is_caught_is_none() -> None:
    async def work() -> list[BaseException]:
        caught: list[BaseException] = []
        with trio.CancelScope() as scope:
            scope.cancel("told to")
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as error:
                caught.append(error)
                raise
        return caught

    (error,) = trio.run(work)
    assert list(incidents(Crashed("session", error))) == []


@pytest.mark.parametrize(
    "odd",
    [
        type("Odd", (Exception,), {"__str__": lambda self: 1 / 0, "__repr__": lambda self: 1 / 0}),
        type("Odd", (Exception,), {"__module__": None}),
        type("Odd", (OSError,), {"errno": "no number"}),
    ],
)
def test_an_exception_that_cannot_say_anything_is_told_all_the_same(odd: Callable[[], Exception]) -> None:
    with SentryEndpoint() as endpoint:
        with sentry_to(endpoint) as outlet:
            outlet.report(Crashed("session", odd()))
        (event,) = endpoint.events
    assert event["exception"]["values"][0]["value"] == "Odd"
