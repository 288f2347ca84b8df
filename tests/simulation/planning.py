"""A plan from a seed: what clients do, what the network does to it, and what breaks."""

import random
from collections.abc import Callable

from tests.simulation.crossings import asked_together, crossed, overspent, troubled
from tests.simulation.doors import STRANGERS
from tests.simulation.plan import ClientPlan, Fault, Line, Payload, Plan, Step
from tests.simulation.router import LOOKS
from tests.simulation.widening import widened

UTTERANCES = ("hello there", "what now?", "tell me a story", "é😀 ok", "<|im_end|> and so", f"{LOOKS} at this", LOOKS)
DELAYS = (0.0, 0.001, 0.01, 0.05, 0.2)
PAUSES = (0.0, 0.0, 0.01, 0.05, 0.1, 0.3, 1.0, 4.0)
WAITS = ("", "ack", "token", "end", "end", "end")
TALK = ("message",) * 6 + ("start", "followup", "cancel", "cancel", "ping", "pong", "again", "garbage", "binary")
ODD = ("pieces", "stranger", "unknown", "invalid", "websocket_ping")
ENGINE_FAULTS = (
    "engine-dies",
    "engine-stalls",
    "engine-stops",
    "engine-mute",
    "engine-ignores-aborts",
    "engine-fails-requests",
    "engine-refuses",
    "engine-fails-to-start",
    "engine-starts-slowly",
)
ROUTER_FAULTS = (
    "router-slow",
    "router-failing",
    "router-wrong",
    "router-nan",
    "router-raising",
    "router-dead",
    "router-fails-to-start",
)


def plan_of(seed: int) -> Plan:
    """The plan of a seed; the same for ever, unless this module changes."""
    dice = random.Random(seed)
    mode = dice.choice(("chat", "chat", "both", "both", "both", "tool"))
    crowd = dice.randint(8, 24) if dice.random() < 0.03 else dice.randint(1, 5)
    span = dice.choice((2.0, 5.0, 15.0))
    clients = tuple(_client(dice, f"c{number}", span) for number in range(crowd))
    ends = dice.choice(("leave", "leave", "leave", "drain", "twice"))
    plan = Plan(
        seed=seed,
        mode=mode,
        env=_env(dice, mode),
        voice=dice.choice(("words", "words", "signs", "long", "short")),
        step_s=dice.choice((0.02, 0.05, 0.1)),
        max_running=dice.choice((1, 2, 8)),
        clients=clients,
        faults=_faults(dice, mode, span),
        ends=ends,
        ends_at_s=0.0 if ends == "leave" else round(dice.uniform(0.5, span + 4), 3),
        impatience_s=round(dice.uniform(0, 3), 3) if ends == "twice" else 0.0,
    )
    plan = crossed(plan, random.Random(f"{seed}:crossings"))
    plan = asked_together(plan, random.Random(f"{seed}:askers"))
    plan = overspent(plan, random.Random(f"{seed}:overspent"))
    plan = troubled(plan, random.Random(f"{seed}:trouble"))
    return widened(plan, random.Random(f"{seed}:widening"))


def _env(dice: random.Random, mode: str) -> dict[str, str]:
    env: dict[str, str] = {}
    if mode == "both" and dice.random() < 0.3:
        env["ROUTING_SPECULATION"] = "0"
    if dice.random() < 0.2:
        env["MAX_CONCURRENT_CONNECTIONS"] = str(dice.randint(1, 3))
    if dice.random() < 0.2:
        env["WS_PING_INTERVAL_S"] = dice.choice(("0.5", "3"))
    if dice.random() < 0.15:
        env["WS_IDLE_TIMEOUT_S"] = dice.choice(("2", "6"))
    if dice.random() < 0.2:
        env["GEN_TIMEOUT_S"] = dice.choice(("1", "3"))
    if dice.random() < 0.15:
        env["STREAM_FLUSH_MS"] = dice.choice(("20", "120"))
    if dice.random() < 0.2:
        env["ENGINE_MAX_QUEUED"] = dice.choice(("0", "1"))
    if dice.random() < 0.3:
        env["WS_SEND_TIMEOUT_S"] = dice.choice(("0.5", "2"))
    return env


