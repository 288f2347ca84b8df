"""`python -m tooling.clients.history`: a long talk goes into the first turn, then eight questions about it."""

import os
import sys
from collections.abc import Sequence
from functools import partial

from tooling.clients.data.warm_history import Recall, WarmHistory, load_warm_history
from tooling.clients.failures import ClientError, UsageProblem
from tooling.clients.history.crowd import Crowd
from tooling.clients.history.recall import Mark, kept_history, marked, marks
from tooling.clients.options import (
    Environ,
    Flags,
    add_persona,
    add_sampling,
    chosen_persona,
    duration,
    natural,
    parser,
    positive,
    start_payload,
)
from tooling.clients.output.latencies import latency_data, latency_lines
from tooling.clients.program import Call, Client, add_output, run
from tooling.clients.session.exchange import Exchange
from tooling.yap_client.wire import Incoming

DESCRIPTION = "Hand a long talk to a running server and ask what was said in it."


class ForgotTooMuch(ClientError):
    """Fewer questions were answered rightly than `--min-recall` asks for."""

    kind = "recall"


def grammar(environ: Environ) -> Flags:
    """The flags of history."""
    made = parser("history", DESCRIPTION)
    made.add_argument("--bench", action="store_true", help="many connections at once, each with all questions")
    made.add_argument("-n", "--requests", type=positive, default=8, help="with --bench: connections in all (8)")
    made.add_argument("-c", "--concurrency", type=positive, default=4, help="with --bench: at a time (4)")
    made.add_argument("--timeout", type=duration, default=180.0, metavar="S", help="for a whole turn (180)")
    least = "fail if fewer of the questions that were not trimmed are found (0)"
    made.add_argument("--min-recall", type=natural, default=0, metavar="N", help=least)
    add_output(made)
    add_persona(made, environ)
    add_sampling(made)
    return made


async def talk(call: Call) -> str:
    """Plain, or as a load."""
    persona, warm, arguments = chosen_persona(call.arguments), load_warm_history(), call.arguments
    if arguments.min_recall > len(warm.questions):
        raise UsageProblem(f"--min-recall {arguments.min_recall}: there are {len(warm.questions)} questions")
    call.report.head("HISTORY BENCHMARK" if arguments.bench else "HISTORY RECALL", call.common.endpoint.url, persona)
    payload = start_payload(persona, arguments, warm.messages)
    if not arguments.bench:
        return await _recall(call, warm, payload)
    crowd = Crowd(call, warm, payload)
    await crowd.ask()
    for number in range(arguments.requests):
        turns = crowd.turns_of(number)
        if len(turns) == len(warm.questions):
            _judge(call, warm, turns, f"connection {number + 1}")
    return f"{arguments.requests} connections, {len(call.report.turns)} turns"


async def _recall(call: Call, warm: WarmHistory, payload: dict[str, object]) -> str:
    """One connection; what there is of a summary is told also after a failure."""
    try:
        async with call.connected() as connection:
            for place, question in enumerate(warm.questions):
                said = {"user_utterance": question.text}
                await call.turn(
                    connection,
                    "message" if place else "start",
                    said if place else payload | said,
                    label=f"question {place + 1} of {len(warm.questions)}",
                    limit_s=call.arguments.timeout,
                    on_frame=partial(_header, call),
                    remarks=partial(_remarks, call, question),
                )
    finally:
        told = _summarise(call, warm)
    _judge(call, warm, [turn for turn, _, _ in call.report.turns], "recall")
    return told


def _header(call: Call, frame: Incoming) -> None:
    """What the server kept of the talk, as soon as it says so."""
    if frame.type == "ack" and call.report.turns[-1][0].kind == "start":
        kept = kept_history(frame.payload)
        call.report.lines(kept.lines() if kept else ["history: the server does not say what it kept"])


def _remarks(call: Call, question: Recall, turn: Exchange) -> list[str]:
    """Under an answer: whether it was right."""
    if turn.tool_only or turn.outcome != "done":
        return []
    first = call.report.turns[0][0]
    return [f"recall   {marked(question, turn, kept_history(first.ack)).value} ({' / '.join(question.expect_any)})"]


def _summarise(call: Call, warm: WarmHistory) -> str:
    """Latencies and marks of one connection; returns the line that tells the marks."""
    turns = [turn for turn, _, _ in call.report.turns]
    found = marks(warm.questions, turns)
    call.report.summary |= latency_data(turns) | {"recall": {mark.value: found.count(mark) for mark in Mark}}
    call.report.lines(latency_lines(turns))
    if not found:
        return f"{len(turns)} turns"
    told = f"recall {found.count(Mark.FOUND)}/{len(warm.questions)}"
    rest = ", ".join(f"{found.count(mark)} {mark.value}" for mark in (Mark.MISSED, Mark.TRIMMED) if mark in found)
    call.report.line(told + (f" ({rest})" if rest else ""))
    return told


def _judge(call: Call, warm: WarmHistory, turns: Sequence[Exchange], where: str) -> None:
    """Against `--min-recall`; a server without a chat model was asked in vain and is not judged."""
    found, least = marks(warm.questions, turns).count(Mark.FOUND), call.arguments.min_recall
    if found < least and not any(turn.tool_only for turn in turns):
        call.report.failed(ForgotTooMuch(f"{found} questions found, --min-recall asks for {least}"), where, tell=False)


CLIENT = Client(name="history", grammar=grammar, talk=talk)
__all__ = ["CLIENT"]

if __name__ == "__main__":
    sys.exit(run(CLIENT, sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
