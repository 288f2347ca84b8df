"""`python -m tooling.clients.cancel`: a cancelled reply is followed by silence, and the session goes on."""

import os
import sys

from attrs import evolve

from tooling.clients.cancel.canceller import Timing
from tooling.clients.cancel.crowd import Crowd
from tooling.clients.data.messages import message
from tooling.clients.options import (
    CODES,
    VARIABLES,
    Environ,
    Flags,
    add_persona,
    chosen_persona,
    duration,
    parser,
    positive,
    span,
    start_payload,
)
from tooling.clients.program import Call, Client, add_output, run
from tooling.usage import ending

DESCRIPTION = "Cancel a reply while other clients get theirs: one answer, then silence, and the session goes on."


def grammar(environ: Environ) -> Flags:
    """The flags of cancel."""
    made = parser("cancel-test", DESCRIPTION)
    made.add_argument("--clients", type=positive, default=3, metavar="N", help="one cancels, the others do not (3)")
    for flag, default, what in (
        ("--cancel-delay", 1.0, "from the first token to the cancel"),
        ("--drain-timeout", 2.0, "of silence after it"),
        ("--post-cancel-wait", 2.0, "before the session is used again"),
    ):
        made.add_argument(flag, type=span, default=default, metavar="S", help=f"{what} ({default:g})")
    made.add_argument("--timeout", type=duration, default=30.0, metavar="S", help="longest wait for a frame (30)")
    made.epilog = ending(VARIABLES, f"{CODES}, 4 reply too short to cancel")
    add_persona(made, environ)
    add_output(made)
    return made


async def talk(call: Call) -> str:
    """Run the phases."""
    asked = call.arguments
    persona = chosen_persona(asked)
    call.report.head("CANCEL TEST", call.common.endpoint.url, persona)
    story = dict[str, object](user_utterance=message("long_story"))
    timing = Timing(
        delay_s=asked.cancel_delay,
        drain_s=asked.drain_timeout,
        wait_s=asked.post_cancel_wait,
        frame_s=asked.timeout,
    )
    crowd = Crowd(
        call=evolve(call, common=evolve(call.common, limits=evolve(call.common.limits, receive_s=asked.timeout))),
        clients=asked.clients,
        timing=timing,
        start=start_payload(persona, asked) | story,
        again=story,
        recovery={"user_utterance": message("greeting")},
    )
    return await crowd.run()


CLIENT = Client(name="cancel", grammar=grammar, talk=talk)
__all__ = ["CLIENT"]

if __name__ == "__main__":
    sys.exit(run(CLIENT, sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
