"""The three standard streams of a program, which may have been started without them (`>&-`)."""

import os
import sys

NAMES = ("stdin", "stdout", "stderr")


def provide() -> None:
    """Open on the null device what is missing.

    Otherwise the next file that is opened takes its number, and a child's output goes into that file. For a program's
    first lines, and so in syntax that old interpreters read: one of them has yet to say that it is too old.
    """
    for number, name in enumerate(NAMES):
        if getattr(sys, name) is not None:
            continue
        null = os.open(os.devnull, os.O_RDWR)  # takes the lowest number, which is the missing one
        os.set_inheritable(null, null == number)
        setattr(sys, name, os.fdopen(null, "w" if number else "r", encoding="utf-8"))


__all__ = ["NAMES", "provide"]
