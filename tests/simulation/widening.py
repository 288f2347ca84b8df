"""What some clients of a plan do besides: bring a history along, or come back with what they heard."""

import random
from collections.abc import Sequence

from attrs import evolve

from tests.simulation.deflating import OFFERS
from tests.simulation.histories import BAD, GOOD
from tests.simulation.plan import ClientPlan, Fault, Line, Payload, Plan, Step
from tests.simulation.probing import ASKS

LONG = ("ragged", "leading", "long", "long", "lump")
"""Where the router's input, which holds no replies, is all there is."""
SHORT = ("turns", "ragged", "ragged", "leading", "long", "lump")
OFFERED = ("plain", "plain", *OFFERS)
WAITS = ("", "ack", "token", "end")
SMALL = {"HISTORY_MAX_TOKENS": "800", "TRIMMED_HISTORY_LENGTH": "500"}


def widened(plan: Plan, dice: random.Random) -> Plan:
    """The plan, with some of that."""
    plan = _with_compression(_with_histories(plan, dice), dice)
    plan = _with_probes(plan, dice) if dice.random() < 0.15 else plan
    return _worn_out(plan, dice) if plan.mode != "tool" and dice.random() < 0.03 else plan


def _with_probes(plan: Plan, dice: random.Random) -> Plan:
    """Somebody who asks after health and metrics, over all kinds of networks; some do not wait for the answer."""
    probes = tuple(_probe(f"h{number}", dice) for number in range(dice.randint(1, 4)))
    env = {**plan.env, "METRICS_ENABLED": "1"} if dice.random() < 0.7 else plan.env
    return evolve(plan, clients=(*plan.clients, *probes), env=env)


def _probe(name: str, dice: random.Random) -> ClientPlan:
    door = dice.choice(tuple(ASKS))
    hurry = dice.random() < 0.2 or door == "http-cut"
    gone = Step(do="vanish", text=dice.choice(("fin", "reset", "silent")), after_s=dice.choice((0.0, 0.02, 0.5)))
    line = Line(
        delay_s=dice.choice((0.0, 0.01, 0.2)),
        segment=dice.choice((0, 0, 7)),
        read_most=dice.choice((0, 0, 3)),
        window=dice.choice((65536, 400)),
        write_most=dice.choice((0, 0, 50)),
    )
    return ClientPlan(
        name=name, at_s=round(dice.uniform(0, 20), 3), door=door, line=line, steps=(gone,) if hurry else ()
    )


def _worn_out(plan: Plan, dice: random.Random) -> Plan:
    """A server whose engine fails until it gives up; some come while it fails, some were there before."""
    if dice.random() < 0.25:
        early = tuple(evolve(client, door="early") for client in plan.clients)
        return evolve(plan, ends="gives-up", ends_with="", stillborn=True, clients=early, faults=())
    what = dice.choice(("engine-never-starts", "engine-keeps-dying"))
    fault = Fault(at_s=round(dice.uniform(0, 8), 3), what=what, seconds=dice.choice((3.0, 12.0, 35.0)))
    late = tuple(_late(number, dice) for number in range(dice.randint(1, 3)))
    return evolve(plan, ends="gives-up", ends_with="", clients=(*plan.clients, *late), faults=(fault, *plan.faults[:1]))


def _late(number: int, dice: random.Random) -> ClientPlan:
    steps = [Step(do="start", text="hello there")]
    steps += [Step(do="message", text="and now?", wait="end", after_s=dice.choice((0.5, 10.0, 30.0))) for _ in range(3)]
    return ClientPlan(name=f"late{number}", at_s=round(dice.uniform(5, 120), 3), steps=tuple(steps))


def _with_compression(plan: Plan, dice: random.Random) -> Plan:
    """A server that compresses, and clients of all kinds; elsewhere some ask for it as well, as browsers do."""
    is_on = dice.random() < 0.2
    clients = tuple(
        _compressing(client, dice) if dice.random() < (0.7 if is_on else 0.05) else client for client in plan.clients
    )
    env = {**plan.env, "WS_COMPRESSION": "1"} if is_on else plan.env
    return evolve(plan, clients=clients, env=env)


def _compressing(client: ClientPlan, dice: random.Random) -> ClientPlan:
    steps = client.steps
    if dice.random() < 0.5:
        bomb = Step(do="bomb", number=dice.randint(0, 99), wait=dice.choice(WAITS))
        steps = (*steps[: dice.randint(1, min(4, len(steps)))], bomb)
    return evolve(client, deflate=dice.choice(OFFERED), steps=steps)


def _with_histories(plan: Plan, dice: random.Random) -> Plan:
    shapes = LONG if plan.mode == "tool" else SHORT
    clients = tuple(_bringing(client, shapes, dice) if dice.random() < 0.25 else client for client in plan.clients)
    env = plan.env
    if plan.mode != "tool" and plan.voice != "short" and clients != plan.clients and dice.random() < 0.5:
        env = {**SMALL, **env}
    if dice.random() < 0.15:
        before = dice.choice(clients)
        clients = (*clients, _returning(before, dice))
    return evolve(plan, clients=clients, env=env)


def _bringing(client: ClientPlan, shapes: Sequence[str], dice: random.Random) -> ClientPlan:
    """Its starts bring histories, the later ones as well."""
    steps = [_with_history(step, shapes, dice) if step.do == "start" else step for step in client.steps]
    return evolve(client, steps=tuple(steps))


def _with_history(step: Step, shapes: Sequence[str], dice: random.Random) -> Step:
    draw = dice.random()
    shape = dice.choice(tuple(BAD) if draw < 0.12 else tuple(GOOD) if draw < 0.25 else shapes)
    history: Payload = {"shape": shape, "number": dice.randint(0, 999)}
    return evolve(step, payload={**step.payload, "history": history})


def _returning(before: ClientPlan, dice: random.Random) -> ClientPlan:
    """The same one on a new connection, with what it heard on the old one."""
    steps = [Step(do="start", text="where were we?", payload={"history": {"shape": "heard"}})]
    for _ in range(dice.randint(0, 2)):
        steps.append(Step(do=dice.choice(("message", "cancel")), text="and then?", wait=dice.choice(("ack", "end"))))
    return evolve(before, name=f"{before.name}+", follows=before.name, door="right", eager=False, steps=tuple(steps))


__all__ = ["widened"]
