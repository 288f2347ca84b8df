"""The idle client: against our server, and its waits on a virtual clock against a stand-in."""

from collections.abc import Mapping

import pytest
import trio
from trio.testing import MockClock

from tests.runtime.serving import says, serving
from tests.tooling.clients.cells import NOTHING, Ran, ran, streams_apart
from tests.tooling.clients.faulty.host import Host, Manners, hosting
from tests.tooling.clients.house import KEY
from tooling.clients.idle.__main__ import CLIENT, TESTS

LIMIT_S = 60


def virtually(*argv: str, environ: Mapping[str, str] = NOTHING, idle_s: float = 150.0) -> tuple[Ran, Host]:
    """The client against a stand-in that closes after so much silence, in no time."""

    async def both() -> tuple[Ran, Host]:
        with trio.fail_after(600):
            async with hosting(Manners(idle_s=idle_s)) as host:
                return await ran(CLIENT, argv, host.url, environ), host

    with streams_apart():
        return trio.run(both, clock=MockClock(autojump_threshold=0.02))


async def test_our_server_passes_while_protocol_pings_go_on() -> None:
    async with serving(says("never asked"), WS_IDLE_TIMEOUT_S="1.5") as place:
        with trio.fail_after(LIMIT_S), streams_apart():
            done = await ran(
                CLIENT,
                ["--normal-wait", "0.2", "--idle-grace-seconds", "20"],
                f"127.0.0.1:{place.port}",
                {"TEXT_API_KEY": KEY, "WS_IDLE_TIMEOUT_S": "1.5", "TEST_WS_PING_INTERVAL": "0.2"},
            )
    assert done.code == 0, done.out + done.err
    told = [line for name in TESTS for line in (f"▶ {name} connection test", f"✓ [{name}] PASS")]
    assert done.out.splitlines()[2:] == [*told, "✓ PASS All 4 tests passed"]


async def test_our_server_with_another_limit_than_was_told_fails_one_test() -> None:
    async with serving(says("never asked"), WS_IDLE_TIMEOUT_S="1.2") as place:
        with trio.fail_after(LIMIT_S), streams_apart():
            flags = ["--normal-wait", "0.1", "--idle-expect-seconds", "30", "--json"]
            done = await ran(CLIENT, flags, f"127.0.0.1:{place.port}", {"TEXT_API_KEY": KEY})
    assert done.code == 1
    assert done.kinds == ["idle_early"]
    assert done.last.startswith("✗ FAIL 3 passed, 1 failed: closed after 1.")


def test_the_usual_limit_is_waited_out_to_the_end_with_the_seconds_left_on_show() -> None:
    done, host = virtually()
    assert done.code == 0, done.out
    assert [visit.wire.pings for visit in host.visits] == [0, 0, 0, 7], "one every 20 s, while nothing is sent"
    assert [[frame["type"] for frame in visit.seen] for visit in host.visits] == [["end"], ["end"], ["ping", "end"], []]
    left = [line for line in done.err.splitlines() if line.endswith(" s left")]
    assert left[0] == "[--------------------] 150 s left"
    assert left[1] == "[#-------------------] 140 s left"
    assert len(left) in (15, 16)


def test_nothing_is_shown_where_only_the_verdict_is_wanted() -> None:
    done, _ = virtually("--quiet")
    assert (done.code, done.out, done.err) == (0, "✓ PASS All 4 tests passed\n", "")


@pytest.mark.parametrize(
    ("argv", "environ"),
    [
        (["--idle-expect-seconds", "40"], {"IDLE_EXPECT_SECONDS": "7", "WS_IDLE_TIMEOUT_S": "8"}),
        ([], {"IDLE_EXPECT_SECONDS": "40", "WS_IDLE_TIMEOUT_S": "8"}),
        ([], {"WS_IDLE_TIMEOUT_S": "40.0", "IDLE_EXPECT_SECONDS": " "}),
    ],
)
def test_the_flag_goes_before_the_variables(argv: list[str], environ: dict[str, str]) -> None:
    done, _ = virtually(*argv, "--json", idle_s=40.0, environ=environ)
    assert done.code == 0, done.err
    config, phases = done.document["config"], done.document["summary"]["phases"]
    assert (config["idle_expect_seconds"], config["idle_grace_seconds"], config["normal_wait"]) == (40, 15, 3)
    assert phases[-1] == {"name": "idle", "result": "passed", "closed_after_s": 40.0}


@pytest.mark.parametrize(("early_s", "code"), [(0.9, 0), (1.1, 1)])
def test_a_second_early_is_early(early_s: float, code: int) -> None:
    done, _ = virtually(idle_s=150 - early_s)
    assert done.code == code, done.out


@pytest.mark.parametrize(("late_s", "code"), [(14.9, 0), (15.1, 1)])
def test_the_grace_is_for_a_close_that_is_late(late_s: float, code: int) -> None:
    done, _ = virtually(idle_s=150 + late_s)
    assert done.code == code, done.out


@pytest.mark.parametrize(("argv", "environ"), [(["--idle-expect-seconds", "0"], {}), ([], {"WS_IDLE_TIMEOUT_S": "0"})])
def test_without_a_limit_the_idle_test_is_skipped_and_that_is_said(argv: list[str], environ: dict[str, str]) -> None:
    done, host = virtually(*argv, environ=environ)
    assert done.code == 0
    assert done.out.splitlines()[-2:] == [
        "- [idle] skipped: --idle-expect-seconds is 0",
        "✓ PASS All 3 tests passed",
    ]
    assert len(host.visits) == 3


@pytest.mark.parametrize("name", ["IDLE_NORMAL_WAIT_SECONDS", "IDLE_GRACE_SECONDS", "WS_IDLE_TIMEOUT_S"])
@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_a_variable_that_is_no_number_of_seconds_is_named(name: str, value: str) -> None:
    done, host = virtually(environ={name: value})
    assert (done.code, done.out, host.visits) == (2, "", [])
    assert done.err.splitlines()[-1] == f"✗ FAIL {name}={value!r} must be a number of seconds, 0 or more"


def test_without_a_connection_the_rest_is_not_tried() -> None:
    done, _ = virtually("--server", "ws://127.0.0.1:9/ws", "--json")
    assert (done.code, done.kinds) == (3, ["connection_failed"])
    assert done.last.startswith("✗ FAIL 0 passed, 1 failed, 3 not run: no connection to ws://127.0.0.1:9/ws")
