"""How every program here answers `-h`: usage, what it does, its words, the environment that counts, its exit codes.

A test walks all programs and holds them to that order. Standard library only: programs that install things use it too.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence

HELP = ("-h", "--help")
CODES = "0 done, 1 it failed, 2 usage, 130 interrupted"
NO_VARIABLE = "no variable of its own; those of the libraries it uses"
AS_PARENT = "that of the program that starts it"
_COMMAND = re.compile(r"`(?P<command>python3? -m [^`]+)`:?\s*(?P<rest>.*)", re.DOTALL)


def parser(
    prog: str, description: str | None, *, environment: str | Mapping[str, str] = NO_VARIABLE, codes: str = CODES
) -> argparse.ArgumentParser:
    """A grammar that tells all of it. `environment`: a sentence, or name to meaning; `codes`: what each stands for."""
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=ending(environment, codes),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def ending(environment: str | Mapping[str, str], codes: str = CODES) -> str:
    """The last lines of every such text."""
    if isinstance(environment, str):
        told = f"environment: {environment}"
    else:
        width = max(map(len, environment))
        told = "\n".join(["environment:", *(f"  {name:<{width}}  {what}" for name, what in environment.items())])
    return f"{told}\nexit codes: {codes}"


def answer_help(
    doc: str | None, argv: Sequence[str], *, environment: str = AS_PARENT, codes: str = "0 done, 1 it failed"
) -> None:
    """For a program that another one starts, whose docstring says its command: exits with 0 if it is asked for help."""
    if argv and argv[0] in HELP:
        print(page(doc or "", environment=environment, codes=codes))
        sys.exit(0)


def page(doc: str, *, environment: str = AS_PARENT, codes: str = "0 done, 1 it failed") -> str:
    """The text of a docstring that begins with "`python -m MODULE WORDS`: what it does"."""
    found = _COMMAND.match(doc)
    if found is None:
        raise ValueError("the docstring does not begin with `python -m MODULE WORDS`")
    rest = found["rest"].strip()
    lines = [f"usage: {found['command']}", "", rest[:1].upper() + rest[1:], "", "  -h, --help  this text", ""]
    return "\n".join([*lines, ending(environment, codes)])


__all__ = ["CODES", "answer_help", "ending", "page", "parser"]
