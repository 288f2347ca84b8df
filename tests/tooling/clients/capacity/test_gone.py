"""A server that goes away between two loads is not taken for one that is full."""

import os

import pytest
import trio

from tests.tooling.clients.capacity.test_runs import ROOT
from tooling.clients.capacity.level import Bounds, Level
from tooling.clients.capacity.rounds import Loader, Plan, Server
from tooling.clients.capacity.ticker import Ticker
from tooling.clients.failures import NoConnection

LIMIT_S = 60
PLAN = Plan(
    smallest=2,
    limit=2,
    window_s=1.0,
    spread_s=0.1,
    settle_s=2.5,  # three attempts to connect take a second and a half
    interrupts=0.0,
    resolution=0.05,
    seed="gone",
    processes=1,
    bounds=Bounds(),
    lines=("Hello?",),
)


async def test_a_load_in_which_nobody_gets_a_connection_ends_the_run() -> None:
    levels: list[Level] = []
    environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    loader = Loader(plan=PLAN, environ=environ, on_level=lambda _, level: levels.append(level), ticker=Ticker(None))
    url = "ws://127.0.0.1:9/ws"
    limits = {"receive_s": 5.0, "ping_interval_s": 20.0, "ping_timeout_s": 20.0}
    door = {"kind": "ours", "url": url, "key": "k", "auth": "query", "limits": limits, "lenient": False, "opening": {}}
    with trio.fail_after(LIMIT_S), pytest.raises(NoConnection, match=f"the server is gone: no connection to {url}"):
        await loader.find(Server(name="ours", url=url, door=door))
    assert levels == []
