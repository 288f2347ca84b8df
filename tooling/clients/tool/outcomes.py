"""What can come of a step and of a case, and under which kind a failure is counted.

A decision that differs from its label is an outcome like another: whether it fails the run is decided at the end, by
the accuracy that was asked for.
"""

from attrs import define, field

from tooling.clients.data.tool_cases import Case, Step
from tooling.clients.failures import (
    BadToolcall,
    ClientError,
    ConnectionLost,
    EmptyReply,
    Exit,
    NoConnection,
)
from tooling.clients.output.blocks import one_line
from tooling.clients.session.exchange import Exchange

DECISIONS = {"yes": True, "no": False}


class WrongResponse(ClientError):
    """The decision came and is not the labelled one. `exit` is what the run makes of it."""

    kind = "wrong_response"
    exit = Exit.PASSED


class WrongFormat(ClientError):
    """A toolcall came that says neither yes nor no, or both."""

    kind = "wrong_format"


class NoToolResponse(ClientError):
    """The turn went on, or ended, without a toolcall."""

    kind = "no_tool_response"


class Dropped(ClientError):
    """The connection ended before the decision came."""

    kind = "connection_failed"


class Incomplete(ClientError):
    """The decision came, and then not all of the turn."""

    kind = "incomplete"


@define
class StepResult:
    """One step that was sent. `turn`: None if there was no connection to send it on."""

    step: Step
    number: int
    turn: Exchange | None = None
    failure: ClientError | None = None

    @property
    def said_yes(self) -> bool | None:
        """The decision; None without one that can be read."""
        status = (self.turn.toolcall or {}).get("status") if self.turn is not None else None
        return DECISIONS.get(status) if isinstance(status, str) else None

    def told(self) -> str:
        """The failing step on one line."""
        kind = self.failure.kind if self.failure is not None else "passed"
        return f'{self.number} {kind}, labelled {self.step.label}: "{one_line(self.step.text)}"'


@define
class CaseResult:
    """What came of one case so far."""

    case: Case
    steps: list[StepResult] = field(factory=list)

    @property
    def failed(self) -> list[StepResult]:
        """The steps that failed."""
        return [step for step in self.steps if step.failure is not None]

    @property
    def unsent(self) -> int:
        """Steps that were never sent: after a timeout or a lost connection, or when the run was stopped."""
        return len(self.case.steps) - len(self.steps)

    @property
    def passed(self) -> bool:
        """All steps were sent and passed."""
        return not self.unsent and not self.failed


def judged(result: StepResult) -> ClientError | None:
    """Why a turn that came to its end does not count as passed."""
    turn = result.turn
    assert turn is not None
    problem = turn.problem()
    if problem is not None and not isinstance(problem, EmptyReply):
        return problem
    if turn.toolcall is None:
        return NoToolResponse("the turn ended without a toolcall")
    if result.said_yes is None:
        return WrongFormat(f"the toolcall says {turn.toolcall.get('status')!r}, neither yes nor no")
    if problem is not None:
        return Incomplete(f"after the toolcall: {problem}")
    if result.said_yes is not result.step.yes:
        said = "yes" if result.said_yes else "no"
        return WrongResponse(f'said {said}, labelled {result.step.label}: "{one_line(result.step.text)}"')
    return None


def broken(error: ClientError, result: StepResult) -> ClientError:
    """A failure that ended a step early, under the kind it has here.

    A wait that ran out is a timeout whenever it does; a breach of the protocol stays one, unless the decision is what
    it spoils.
    """
    decided = result.turn is not None and result.turn.toolcall is not None
    if isinstance(error, BadToolcall):
        return WrongFormat(str(error))
    if isinstance(error, ConnectionLost):
        return Incomplete(f"after the toolcall: {error}") if decided else Dropped(str(error))
    return error


def ends_case(result: StepResult) -> bool:
    """Whether nothing more can be asked on that connection: there is none, it is lost, or an answer may still come."""
    if result.turn is None or isinstance(result.failure, NoConnection):
        return True
    return result.turn.outcome not in ("done", "cancelled", "error")


__all__ = [
    "CaseResult",
    "Dropped",
    "Incomplete",
    "NoToolResponse",
    "StepResult",
    "WrongFormat",
    "WrongResponse",
    "broken",
    "ends_case",
    "judged",
]
