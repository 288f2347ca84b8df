"""Writing to whoever reads the output, who may leave early, or have no room for it."""

import os
from typing import TextIO

from tooling.refusal import FAILED


def put(text: str, out: TextIO, err: TextIO, code: int) -> int:
    """Write all of it; the code to end with: `code`, but a failure where it could not be written.

    A reader that has left (`| head`) has seen enough: that is no failure, and nothing is said.
    """
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        _let_go(out)
    except OSError as error:
        _let_go(out)
        print(f"what was found could not be written: {error.strerror or error}", file=err)
        return FAILED
    return code


def _let_go(out: TextIO) -> None:
    """What is still in the buffer goes nowhere: the interpreter would try again at its end, and tell of it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, out.fileno())
    finally:
        os.close(nowhere)


__all__ = ["put"]
