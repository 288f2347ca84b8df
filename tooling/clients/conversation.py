"""`python -m tooling.clients.conversation`: a scripted talk of ten turns, which exercises eviction and cache reuse."""

import os
import sys
from functools import partial

from attrs import evolve

from tooling.clients.data.conversation import Conversation, ScriptedTurn, load_conversation
from tooling.clients.data.expected import says_any
from tooling.clients.options import (
    Environ,
    Flags,
    add_persona,
    add_sampling,
    chosen_persona,
    duration,
    parser,
    start_payload,
)
from tooling.clients.output.latencies import latency_data, latency_lines
from tooling.clients.program import Call, Client, add_output, run
from tooling.clients.session.exchange import Exchange

DESCRIPTION = "Talk ten turns with a running server; the last three ask what was said in the first three."


def grammar(environ: Environ) -> Flags:
    """The flags of conversation."""
    made = parser("conversation", DESCRIPTION)
    timeout = "longest wait for a frame (RECV_TIMEOUT_SEC, else 60)"
    made.add_argument("--recv-timeout", type=duration, metavar="S", help=timeout)
    add_output(made)
    add_persona(made, environ)
    add_sampling(made)
    return made


async def talk(call: Call) -> str:
    """Say the script, one turn after the other, below the server's rate limit."""
    if call.arguments.recv_timeout is None:
        call.arguments.recv_timeout = call.common.limits.receive_s
    else:
        limits = evolve(call.common.limits, receive_s=call.arguments.recv_timeout)
        call = evolve(call, common=evolve(call.common, limits=limits))
    persona, script, report = chosen_persona(call.arguments), load_conversation(), call.report
    pacing = call.pacing()
    report.head("CONVERSATION", call.common.endpoint.url, persona)
    try:
        async with call.connected() as connection:
            payload = start_payload(persona, call.arguments)
            for number, turn in enumerate(script.turns):
                await pacing.turn()
                kind, said = ("message" if number else "start"), {"user_utterance": turn.text}
                label = f"turn {number + 1} of {len(script.turns)}"
                sent = said if number else payload | said
                await call.turn(connection, kind, sent, label=label, remarks=partial(_remarks, turn))
    finally:
        _summarise(call, script)
    return f"{len(script.turns)} turns"


def _remarks(turn: ScriptedTurn, done: Exchange) -> list[str]:
    """Beneath an answer: what the engine had cached of its prompt, and whether it knew what was asked back."""
    lines, usage = [], done.usage or {}
    if usage.get("cached_tokens") is not None:
        lines.append(f"cached   {usage['cached_tokens']} of {usage.get('prompt_tokens')} prompt tokens")
    if turn.expect_any and not done.tool_only:
        found = says_any(done.meter.text(), turn.expect_any)
        lines.append(f"recall   {'found' if found else 'missed'} ({' / '.join(turn.expect_any)})")
    return lines


def _summarise(call: Call, script: Conversation) -> None:
    """Also after a failure: what there is of latencies, and how much of what was asked back was known."""
    report = call.report
    turns = [turn for turn, _, _ in report.turns]
    asked = [(turn, done) for turn, done in zip(script.turns, turns, strict=False) if turn.expect_any]
    found = sum(says_any(done.meter.text(), turn.expect_any) for turn, done in asked)
    report.summary |= latency_data(turns) | {
        "ask_back": {"found": found, "asked": len(asked)},
        "cached_tokens": [(turn.usage or {}).get("cached_tokens") for turn in turns],
    }
    report.lines(latency_lines(turns))
    if asked and not any(turn.tool_only for turn in turns):
        report.line(f"asked back  {found}/{len(asked)} answered with what was said before")


CLIENT = Client(name="conversation", grammar=grammar, talk=talk)
__all__ = ["CLIENT"]

if __name__ == "__main__":
    sys.exit(run(CLIENT, sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
