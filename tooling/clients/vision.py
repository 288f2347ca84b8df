"""`python -m tooling.clients.vision`: a request to look at the screen, the decision, and what was seen handed in."""

import os
import sys

from tooling.clients.data.vision import load_vision
from tooling.clients.failures import ClientError
from tooling.clients.options import Environ, Flags, add_persona, add_sampling, chosen_persona, parser, start_payload
from tooling.clients.output.latencies import latency_data
from tooling.clients.program import Call, Client, add_output, run
from tooling.clients.session.exchange import Exchange

DESCRIPTION = "Ask a running server to look at the screen, check its decision, hand in what was seen."


class NoRouter(ClientError):
    """A turn came without a decision, or with nothing else."""

    kind = "no_tool_response"


class WrongDecision(ClientError):
    """The router decided otherwise than it should have."""

    kind = "wrong_response"


def grammar(environ: Environ) -> Flags:
    """The flags of vision."""
    made = parser("vision", DESCRIPTION)
    expect = "what the decision must be (yes); any: only its place among the frames is checked"
    made.add_argument("--expect", choices=("yes", "no", "any"), default="yes", help=expect)
    add_output(made)
    add_persona(made, environ)
    add_sampling(made)
    return made


async def talk(call: Call) -> str:
    """The request, then the followup. That the decision comes first, and once, every connection checks."""
    persona, texts, report = chosen_persona(call.arguments), load_vision(), call.report
    report.head("VISION", call.common.endpoint.url, persona)
    try:
        async with call.connected() as connection:
            payload = start_payload(persona, call.arguments) | {"user_utterance": texts.requests[0]}
            _check_decision(call, await call.turn(connection, "start", payload, label="REQUEST"))
            await call.turn(connection, "followup", {"analysis_text": texts.analyses[0]}, label="FOLLOWUP")
    finally:
        report.summary |= latency_data([turn for turn, _, _ in report.turns])
    return "Vision flow completed successfully"


def _check_decision(call: Call, turn: Exchange) -> None:
    """Raises `NoRouter` and `WrongDecision`."""
    if turn.toolcall is None:
        raise NoRouter("server has no router (deploy mode both needed)")
    status, expected = turn.toolcall.get("status"), call.arguments.expect
    call.report.line(f"TOOLCALL status={str(status).upper()}")
    if expected not in ("any", status):
        raise WrongDecision(f"the decision was {status}, not {expected}")
    if turn.tool_only:
        raise NoRouter("server has no chat model (deploy mode both needed)")


CLIENT = Client(name="vision", grammar=grammar, talk=talk)
__all__ = ["CLIENT"]

if __name__ == "__main__":
    sys.exit(run(CLIENT, sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
