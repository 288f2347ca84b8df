"""The demo models a launch needs, made on first use."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tooling.demo import chat, smollm2, tool
from tooling.refusal import Refusal
from tooling.setup.errors import MachineError

Report = Callable[[str], None]
MAKERS: dict[str, Callable[[Path, Report], Path]] = {"chat": smollm2.ensure, "toy": chat.ensure, "tool": tool.ensure}


def ensure(kinds: Sequence[str], home: Path, report: Report) -> dict[str, Path]:
    """Where each of these demo models is; made now if it is not there yet (seconds; a toy a minute or two).

    Where the real chat model cannot be had, the toy takes its place, as `toy`, and one line says why. Raises `Refusal`
    where the disk cannot take them.
    """
    made: dict[str, Path] = {}
    for kind in kinds:
        try:
            made[kind] = MAKERS[kind](home, report)
        except smollm2.Unavailable as reason:
            report(
                f"{smollm2.NAME} cannot be had: {reason}. Until then a toy takes its place, whose words mean nothing"
            )
            made |= ensure(["toy"], home, report)
        except MachineError as error:
            raise Refusal(f"{error}, or name another directory with YAP_HOME", error.exit_code) from error
        except OSError as error:
            raise Refusal(
                f"the demo model could not be written below {home}: {error.strerror or error}; free some space, or name"
                " another directory with YAP_HOME",
                1,
            ) from error
    return made


__all__ = ["ensure"]
