"""How a command says that it will not, or could not, do something: one sentence that names the mend, and a code."""

from collections.abc import Callable, Sequence
from typing import TypeVar

USAGE, REFUSED, CONFLICT, NOTHING_THERE = 2, 3, 4, 5
FAILED, NOT_READY, PUSH_FAILED = 1, 6, 7
# Of several refusals the code that says most about what has to change first.
_BY_WEIGHT = (USAGE, REFUSED, CONFLICT, NOTHING_THERE)
AnyT = TypeVar("AnyT")


class Refusal(Exception):
    """It cannot be done; the message says what was wrong, the value seen and what to do.

    `exit_code`: 1 a step failed, 2 usage, 3 settings or machine refused, 4 conflict, 5 nothing there, 6 not ready in
    time, 7 serving but a push failed.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class UsageError(Refusal):
    """The command line makes no sense; the message says what to write, a line for each thing."""

    def __init__(self, message: str) -> None:
        super().__init__(message, USAGE)


def tried(trouble: list[Refusal], look: Callable[[], AnyT]) -> AnyT | None:
    """What `look` returns; None where it refuses, which joins the trouble."""
    try:
        return look()
    except Refusal as refusal:
        trouble.append(refusal)
        return None


def joined(refusals: Sequence[Refusal]) -> Refusal:
    """Every complaint at once, in one refusal. `refusals`: at least one."""
    texts = dict.fromkeys(str(refusal) for refusal in refusals)
    codes = {refusal.exit_code for refusal in refusals}
    code = next((code for code in _BY_WEIGHT if code in codes), refusals[0].exit_code)
    return Refusal("\n".join(texts), code)


def require_none(refusals: Sequence[Refusal]) -> None:
    """Raises `Refusal` with all of them, if there are any."""
    if refusals:
        raise joined(refusals)


__all__ = [
    "CONFLICT",
    "FAILED",
    "NOTHING_THERE",
    "NOT_READY",
    "PUSH_FAILED",
    "REFUSED",
    "USAGE",
    "Refusal",
    "UsageError",
    "joined",
    "require_none",
    "tried",
]
