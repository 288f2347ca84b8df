"""The contract on real vLLM, then its deaths: one start of the process, one engine per death."""

import os
import signal
import time

import pytest

from engines import processes
from tests.contract.suite import CHECKS
from tests.engines.vllm.conftest import Client

pytestmark = pytest.mark.engine

# On two cores with others at work; silence alone would be noticed after ten seconds (`ENGINE_STALL_TIMEOUT_S`).
AT_ONCE_S = 8.0


@pytest.fixture(scope="module")
def opened(host: Client) -> Client:
    """The host with its first engine open."""
    host.open()
    return host


@pytest.mark.parametrize("name", CHECKS)
def test_the_contract(opened: Client, name: str) -> None:
    opened.do("check", name=name)
    assert opened.wait("checked", timeout=60)["error"] is None


def test_it_is_driven_step_by_step_and_detokenised_here(opened: Client) -> None:
    assert opened.facts["detokenising"] == "byte table"


def test_a_close_with_requests_in_flight_fails_them_once_and_leaves_no_process(opened: Client) -> None:
    pids, ids = opened.running()
    opened.do("reopen")
    ends = opened.ends(2)
    assert {end["kind"] for end in ends.values()} == {"Failed"}
    assert set(ends) == set(ids)
    assert opened.wait("shut")["took"] < 20
    assert not any(processes.identify(pid) for pid in pids)
    opened.open()


@pytest.mark.parametrize(
    ("which", "number"),
    [(0, signal.SIGTERM), (0, signal.SIGKILL), (1, signal.SIGKILL)],
    ids=["core-terminated", "core-killed", "worker-killed"],
)
def test_a_death_fails_every_request_at_once_and_is_told_by_watch(
    opened: Client, which: int, number: signal.Signals
) -> None:
    pids, ids = opened.running()
    assert len(pids) == 2
    os.kill(pids[which], number)
    began = time.monotonic()
    ends = opened.ends(2)
    took = time.monotonic() - began
    assert set(ends) == set(ids)
    assert all(str(end["detail"]).startswith("EngineDead") for end in ends.values()), ends
    assert took < AT_ONCE_S
    dead = opened.wait("dead", timeout=AT_ONCE_S)
    assert dead["kind"] == "EngineDead"
    opened.do("submit")
    late = opened.wait("submitted")["id"]
    assert str(opened.ends(1)[late]["detail"]).startswith("EngineDead")


def test_a_stopped_core_cannot_count_and_is_still_closed_in_time(opened: Client) -> None:
    pids, _ = opened.running()
    os.kill(pids[0], signal.SIGSTOP)
    opened.do("unfinished")
    assert opened.wait("unfinished", timeout=10)["count"] is None
    opened.do("close")
    assert opened.wait("shut", timeout=30)["took"] < 20
    opened.wait("closed")
    assert not any(processes.identify(pid) for pid in pids)
