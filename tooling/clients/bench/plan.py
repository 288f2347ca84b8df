"""What a bench run sends and when: everything that is decided before it starts, and how it travels to its processes."""

import random
from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, frozen

from tooling.clients.bench.arrivals import Arrivals
from tooling.clients.options import Common
from tooling.clients.session.connection import Limits
from tooling.yap_client.address import Endpoint

BARGE_WORDS = (2, 15)
"""A caller interrupts after so many words of a reply, any number of these alike."""
Payload = dict[str, object]


@frozen(kw_only=True)
class Plan:
    """What to send. `payloads`: the turns of each conversation, the first one a `start`; `interjection`: what is said
    into a reply. `requests`: conversations in all, None for as many as begin within `duration_s`. `think_s`: least
    and most seconds between a reply and the next turn. `barge_in`: the share of replies that are interrupted.
    `cold`: each conversation's prompt begins differently, so that no prefix cache knows it.
    """

    payloads: tuple[Payload, ...] = field(repr=False)
    requests: int | None = None
    duration_s: float | None = None
    concurrency: int = 1
    turn_timeout_s: float = 120.0
    arrivals: Arrivals = field(factory=Arrivals)
    labels: tuple[str, ...] = ()
    think_s: tuple[float, float] = (0.0, 0.0)
    barge_in: float = 0.0
    interjection: Payload = field(factory=dict, repr=False)
    cold: bool = False
    seed: int = 0


@frozen
class Planned:
    """One turn before it is sent. `interrupt_after`: words of its reply; None lets it end."""

    number: int
    think_s: float
    interrupt_after: int | None


@frozen
class Part:
    """The part of a plan that one process does: conversation k and slot k are its own where k mod `of` is `index`."""

    index: int = 0
    of: int = 1

    def has(self, number: int) -> bool:
        """Whether that conversation, or slot, is in this part."""
        return number % self.of == self.index


def conversation(plan: Plan, number: int) -> list[Planned]:
    """The turns of one conversation. Every turn draws the same numbers, whatever they are used for, so that more
    interruptions change no pause."""
    dice = random.Random(f"{plan.seed}/{number}")  # noqa: S311  # chance that can be repeated
    turns = []
    for turn in range(len(plan.payloads)):
        think_s, interrupts, words = (
            dice.uniform(*plan.think_s),
            dice.random() < plan.barge_in,
            dice.randint(*BARGE_WORDS),
        )
        turns.append(Planned(turn, think_s if turn else 0.0, words if interrupts else None))
    return turns


def opening(plan: Plan, number: int) -> Payload:
    """The first turn of one conversation."""
    first = plan.payloads[0]
    if not plan.cold:
        return first
    dice = random.Random(f"{plan.seed}/{number}/cold")  # noqa: S311  # chance that can be repeated
    return first | {"chat_prompt": f"[{dice.getrandbits(96):024x}] {first['chat_prompt']}"}


def to_job(plan: Plan, common: Common, part: Part) -> dict[str, object]:
    """As JSON for one process. It holds the key."""
    return {"plan": asdict(plan), "common": asdict(common), "part": asdict(part)}


def from_job(job: Mapping[str, Any]) -> tuple[Plan, Common, Part]:
    """What `to_job` wrote."""
    told, shared = job["plan"], job["common"]
    plan = Plan(
        **told
        | {name: tuple(told[name]) for name in ("payloads", "labels", "think_s")}
        | {"arrivals": Arrivals(**told["arrivals"])}
    )
    common = Common(Endpoint(**shared["endpoint"]), Limits(**shared["limits"]), shared["lenient"])
    return plan, common, Part(**job["part"])


__all__ = ["BARGE_WORDS", "Part", "Payload", "Plan", "Planned", "conversation", "from_job", "opening", "to_job"]
