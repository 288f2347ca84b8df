"""`python -m tooling.clients.capacity`: how many callers fit on a running server."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from attrs import asdict

from tooling.clients.capacity.doors.completions import Completions, only_model
from tooling.clients.capacity.level import Bounds, Level
from tooling.clients.capacity.picture import picture
from tooling.clients.capacity.rounds import HEADER, Loader, Plan, Server, row
from tooling.clients.capacity.ticker import Ticker
from tooling.clients.capacity.voice import WORDS_PER_S
from tooling.clients.data.calls import load_lines
from tooling.clients.data.personas import DEMO_PERSONA, Persona, load_personas, persona_by_key
from tooling.clients.drawing.picture import check_drawing, draw
from tooling.clients.failures import ClientError, UsageProblem
from tooling.clients.options import (
    Environ,
    Flags,
    add_persona,
    add_sampling,
    chosen_persona,
    parser,
    positive,
    sampling,
    start_payload,
)
from tooling.clients.program import Call, Client, add_output, run
from tooling.clients.session.connection import DEMO_MODEL, connected
from tooling.clients.session.exchange import begin, finish

DESCRIPTION = "How many callers fit: people on the phone, more and more of them, until a bound breaks."


def grammar(environ: Environ) -> Flags:
    """The flags of capacity."""
    made = parser("capacity", DESCRIPTION)
    made.add_argument("--smallest", type=positive, default=1, metavar="N", help="callers to begin with (1)")
    made.add_argument("--most", type=positive, default=1024, metavar="N", help="never more callers than this (1024)")
    made.add_argument("--window", type=seconds, default=40.0, metavar="S", help="measured, at each number (40)")
    made.add_argument("--spread", type=seconds, default=8.0, metavar="S", help="before it: callers dial within (8)")
    made.add_argument("--settle", type=seconds, default=6.0, metavar="S", help="and then talk unmeasured for (6)")
    made.add_argument("--interrupts", type=share, default=0.25, metavar="F", help="share of replies cut off (0.25)")
    bounds = made.add_argument_group("bounds")
    bounds.add_argument("--ttft-ms", type=seconds, default=300.0, metavar="MS", help="99 %% of first texts (300)")
    bounds.add_argument("--sentence-ms", type=seconds, default=600.0, metavar="MS", help="99 %% of sentences (600)")
    bounds.add_argument("--dry", type=share, default=0.01, metavar="F", help="share of turns that ran dry (0.01)")
    rival = made.add_argument_group("beside it", "the same callers at a server that speaks OpenAI's chat completions")
    rival.add_argument("--openai", metavar="URL", help="such as http://127.0.0.1:8001/v1; key in OPENAI_API_KEY")
    rival.add_argument("--openai-model", metavar="NAME", help="default: the only one it has")
    rival.add_argument("--openai-max-tokens", type=positive, metavar="N", help="of a reply; ours has CHAT_MAX_OUT")
    rival.add_argument("--openai-only", action="store_true", help="leave our server out; both may need the same GPU")
    made.add_argument("--processes", type=positive, default=0, metavar="N", help="of callers (as many as it takes)")
    made.add_argument("--resolution", type=share, default=0.05, metavar="F", help="how exactly (0.05 of the number)")
    made.add_argument("--seed", default="capacity", metavar="WORD", help="who says what and when")
    made.add_argument("--plot", metavar="FILE.png", help="draw the loads (needs `just setup cpu --bench`)")
    add_output(made)
    add_persona(made, environ)
    add_sampling(made)
    return made


async def talk(call: Call) -> str:
    """Load each server in turn; returns the sentence."""
    asked, report = call.arguments, call.report
    plan = _plan(asked)
    servers = [] if asked.openai_only else [await _ours(call)]
    if asked.openai:
        servers.append(await _theirs(call))

    def done(server: Server, level: Level) -> None:
        if len(server.levels) == 1:
            report.lines((f"{server.name} ({server.url})", HEADER))
        report.line(row(level, plan.bounds))
        report.summary[server.name] = _told(server, plan)

    ticker = Ticker(None if report.quiet else sys.stderr)
    loader = Loader(plan=plan, environ=_environ(call.environ), on_level=done, ticker=ticker)
    for server in servers:
        await loader.find(server)
        if server.best is None:
            why = "; ".join(server.levels[-1].broken(plan.bounds))
            report.failed(ClientError(f"{server.sentence()}: {why}"), server.name)
        report.line(server.sentence())
    if asked.plot:
        await draw(picture(servers, plan.bounds, _notes(plan)), Path(asked.plot))
        report.line(f"drawn: {asked.plot}")
    return "; ".join(f"{server.sentence()}{_where(server, servers)}" for server in servers)


def _plan(asked: argparse.Namespace) -> Plan:
    if asked.openai_only and not asked.openai:
        raise UsageProblem("--openai-only needs --openai URL")
    if asked.plot:
        check_drawing(asked.plot)
    return Plan(
        smallest=asked.smallest,
        limit=asked.most,
        window_s=asked.window,
        spread_s=asked.spread,
        settle_s=asked.settle,
        interrupts=asked.interrupts,
        resolution=asked.resolution,
        seed=asked.seed,
        processes=asked.processes,
        bounds=Bounds(ttft_ms=asked.ttft_ms, sentence_ms=asked.sentence_ms, dry=asked.dry),
        lines=load_lines(),
    )


async def _ours(call: Call) -> Server:
    """Our server, after one turn with it: what keeps everybody out is told before a load begins."""
    common = call.common
    async with connected(
        common.endpoint, "capacity", common.limits, note=call.report.warn, lenient=common.lenient
    ) as opened:
        opening = start_payload(_persona(call, opened.model), call.arguments)
        turn = await begin(opened, "start", {**opening, "user_utterance": "Hello?"}, user="Hello?", label="HELLO")
        call.report.turn(turn, session_id=opened.session_id)
        await finish(opened, turn, common.limits.receive_s)
        problem = turn.problem()
        if problem is not None:
            raise problem
        if not turn.meter.tokens:
            raise ClientError("this server has no chat model: there are no replies to listen to")
    endpoint = common.endpoint
    return Server(
        name="ours",
        url=endpoint.url,
        door={
            "kind": "ours",
            "url": endpoint.url,
            "key": endpoint.key,
            "auth": endpoint.auth,
            "limits": asdict(common.limits),
            "lenient": common.lenient,
            "opening": opening,
        },
    )


async def _theirs(call: Call) -> Server:
    """The other server; what it is asked with is what ours is asked with."""
    asked = call.arguments
    base = asked.openai.rstrip("/")
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise UsageProblem("--openai takes an address like http://127.0.0.1:8001/v1")
    if not parts.path:
        base += "/v1"
    given = sampling(asked).get("sampling")
    extra = {
        name: value for name, value in (given if isinstance(given, dict) else {}).items() if "sanitize" not in name
    }
    if asked.openai_max_tokens is not None:
        extra["max_tokens"] = asked.openai_max_tokens
    system = _persona(call, asked.openai_model or "").prompt
    door = Completions(base, asked.openai_model or "", system, call.environ.get("OPENAI_API_KEY", ""), extra)
    model = asked.openai_model or await only_model(door)
    told = {"kind": "completions", "url": base, "model": model, "system": system, "key": door.key, "extra": extra}
    return Server(name="openai", url=base, door=told)


def _persona(call: Call, model: str) -> Persona:
    if model.startswith(DEMO_MODEL):  # whose context is too small for a usual one
        return persona_by_key(load_personas(), DEMO_PERSONA)
    return chosen_persona(call.arguments)


def _told(server: Server, plan: Plan) -> dict[str, object]:
    best = server.best
    return {
        "url": server.url,
        "fits": best.callers if best is not None else 0,
        "sentence": server.sentence(),
        "bounds": asdict(plan.bounds),
        "levels": [one.as_json() for one in sorted(server.levels, key=lambda one: one.callers)],
    }


def _notes(plan: Plan) -> str:
    return (
        f"callers speak, listen at {WORDS_PER_S:g} words a second and cut {plan.interrupts:.0%} of the replies off; "
        f"{plan.window_s:g} s measured a load"
    )


def _where(server: Server, servers: Sequence[Server]) -> str:
    return f" at {server.url}" if len(servers) > 1 and server.best is not None else ""


def _environ(environ: Environ) -> Mapping[str, str]:
    """What a child process gets: keys come with the job."""
    return {name: value for name, value in environ.items() if name not in ("TEXT_API_KEY", "OPENAI_API_KEY")}


def seconds(text: str) -> float:
    """An argument over 0."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be a number over 0")
    return value


def share(text: str) -> float:
    """An argument from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be a number from 0 to 1")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")  # which is in no range


def main(argv: Sequence[str], environ: Environ) -> int:
    """Run and return the exit code."""
    if "--openai-only" in argv:  # our key is not needed then, and nobody may have one
        environ = {"TEXT_API_KEY": "not-used", **environ}
    return run(CAPACITY, argv, environ)


CAPACITY = Client(name="capacity", grammar=grammar, talk=talk)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
