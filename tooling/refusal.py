"""How a command says that it will not, or could not, do something: one sentence that names the mend, and a code."""

USAGE, REFUSED, CONFLICT, NOTHING_THERE = 2, 3, 4, 5
FAILED, NOT_READY, PUSH_FAILED = 1, 6, 7


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
]
