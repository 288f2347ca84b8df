"""How a turn ended: the one judge of what its task reports, its engine said and its text came to.

Who stops a turn (cancel, barge-in, drain, a client that is gone) is no matter of this: the session has answered that by
then, and nothing of the turn is heard any more. Of everything else the first row that holds is the end, in whatever
order the causes became known:

| what is known | end |
| --- | --- |
| the router decided and there is no chat | `done`, `tool` |
| the engine did not take the request | `server_busy` |
| the chat template does not take the text | `invalid_payload` |
| a stop string was found | complete, `stop` |
| the engine says that it finished | complete, the reason that it gives |
| every token that the reply may have was brought | complete, `length` |
| the deadline | `generation_timeout` |
| anything else: the request or its engine failed | `engine_error` |

A complete reply that leaves nothing to say is `empty_model_output`, else `done`. So a reply that cannot grow any more
is complete, whatever its engine does next.
"""

import enum

from attrs import frozen

from actors.session.events import Ending, TurnEnded

TOOL = "tool"
STOP = "stop"
LENGTH = "length"


class End(enum.Enum):
    """The terminal frame of a turn that nobody stopped: `done`, or which `error`."""

    DONE = "completed"
    EMPTY = "empty"
    BUSY = "busy"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


@frozen
class Verdict:
    """`reason`: the finish reason, or what stood in the way (for the log; of BUSY and REFUSED the reason code)."""

    end: End
    reason: str

    def with_text(self, text: str) -> "Verdict":
        """The same once the whole `text` of the reply is known."""
        silent = self.end is End.DONE and self.reason != TOOL and not text
        return Verdict(End.EMPTY, self.reason) if silent else self


def judge(ended: TurnEnded, *, stopped: bool, exhausted: bool) -> Verdict:
    """The verdict on a turn that nobody stopped.

    `stopped`: a stop string was found in what was generated. `exhausted`: all the tokens that were allowed are here.
    """
    match ended.how:
        case Ending.CANCELLED:
            raise AssertionError("a turn was cancelled by nobody")
        case Ending.BUSY:
            return Verdict(End.BUSY, ended.detail)
        case Ending.REFUSED:
            return Verdict(End.REFUSED, ended.detail)
        case Ending.COMPLETED if ended.detail == TOOL:
            return Verdict(End.DONE, TOOL)
    if stopped:
        return Verdict(End.DONE, STOP)
    if ended.how is Ending.COMPLETED:
        return Verdict(End.DONE, ended.detail)
    if exhausted:
        return Verdict(End.DONE, LENGTH)
    return Verdict(End.TIMED_OUT if ended.how is Ending.TIMED_OUT else End.FAILED, ended.detail)


__all__ = ["LENGTH", "STOP", "TOOL", "End", "Verdict", "judge"]
