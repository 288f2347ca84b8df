"""Errors arrive at Sentry, by the real SDK; a Sentry that is dead, hangs or refuses costs a line a minute."""

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sentry_sdk
import trio
from hypothesis import given
from hypothesis import strategies as st
from sentry_sdk.utils import Dsn as SdkDsn
from structlog.testing import capture_logs

from actors.happenings import Crashed, EngineRestarted
from engines.errors import EngineDead
from runtime.settings import SettingsError
from runtime.settings.kinds import Dsn, Refused
from runtime.telemetry.sentry.client import WORKER
from runtime.telemetry.sentry.outlet import MAX_WAITING, SentryOutlet
from tests.receivers.behaviour import Behaviour, cutting, hanging, refusing
from tests.receivers.receiver import dead_port
from tests.receivers.sentry import SentryEndpoint
from tests.runtime.telemetry.outlets import Clock, opened, raised, sentry_to, settings_with

MARK = "mangosteen"


class Other(Exception):
    """Another class."""


def crash(outlet: SentryOutlet, error: Exception | None = None, session: int = 1) -> None:
    outlet.report(Crashed("session", raised(error or ValueError(MARK)), session=session, session_id=f"s-{session}"))


@contextmanager
def running(outlet: SentryOutlet) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Runs the outlet in a loop of its own, and does in it what it is given until the endpoint has it."""

    def until(done: Callable[[], object]) -> None:
        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(outlet.run, None)
                await trio.to_thread.run_sync(done)
                nursery.cancel_scope.cancel("done")

        trio.run(main)

    yield until


def test_an_error_arrives_while_the_server_runs() -> None:
    with SentryEndpoint() as endpoint, sentry_to(endpoint) as outlet, running(outlet) as until:
        crash(outlet)
        until(endpoint.wait)
        (event,) = endpoint.events
    (value,) = event["exception"]["values"]
    assert (value["type"], value["value"]) == ("ValueError", "ValueError")
    assert event["tags"]["client_id"] == "1"
    assert event["environment"] == "production"
    assert event["platform"] == "python"


def test_an_event_has_nothing_that_we_did_not_put_there() -> None:
    with SentryEndpoint() as endpoint:
        with sentry_to(endpoint, SENTRY_ENVIRONMENT="staging", SENTRY_RELEASE="1.2", CLOUD_PLATFORM="aws") as outlet:
            crash(outlet)
        (event,) = endpoint.events
        (request,) = endpoint.requests
    sent = {"event_id", "timestamp", "platform", "level", "release", "environment", "sdk", "exception", "tags"}
    assert set(event) == sent
    assert (event["environment"], event["release"], event["tags"]["cloud_platform"]) == ("staging", "1.2", "aws")
    assert event["sdk"]["integrations"] == []
    assert [item.kind for item in request.message.items] == ["event"]
    assert set(request.message.headers) == {"event_id", "sent_at"}
    assert MARK not in endpoint.text
    assert socket.gethostname() not in endpoint.text


def test_without_a_release_none_is_sent() -> None:
    with SentryEndpoint() as endpoint:
        with sentry_to(endpoint) as outlet:
            crash(outlet)
        (event,) = endpoint.events
    assert "release" not in event


def test_of_a_storm_one_event_arrives_and_the_next_one_says_how_many_there_were() -> None:
    clock = Clock()
    with SentryEndpoint() as endpoint:
        with sentry_to(endpoint, clock) as outlet:
            for session in range(1, 301):
                crash(outlet, session=session)
            crash(outlet, Other(MARK))
            clock.now += 10
            crash(outlet, session=301)
        events = endpoint.events
    assert [(event["tags"]["error_class"], event["tags"].get("suppressed")) for event in events] == [
        ("ValueError", None),
        ("Other", None),
        ("ValueError", "299"),
    ]


def test_with_a_sample_rate_of_nothing_nothing_is_sent() -> None:
    with SentryEndpoint() as endpoint:
        with sentry_to(endpoint, SENTRY_SAMPLE_RATE="0") as outlet:
            crash(outlet)
            outlet.report(EngineRestarted(EngineDead(MARK)))
        assert endpoint.requests == []


def test_what_was_reported_before_and_after_the_loop_ran_is_sent_at_the_end() -> None:
    with SentryEndpoint() as endpoint:
        with sentry_to(endpoint) as outlet, running(outlet) as until:
            until(lambda: None)
            outlet.report(Crashed("server", raised(Other(MARK))))
        (event,) = endpoint.events
    assert event["level"] == "fatal"


def test_a_report_costs_the_loop_no_io_and_what_waits_is_bounded() -> None:
    with SentryEndpoint(hanging()) as endpoint, capture_logs() as lines:
        outlet = opened(endpoint.dsn)
        before = threading.active_count()
        for number in range(MAX_WAITING + 5):
            outlet.report(Crashed("session", type(f"E{number}", (Exception,), {})()))
        assert threading.active_count() == before
        assert len(outlet._waiting) == MAX_WAITING
        outlet.finish(0.0)
    assert [line["why"] for line in lines if line["event"] == "sentry.events_lost"][:1] == ["full_queue"]


def test_one_that_hangs_costs_the_end_no_more_than_it_may() -> None:
    with SentryEndpoint(hanging()) as endpoint:
        outlet = opened(endpoint.dsn, time.monotonic)
        crash(outlet)
        began = time.monotonic()
        outlet.finish(0.5)
        assert 0.4 < time.monotonic() - began < 5
        assert len(endpoint.events) == 1


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (refusing(401), "status_401"),
        (refusing(429, 60), "status_429"),
        (refusing(503), "status_503"),
        (cutting(), "network"),
    ],
)
def test_one_that_refuses_is_told_of_once_a_minute_and_by_nobody_else(
    behaviour: Behaviour, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    with SentryEndpoint(behaviour) as endpoint, capture_logs() as lines, caplog.at_level(logging.INFO):
        with sentry_to(endpoint, clock) as outlet:
            for number in range(12):
                crash(outlet)
                outlet._hand_over()
                outlet.client.flush(timeout=5)
                clock.now += 10.5 if number < 10 else 0
    assert [(line["event"], line["why"], line["lost"]) for line in lines] == [
        ("sentry.events_lost", why, 1),
        ("sentry.events_lost", "self_rate_limits" if why == "status_429" else why, 6),
    ]
    assert {line["log_level"] for line in lines} == {"warning"}
    assert not caplog.records


def test_one_that_is_not_there_is_told_of_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with dead_port() as port, capture_logs() as lines, caplog.at_level(logging.INFO):
        outlet = opened(f"http://{MARK}@127.0.0.1:{port}/42")
        for error in (ValueError(), KeyError(), TypeError()):
            crash(outlet, error)
        outlet.finish(5.0)
    assert [(line["event"], line["why"], line["lost"]) for line in lines] == [("sentry.events_lost", "network", 1)]
    assert not caplog.records
    assert MARK not in str(lines), "the DSN is nobody's business"


def test_the_http_library_still_speaks_of_everybody_elses_requests(caplog: pytest.LogCaptureFixture) -> None:
    with SentryEndpoint() as endpoint, sentry_to(endpoint):
        logging.getLogger("urllib3.connectionpool").warning("Retrying")
        speaker = threading.Thread(
            target=lambda: logging.getLogger("urllib3.connectionpool").warning("of Sentry"), name=WORKER
        )
        speaker.start()
        speaker.join()
    assert [record.message for record in caplog.records] == ["Retrying"]


def test_a_fault_of_the_sdk_ends_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(MARK)

    with SentryEndpoint() as endpoint, capture_logs() as lines:
        with sentry_to(endpoint) as outlet, running(outlet) as until:
            monkeypatch.setattr(outlet.client, "capture_event", broken)
            crash(outlet)
            until(lambda: _patiently(lambda: bool(lines)))
            monkeypatch.undo()
            crash(outlet, Other())
            until(endpoint.wait)
    assert [line["why"] for line in lines] == ["RuntimeError"]
    assert [event["tags"]["error_class"] for event in endpoint.events] == ["Other"]


def _patiently(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)  # noqa: TID251 - in a thread


def test_others_who_use_the_sdk_keep_it_to_themselves() -> None:
    hook = sys.excepthook
    with SentryEndpoint() as endpoint:
        with sentry_to(endpoint) as outlet:
            sentry_sdk.set_tag("theirs", MARK)
            sentry_sdk.add_breadcrumb(message=MARK)
            crash(outlet)
            sentry_sdk.capture_message(MARK)
        (event,) = endpoint.events
    sentry_sdk.get_isolation_scope().clear()
    assert "theirs" not in event["tags"]
    assert not sentry_sdk.is_initialized()
    assert sys.excepthook is hook


@pytest.mark.parametrize(("dsn", "imported"), [(None, False), ("https://k@sentry.example/1", True)])
def test_the_sdk_is_imported_only_where_a_dsn_asks_for_it(dsn: str | None, imported: bool) -> None:
    program = """
