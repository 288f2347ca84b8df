"""A failing plan made smaller: fewer clients, steps and faults, plainer networks, as long as it breaks the same."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from attrs import evolve

from tests.simulation.plan import ClientPlan, Line, Plan

MOST_RUNS = 400
MOST_S = 60.0

T = TypeVar("T")
Fails = Callable[[Plan], bool]


def shrunk(plan: Plan, fails: Fails, *, most_s: float = MOST_S) -> Plan:
    """The smallest plan found that still `fails`, within so many seconds and `MOST_RUNS` runs."""
    deadline, runs = time.perf_counter() + most_s, 0
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(plan):
            if runs >= MOST_RUNS or time.perf_counter() > deadline:
                return plan
            runs += 1
            if fails(smaller):
                plan, progress = smaller, True
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Plans with less in them, those with much less first."""
    for kept in _without(plan.clients):
        yield evolve(plan, clients=kept)
    for fewer in _without(plan.faults):
        yield evolve(plan, faults=fewer)
    for at, client in enumerate(plan.clients):
        for steps in _without(client.steps):
            yield _with_client(plan, at, evolve(client, steps=steps))
    yield from _plainer(plan)


def _plainer(plan: Plan) -> Iterator[Plan]:
    if plan.ends != "leave":
        yield evolve(plan, ends="leave")
    for name in plan.env:
        yield evolve(plan, env={key: value for key, value in plan.env.items() if key != name})
    if plan.voice != "words":
        yield evolve(plan, voice="words")
    for at, client in enumerate(plan.clients):
        if client.line != Line():
            yield _with_client(plan, at, evolve(client, line=Line()))
        if client.at_s:
            yield _with_client(plan, at, evolve(client, at_s=0.0))
        for number, step in enumerate(client.steps):
            for plainer in (evolve(step, payload={}), evolve(step, after_s=0.0), evolve(step, wait="")):
                if plainer != step:
                    steps = (*client.steps[:number], plainer, *client.steps[number + 1 :])
                    yield _with_client(plan, at, evolve(client, steps=steps))


def _with_client(plan: Plan, at: int, client: ClientPlan) -> Plan:
    return evolve(plan, clients=(*plan.clients[:at], client, *plan.clients[at + 1 :]))


def _without(items: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """The same without a half, a quarter, ... one of them."""
    size = len(items)
    while size:
        for at in range(0, len(items), size):
            yield (*items[:at], *items[at + size :])
        size //= 2


__all__ = ["shrunk"]
