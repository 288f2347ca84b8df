"""The flags of bench, and the plan that they mean."""

import argparse
import math
import random
from collections.abc import Callable

from tooling.clients.bench.arrivals import BURSTS, CLOSED, CONSTANT, POISSON, Arrivals
from tooling.clients.bench.plan import Payload, Plan
from tooling.clients.bench.samples import LABELS
from tooling.clients.data.conversation import load_conversation
from tooling.clients.data.messages import message
from tooling.clients.failures import UsageProblem
from tooling.clients.options import (
    Environ,
    Flags,
    add_persona,
    add_sampling,
    chosen_persona,
    duration,
    parser,
    positive,
    sampling,
    start_payload,
)
from tooling.clients.program import add_output

DESCRIPTION = "Measure a running server: many conversations, so many at a time or by the clock; latencies and rates."
REQUESTS, CONCURRENCY = 16, 8
SEEDS = 1 << 32


def grammar(environ: Environ) -> Flags:
    """The flags of bench."""
    made = parser("bench", DESCRIPTION)
    made.add_argument("message", nargs="*", help="what to say (default: a fixed question, then a scripted talk)")
    made.add_argument("-n", "--requests", type=positive, help=f"connections in all ({REQUESTS})")
    made.add_argument("-c", "--concurrency", type=positive, default=CONCURRENCY, help="at a time, at most n (8)")
    made.add_argument("--timeout", type=duration, default=120.0, metavar="S", help="for a whole turn (120)")
    made.add_argument("--double-ttfb", action="store_true", help="two turns on each connection")
    made.add_argument("--burst-mode", choices=("instant", "windowed"), default="instant")
    made.add_argument("--burst-size", type=positive, default=3, help="connections a burst, windowed (3)")
    made.add_argument("--window-duration", type=duration, default=0.5, metavar="S", help="between bursts (0.5)")
    _add_load(made)
    _add_instrument(made)
    add_output(made)
    add_persona(made, environ)
    add_sampling(made)
    return made


def _add_load(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("load")
    kinds = (CLOSED, CONSTANT, POISSON)
    group.add_argument(
        "--arrivals", choices=kinds, default=CLOSED, help="closed: -c at a time; else --rate a second, come what may"
    )
    group.add_argument("--rate", type=_over_zero, metavar="R", help="connections a second of open arrivals")
    group.add_argument("--ramp", type=_not_negative, default=0.0, metavar="S", help="the load grows for so long (0)")
    group.add_argument("--duration", type=duration, metavar="S", help="connect for so long, in the place of -n")
    group.add_argument("--turns", type=positive, default=1, metavar="N", help="on each connection (1)")
    group.add_argument("--think", type=_think, default=(0.0, 0.0), metavar="S|LO-HI", help="pause before a turn (0)")
    group.add_argument("--barge-in", type=_share, default=0.0, metavar="F", help="share of replies cut off (0)")
    group.add_argument(
        "--prefix", choices=("warm", "cold"), default="warm", help="cold: no two connections share a prompt (warm)"
    )


def _add_instrument(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("instrument")
    group.add_argument("--seed", type=int, metavar="N", help="sends the same at the same moments (default: any)")
    group.add_argument("--processes", type=positive, metavar="N", help="of the client (default: as the load wants)")
    group.add_argument("--compare", metavar="FILE", help="with the --json document of an earlier run")
    group.add_argument("--compare-anyway", action="store_true", help="also if that run had another load")
    group.add_argument("--plot", metavar="FILE.png", help="draw latencies, distributions and concurrency")


def settle(arguments: argparse.Namespace) -> None:
    """Fill in what depends on other flags, so that the run's document shows what was in effect. Raises
    `UsageProblem` for flags that exclude each other."""
    windowed, clocked = arguments.burst_mode == "windowed", arguments.arrivals != CLOSED
    for problem, words in (
        (arguments.requests and arguments.duration, "give -n or --duration, not both"),
        (clocked and arguments.rate is None, f"--arrivals {arguments.arrivals} wants --rate R, connections a second"),
        (not clocked and arguments.rate is not None, "--rate is for --arrivals constant or poisson"),
        (clocked and windowed, "--arrivals and --burst-mode windowed exclude each other"),
        (windowed and arguments.ramp, "--ramp and --burst-mode windowed exclude each other"),
        (arguments.double_ttfb and arguments.turns > 1, "--double-ttfb is two turns; give it or --turns"),
        (arguments.compare_anyway and not arguments.compare, "--compare-anyway wants --compare FILE"),
    ):
        if problem:
            raise UsageProblem(words)
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(SEEDS)
    if arguments.requests is None and arguments.duration is None:
        arguments.requests = REQUESTS
    if arguments.requests is not None:
        arguments.concurrency = min(arguments.concurrency, arguments.requests)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """The plan that settled flags mean."""
    double = bool(arguments.double_ttfb)
    return Plan(
        payloads=_payloads(arguments, 2 if double else arguments.turns),
        interjection=_later(arguments, message("interjection")),
        requests=arguments.requests,
        duration_s=arguments.duration,
        concurrency=arguments.concurrency,
        turn_timeout_s=arguments.timeout,
        arrivals=_arrivals(arguments),
        labels=LABELS if double else (),
        think_s=arguments.think,
        barge_in=arguments.barge_in,
        cold=arguments.prefix == "cold",
        seed=arguments.seed,
    )


def _arrivals(arguments: argparse.Namespace) -> Arrivals:
    if arguments.burst_mode == "windowed":
        return Arrivals(kind=BURSTS, burst_size=arguments.burst_size, window_s=arguments.window_duration)
    return Arrivals(kind=arguments.arrivals, rate=arguments.rate or 0.0, ramp_s=arguments.ramp)


def _payloads(arguments: argparse.Namespace, turns: int) -> tuple[Payload, ...]:
    """The given words every time; without any the fixed question, and then the scripted talk, over and over. Two
    turns that are compared say the same."""
    given = " ".join(arguments.message)
    first = given or message("bench")
    talk = [turn.text for turn in load_conversation().turns]
    same = given or arguments.double_ttfb
    said = [first, *(first if same else talk[number % len(talk)] for number in range(turns - 1))]
    opening = start_payload(chosen_persona(arguments), arguments)
    return tuple((opening if not number else {}) | _later(arguments, text) for number, text in enumerate(said))


def _later(arguments: argparse.Namespace, text: str) -> Payload:
    return {"user_utterance": text, **sampling(arguments)}


def _number(text: str, fits: Callable[[float], bool], what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and fits(value)):
        raise argparse.ArgumentTypeError(f"{text!r} must be {what}")
    return value


def _over_zero(text: str) -> float:
    return _number(text, lambda value: value > 0, "a number over 0")


def _not_negative(text: str) -> float:
    return _number(text, lambda value: value >= 0, "a number, 0 or more")


def _share(text: str) -> float:
    return _number(text, lambda value: 0 <= value <= 1, "a share from 0 to 1")


def _think(text: str) -> tuple[float, float]:
    low, dash, high = text.partition("-")
    least = _not_negative(low)
    most = _not_negative(high) if dash else least
    if most < least:
        raise argparse.ArgumentTypeError(f"{text!r} must be seconds, or the least and the most of them: 0.5-2")
    return least, most


__all__ = ["CONCURRENCY", "REQUESTS", "grammar", "plan_of", "settle"]