def _client(dice: random.Random, name: str, span: float) -> ClientPlan:
    steps = [Step(do="start", text=dice.choice(UTTERANCES), after_s=dice.choice(PAUSES), payload=_sampling(dice))]
    steps += [_step(dice) for _ in range(dice.randint(0, 9))]
    if dice.random() < 0.06:
        steps.insert(
            0, Step(do=dice.choice(("message", "cancel", "ping", "end", "invalid", "garbage")), text="too soon")
        )
    if dice.random() < 0.05:
        steps.append(Step(do="deaf", wait=dice.choice(WAITS)))
    if dice.random() < 0.4:
        steps.append(_goodbye(dice))
    return ClientPlan(
        name=name,
        at_s=round(dice.uniform(0, span), 3),
        door=dice.choice(("wrong", "none", "early", *STRANGERS)) if dice.random() < 0.15 else "right",
        eager=dice.random() < 0.1,
        line=_line(dice),
        steps=tuple(steps),
    )


def _line(dice: random.Random) -> Line:
    return Line(
        delay_s=dice.choice(DELAYS),
        jitter_s=dice.choice((0.0, 0.0, 0.02, 0.2)),
        segment=dice.choice((0, 0, 0, 7, 100)),
        read_most=dice.choice((0, 0, 0, 0, 3, 64, 64)),
        window=dice.choice((65536, 65536, 65536, 2000, 400)),
        write_most=dice.choice((0, 0, 0, 50)),
    )


def _step(dice: random.Random) -> Step:
    do = dice.choice(TALK + ODD) if dice.random() < 0.93 else "stop_reading"
    payload: Payload = {}
    if do in ("message", "start", "cancel") and dice.random() < 0.2:
        payload["played"] = {"back": dice.randint(0, 2), "chars": max(0, dice.randint(-12, 30))}
    if do in ("message", "start") and dice.random() < 0.3:
        payload |= _sampling(dice)
    return Step(
        do=do,
        wait=dice.choice(WAITS),
        after_s=dice.choice(PAUSES),
        text=dice.choice(UTTERANCES),
        number=dice.choice((100, 1000, 5000, 30000)) if do == "stop_reading" else dice.randint(0, 3),
        payload=payload,
    )


def _sampling(dice: random.Random) -> Payload:
    sampling: Payload = {}
    if dice.random() < 0.6:
        sampling["sanitize_output"] = dice.random() < 0.3
    if dice.random() < 0.2:
        sampling["top_k"] = dice.choice((0, 10, None))
    return {"sampling": sampling} if sampling else {}


def _goodbye(dice: random.Random) -> Step:
    how = dice.choice(("end", "reset", "fin", "silent", "close", "violate", "half"))
    common = {"wait": dice.choice(WAITS), "after_s": dice.choice(PAUSES)}
    if how == "end":
        return Step(do="end", **common)  # type: ignore[arg-type]
    if how == "violate":
        return Step(do="violate", number=dice.randint(0, 99), **common)  # type: ignore[arg-type]
    if how == "half":
        gone = dice.choice(("reset", "fin", "silent"))
        return Step(do="half", number=dice.randint(0, 30), text=gone, **common)  # type: ignore[arg-type]
    if how == "close":
        return Step(do="close", number=1000, **common)  # type: ignore[arg-type]
    return Step(do="vanish", text=how, **common)  # type: ignore[arg-type]


def _faults(dice: random.Random, mode: str, span: float) -> tuple[Fault, ...]:
    if dice.random() < 0.45:
        return ()
    kinds = (ENGINE_FAULTS if mode != "tool" else ()) + (ROUTER_FAULTS if mode != "chat" else ())
    draw: Callable[[], Fault] = lambda: Fault(  # noqa: E731
        at_s=round(dice.uniform(0, span + 3), 3),
        what=dice.choice(kinds),
        seconds=dice.choice((0.5, 5.0, 15.0, 40.0)),
        number=dice.randint(1, 3),
    )
    return tuple(draw() for _ in range(dice.randint(1, 3)))


__all__ = ["plan_of"]
