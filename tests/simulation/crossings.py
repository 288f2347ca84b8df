"""What makes a plan's events meet: whatever can go wrong goes wrong when two things happen at the same moment."""

import random

from attrs import evolve

from tests.simulation.plan import ClientPlan, Fault, Line, Plan, Step

BURST = ("message", "message", "cancel", "cancel", "cancel", "followup", "ping", "websocket_ping", "end")
AFTER_S = (0.0, 0.0, 0.0, 0.05, 0.3)
GRID_S = 0.1
ASKED = ("hello there", "look at this", "tell me a story", "what now?")
FLOOD = 250
TROUBLE = ("engine-dies", "engine-stalls", "engine-stops")
SMALL = 1024
"""Bytes."""


def crossed(plan: Plan, dice: random.Random) -> Plan:
    """The plan, with some of that."""
    clients = tuple(_burst(client, dice) if dice.random() < 0.35 else client for client in plan.clients)
    if dice.random() < 0.25:
        clients = tuple(evolve(client, at_s=_on_grid(client.at_s), line=Line()) for client in clients)
    elif dice.random() < 0.15:
        clients = tuple(evolve(client, at_s=plan.clients[0].at_s, line=Line()) for client in clients)
    if dice.random() < 0.1:
        clients = (_flood(clients[0], dice), *clients[1:])
    if plan.ends == "drain" and dice.random() < 0.5:
        last = dice.choice(clients)
        more = _said_at_once(dice)
        clients = tuple(evolve(each, steps=(*each.steps, *more)) if each is last else each for each in clients)
        plan = evolve(plan, ends_with=last.name, ends_at_s=plan.ends_at_s + 20)
    env = {**_env(plan, dice), **plan.env}
    return evolve(
        plan,
        clients=clients,
        env=env,
        voice="long" if "DRAIN_TIMEOUT_S" in env else plan.voice,
        late=dice.choice((0.0, 0.0, 0.5)),
        router_s=dice.choice((0.03, 0.03, 0.4, 1.5)),
    )


def asked_together(plan: Plan, dice: random.Random) -> Plan:
    """The plan, in some with more clients that ask the router at one moment, and want no answer while it reads."""
    if plan.mode == "chat" or dice.random() >= 0.15:
        return plan
    at_s = plan.clients[0].at_s
    askers = [
        ClientPlan(name=f"q{number}", at_s=at_s, steps=(Step(do="start", text=text), *_withdraws(dice)))
        for number, text in enumerate(dice.sample(ASKED, len(ASKED)))
    ]
    return evolve(plan, clients=(*plan.clients, *askers), router_s=1.5)


def overspent(plan: Plan, dice: random.Random) -> Plan:
    """The plan; where frames are small, in some with a client that is sent away as a turn of it is stopped."""
    if plan.env.get("WS_MAX_FRAME_BYTES") != str(SMALL) or dice.random() < 0.4:
        return plan
    client, story = plan.clients[0], "tell me a story"
    steps = (
        client.steps[0],
        Step(do="message", text=story, wait="end"),
        Step(do="overspend", wait=dice.choice(("ack", "token")), number=SMALL - 24),
    )
    return evolve(plan, clients=(evolve(client, line=Line(), steps=steps), *plan.clients[1:]))


def troubled(plan: Plan, dice: random.Random) -> Plan:
    """The plan, in some with an engine that breaks in the middle of a long story."""
    if plan.mode == "tool" or dice.random() >= 0.12:
        return plan
    teller = evolve(plan.clients[0], line=Line())
    fault = Fault(at_s=teller.at_s + 1, what=dice.choice(TROUBLE), seconds=15.0, number=1)
    return evolve(plan, voice="long", clients=(teller, *plan.clients[1:]), faults=(*plan.faults, fault))


def _withdraws(dice: random.Random) -> tuple[Step, ...]:
    """When others are read that asked with it, if it is not the first."""
    how = dice.choice(("", "cancel", "message", "vanish"))
    text = "reset" if how == "vanish" else "look here"
    return (Step(do=how, wait="ack", after_s=round(dice.uniform(0, 2), 3), text=text),) if how else ()


def _burst(client: ClientPlan, dice: random.Random) -> ClientPlan:
    """Several things said at once, in one segment, while a turn runs."""
    first = Step(do="message", text="tell me a story", wait=dice.choice(("ack", "token", "end")))
    more = [
        Step(
            do=dice.choice(BURST[: -1 if number else None]),
            wait=dice.choice(("", "", "", "ack")),
            after_s=dice.choice(AFTER_S),
            text=dice.choice(("what now?", "look here")),
            number=dice.choice((0, 0, 1, 2)),
        )
        for number in range(dice.randint(1, 4), 0, -1)
    ]
    at = dice.randint(1, len(client.steps))
    return evolve(client, steps=(*client.steps[:at], first, _begin(dice), *more, *client.steps[at:]))


def _said_at_once(dice: random.Random) -> tuple[Step, ...]:
    """A turn that talks over another one, and maybe is cancelled, in the moment in which the server is told to end."""
    over = [Step(do=dice.choice(("message", "message", "cancel", "followup")), text="what now?") for _ in range(2)]
    return (Step(do="message", text="tell me a story", wait="end"), _begin(dice), *over[: dice.randint(1, 2)])


def _begin(dice: random.Random) -> Step:
    return Step(do="message", text="look here", wait=dice.choice(("ack", "token")), after_s=dice.choice(AFTER_S))


def _flood(client: ClientPlan, dice: random.Random) -> ClientPlan:
    """Reads nothing, and asks for more than is kept for it."""
    stop = Step(do="stop_reading", wait="token", number=dice.choice((5000, 30000)))
    many = [Step(do="ping", number=FLOOD) for _ in range(2)]
    line = evolve(client.line, window=400)
    return evolve(client, line=line, steps=(*client.steps[:2], stop, *many, *client.steps[2:]))


def _env(plan: Plan, dice: random.Random) -> dict[str, str]:
    env: dict[str, str] = {}
    if dice.random() < 0.15:
        env["WS_MAX_MESSAGES_PER_WINDOW"] = dice.choice(("2", "4"))
        env["WS_MESSAGE_WINDOW_SECONDS"] = dice.choice(("1", "8"))
        env["WS_MAX_CANCELS_PER_WINDOW"] = dice.choice(("0", "1", "3"))
    if dice.random() < 0.2:
        env["WS_MAX_FRAME_BYTES"] = str(SMALL)
    if plan.ends == "drain" and dice.random() < 0.5:
        env["DRAIN_TIMEOUT_S"] = dice.choice(("0.5", "2"))
    if plan.mode != "tool" and dice.random() < 0.15:
        # Room for the newest turn at least: what is cut within a turn is no matter of whole turns, which are followed.
        most, least = ("160", "80") if plan.voice == "short" else ("800", "500")
        env |= {"HISTORY_MAX_TOKENS": most, "TRIMMED_HISTORY_LENGTH": least}
    if dice.random() < 0.2:
        env |= {"CHAT_MAX_OUT": "40", "WS_OUTBOX_MAX_BYTES": "8192"}
    return env


def _on_grid(at_s: float) -> float:
    return round(round(at_s / GRID_S) * GRID_S, 3)


__all__ = ["asked_together", "crossed", "overspent", "troubled"]
