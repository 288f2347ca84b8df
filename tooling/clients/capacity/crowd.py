"""`python -m tooling.clients.capacity.crowd`: so many callers in a process of its own."""

import sys
from collections.abc import Mapping
from typing import Any

import trio
from attrs import asdict

from tooling.clients.capacity.caller import Turn, call_for_ever
from tooling.clients.capacity.doors.completions import Completions
from tooling.clients.capacity.doors.line import Door
from tooling.clients.capacity.doors.ours import Ours
from tooling.clients.capacity.person import Person
from tooling.clients.load.desk import Desk, serve
from tooling.clients.options import Common
from tooling.clients.session.connection import Limits
from tooling.usage import answer_help
from tooling.yap_client.address import Endpoint


async def work(desk: Desk) -> None:
    """Call for `job["for_s"]` seconds, and wait `job["grace_s"]` for the last replies; tells every turn.

    `at` of a turn counts from the start, which is the same moment in every process. What is unfinished at the end is
    told as it is.
    """
    job = desk.job

    def tell(turn: Turn) -> None:
        desk.tell({**asdict(turn), "at": turn.at - desk.start_at})

    door = _door(job["door"])
    async with trio.open_nursery() as nursery:
        for seed in job["callers"]:
            person = Person(seed, job["lines"], job["interrupts"])
            nursery.start_soon(call_for_ever, door, person, job["spread_s"], tell)
        await trio.sleep_until(desk.start_at + job["for_s"] + job["grace_s"])
        nursery.cancel_scope.cancel()


def _door(told: Mapping[str, Any]) -> Door:
    if told["kind"] == "completions":
        return Completions(told["url"], told["model"], told["system"], told["key"], told["extra"])
    endpoint = Endpoint(told["url"], told["key"], told["auth"])
    return Ours(Common(endpoint, Limits(**told["limits"]), told["lenient"]), told["opening"])


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(serve(work))
