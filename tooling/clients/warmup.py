"""`python -m tooling.clients.warmup`: one turn, or two alike on one connection, and how soon they were answered."""

import os
import sys

from tooling.clients.data.messages import message
from tooling.clients.options import Environ, Flags, add_persona, add_sampling, chosen_persona, parser, start_payload
from tooling.clients.output.latencies import latency_data
from tooling.clients.program import Call, Client, add_output, run
from tooling.clients.session.exchange import Exchange

DESCRIPTION = "Say one thing to a running server and see how soon it answers."


def grammar(environ: Environ) -> Flags:
    """The flags of warmup."""
    made = parser("warmup", DESCRIPTION)
    made.add_argument("words", nargs="*", help="what to say (default: a fixed greeting)")
    made.add_argument("--double-ttfb", action="store_true", help="say it twice on one connection: cold and warm")
    add_output(made)
    add_persona(made, environ)
    add_sampling(made)
    return made


async def talk(call: Call) -> str:
    """Say it, once or twice."""
    persona, report = chosen_persona(call.arguments), call.report
    said: dict[str, object] = {"user_utterance": " ".join(call.arguments.words) or message("greeting")}
    twice = call.arguments.double_ttfb
    report.head("WARMUP", call.common.endpoint.url, persona)
    try:
        async with call.connected() as connection:
            payload = start_payload(persona, call.arguments) | said
            turns = [await call.turn(connection, "start", payload, label="FIRST" if twice else "WARMUP")]
            if twice:
                turns.append(await call.turn(connection, "message", said, label="SECOND"))
    finally:
        report.summary |= latency_data([turn for turn, _, _ in report.turns])
    if not twice:
        return f"answered after {_answered(turns[0]):.0f} ms"
    cold, warm = (_answered(turn) for turn in turns)
    ratio = round(cold / warm, 2) if warm else None  # a clock too coarse for what it measures
    report.summary["ttfb_ratio"] = ratio
    report.line(f"ttfb FIRST/SECOND  {cold:.0f}ms / {warm:.0f}ms" + ("" if ratio is None else f" = {ratio:.2f}"))
    return f"answered after {cold:.0f} ms, then after {warm:.0f} ms"


def _answered(turn: Exchange) -> float:
    """Milliseconds to the first of the reply: text, or on a tool-only server the decision."""
    measured = turn.meter.measured()
    first = measured.tool_ms if turn.tool_only else measured.ttfb_ms
    assert first is not None, "a turn that passed has a reply"
    return first


CLIENT = Client(name="warmup", grammar=grammar, talk=talk)
__all__ = ["CLIENT"]

if __name__ == "__main__":
    sys.exit(run(CLIENT, sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
