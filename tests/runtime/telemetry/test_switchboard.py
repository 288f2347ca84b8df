"""What settings ask for is opened, what they do not is not even imported, and no fault in there reaches a turn."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping

import pytest
import trio
from attrs import define, field
from structlog.testing import capture_logs

from actors.happenings import NOBODY, Happening, ServerReady, TurnAccepted
from runtime.health import Health
from runtime.settings import Settings
from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Snapshot
from runtime.telemetry.gpus import GpuReadings
from runtime.telemetry.outlet import Look
from runtime.telemetry.readings import Readings
from runtime.telemetry.recorder import Model
from runtime.telemetry.switchboard import CLOSE_S, Tee, Telemetry, open_telemetry
from tests.toy import toy_directory

MODEL = Model("scripted", "toy")
LIBRARIES = ("opentelemetry", "prometheus_client", "sentry_sdk", "google.protobuf", "requests")
LOOK = """
import json, sys
from runtime import process
from runtime.settings import Settings
from runtime.telemetry.recorder import Model
from runtime.telemetry.switchboard import open_telemetry
before = set(sys.modules)
open_telemetry(Settings.from_env(json.loads(sys.argv[1])), Model("scripted", "toy"))
print(json.dumps([sorted(before), sorted(set(sys.modules) - before)]))
"""


def settings(**more: str) -> dict[str, str]:
    """The least there has to be, and this."""
    return {
        "TEXT_API_KEY": "k-1",
        "MAX_CONCURRENT_CONNECTIONS": "4",
        "INFERENCE_ENGINE": "scripted",
        "CHAT_MODEL": str(toy_directory()),
        **more,
    }


def imported(environment: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """Of the telemetry libraries: what a server's program imports, and what opening its telemetry adds."""
    argv = [sys.executable, "-c", LOOK, json.dumps(environment)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env={})
    before, more = json.loads(done.stdout)
    return ({name for name in LIBRARIES if name in before}, {name for name in LIBRARIES if name in more})


def test_without_a_setting_that_wants_it_no_library_is_imported() -> None:
    assert imported(settings()) == (set(), set())


def test_the_page_for_prometheus_brings_its_own_library_only() -> None:
    before, more = imported(settings(METRICS_ENABLED="1"))
    assert (before, more) == (set(), {"prometheus_client"})


def test_an_export_brings_the_protocol_and_what_carries_it_only() -> None:
    before, more = imported(settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318"))
    assert (before, more) == (set(), {"opentelemetry", "google.protobuf", "requests"})


async def test_without_settings_nobody_is_told_and_nothing_runs() -> None:
    telemetry = open_telemetry(Settings.from_env(settings()), MODEL)
    assert telemetry.observer is NOBODY
    assert telemetry.books is None
    assert not telemetry.observer.paces, "no token costs anything"
    await telemetry.close()


async def test_the_page_wants_to_know_how_tokens_come() -> None:
    telemetry = open_telemetry(Settings.from_env(settings(METRICS_ENABLED="1")), MODEL)
    assert telemetry.observer.paces
    telemetry.observer.report(ServerReady(3.0))
    page = await telemetry.page()
    assert isinstance(page.body, bytes)
    assert b"text_inference_startup_duration_seconds_sum 3.0\n" in page.body


async def test_who_asks_while_a_page_is_made_shares_the_next_one_which_is_none_of_before() -> None:
    telemetry = open_telemetry(Settings.from_env(settings(METRICS_ENABLED="1")), MODEL)
    go, made = threading.Event(), []

    def render(snapshot: Snapshot) -> bytes:
        go.wait()
        made.append(snapshot)
        return f"{len(made)}".encode()

    telemetry.render, pages = render, []

    async def scrape() -> None:
        pages.append((await telemetry.page()).body)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(scrape)
        await trio.testing.wait_all_tasks_blocked()
        telemetry.observer.report(ServerReady(3.0))
        for _ in range(9):
            nursery.start_soon(scrape)
        await trio.testing.wait_all_tasks_blocked()
        go.set()
    assert pages == [b"1"] + [b"2"] * 9
    assert [of.STARTUP_DURATION in snapshot for snapshot in made] == [False, True]
    await scrape()
    assert pages[-1] == b"3"


@define(eq=False)
class Broken:
    """An outlet that fails at everything, or hangs at its end."""

    paces: bool = False
    hangs: bool = False
    told: list[Happening] = field(factory=list)

    def report(self, happening: Happening) -> None:
        """Fail."""
        self.told.append(happening)
        raise RuntimeError("report")

    async def run(self, look: Look) -> None:
        """Fail."""
        raise RuntimeError("run")

    async def close(self, timeout_s: float) -> None:
        """Fail, or take too long."""
        if self.hangs:
            await trio.sleep(60)
        raise RuntimeError("close")


@define(eq=False)
class Noting:
    """An observer that works."""

    paces: bool = True
    told: list[Happening] = field(factory=list)

    def report(self, happening: Happening) -> None:
        """Note it."""
        self.told.append(happening)


def test_a_fault_in_one_observer_is_told_once_and_the_others_go_on() -> None:
    broken, noting = Broken(), Noting()
    tee = Tee((broken, noting))
    happenings = [TurnAccepted(1, number, "message") for number in range(5)]
    with capture_logs() as lines:
        for happening in happenings:
            tee.report(happening)
    assert tee.paces
    assert noting.told == broken.told == happenings
    assert [line["event"] for line in lines] == ["telemetry.failed"]


async def test_an_outlet_that_fails_ends_neither_the_server_nor_its_end() -> None:
    telemetry = Telemetry(Tee(()), None, (Broken(),))
    with capture_logs() as lines:
        with trio.fail_after(5):
            await telemetry.run(Readings(Health(), lambda: 0, list, GpuReadings([])))
            await telemetry.close()
    assert [line["event"] for line in lines] == ["telemetry.failed", "telemetry.close_failed"]


@pytest.mark.parametrize("proxy", ["nonsense", "ftp://x", "http://user:hush@[::1"])
async def test_a_proxy_that_the_sdk_does_not_take_costs_the_reports_and_not_the_start(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with capture_logs() as lines:
        telemetry = open_telemetry(Settings.from_env(settings(SENTRY_DSN="http://abc@127.0.0.1:1/42")), MODEL)
    assert (telemetry.observer, telemetry.outlets) == (NOBODY, ())
    (line,) = lines
    assert (line["event"], line["what"], line["log_level"]) == ("telemetry.not_opened", "Sentry", "warning")
    assert "hush" not in str(lines)


async def test_an_outlet_that_hangs_costs_a_second_at_the_end() -> None:
    telemetry = Telemetry(Tee(()), None, (Broken(hangs=True), Broken()))
    began = trio.current_time()
    with capture_logs():
        await telemetry.close()
    assert trio.current_time() - began < CLOSE_S + 8


@pytest.mark.parametrize("wanted", [{}, {"METRICS_ENABLED": "1"}])
async def test_the_end_costs_nothing_where_nothing_is_sent(wanted: dict[str, str]) -> None:
    telemetry = open_telemetry(Settings.from_env(settings(**wanted)), MODEL)
    began = trio.current_time()
    await telemetry.close()
    assert trio.current_time() - began < CLOSE_S
