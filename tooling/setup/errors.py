"""What can stop a set-up, with the exit code that goes with it."""


class SetupError(Exception):
    """The set-up cannot go on; the message says what was wrong and what to do."""

    exit_code = 1


class UsageError(SetupError):
    """The command line makes no sense."""

    exit_code = 2


class MachineError(SetupError):
    """This machine lacks something that no installation can give it."""

    exit_code = 3


__all__ = ["MachineError", "SetupError", "UsageError"]