import sys
from runtime.settings import Settings
from runtime.telemetry.recorder import Model
from runtime.telemetry.switchboard import open_telemetry
import runtime.__main__
least = {"TEXT_API_KEY": "k-1", "MAX_CONCURRENT_CONNECTIONS": "4", "CHAT_MODEL": "owner/name"}
given = {"SENTRY_DSN": sys.argv[1]} if sys.argv[1:] else {}
open_telemetry(Settings.from_env(least | given), Model("scripted", "name"))
print("sentry_sdk" in sys.modules)
"""
    words = [] if dsn is None else [dsn]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(imported)


def test_a_wrong_dsn_is_told_before_anything_starts_and_not_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with(SENTRY_DSN=f"https://{MARK}@sentry.example/")
    assert "SENTRY_DSN: its value is not a DSN: it does not end with the number of a project" in str(refused.value)
    assert MARK not in str(refused.value)


part = st.text("abcXYZ019.-_:@/[]?#% é", max_size=8)


@given(
    st.one_of(
        st.text(),
        st.builds("{}{}@{}/{}".format, st.sampled_from(["https://", "http://", "HTTPS://", "//"]), part, part, part),
    )
)
def test_every_dsn_that_is_let_through_suits_the_sdk(text: str) -> None:
    try:
        dsn = Dsn().parse(text)
    except Refused:
        return
    parsed: Any = SdkDsn(dsn.reveal())
    assert parsed.public_key and parsed.host and parsed.project_id.isdecimal()
