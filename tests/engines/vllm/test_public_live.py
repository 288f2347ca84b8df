"""The contract on real vLLM by its public interface, which every version has; and its death."""

import os
import signal

import pytest

from tests.contract.suite import CHECKS
from tests.engines.vllm.conftest import Client

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def opened(public_host: Client) -> Client:
    """The host with its first engine open."""
    public_host.open()
    return public_host


@pytest.mark.parametrize("name", CHECKS)
def test_the_contract(opened: Client, name: str) -> None:
    opened.do("check", name=name)
    assert opened.wait("checked", timeout=60)["error"] is None


def test_vllm_detokenises_itself(opened: Client) -> None:
    assert opened.facts["detokenising"] == "vLLM's own"


def test_a_death_fails_every_request_and_is_told_by_watch(opened: Client) -> None:
    pids, ids = opened.running()
    os.kill(pids[0], signal.SIGKILL)
    ends = opened.ends(2)
    assert set(ends) == set(ids)
    assert all(str(end["detail"]).startswith("EngineDead") for end in ends.values()), ends
    assert opened.wait("dead")["kind"] == "EngineDead"
