"""The command line of the house rules."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from attrs import asdict

from tooling.house.exceptions import RULE
from tooling.house.finding import Finding
from tooling.house.output import put
from tooling.house.rules import RULES, findings
from tooling.refusal import FAILED, Refusal

BOLD, RED, PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[0m"
USAGE = """\
usage: python -m tooling.house [--json | --list] [DIR]

Looks at every file of this checkout, or of the one in DIR, and tells what breaks a house rule: file, line, rule, what,
and what to do.

  --json      one list of objects: path, line, what, subject, rule, remedy
  --list      the rules and where each holds
  -h, --help  this text

An exception is one line under [tool.house.exceptions] in pyproject.toml, "RULE PATH [SUBJECT]" = "its reason"; the
modules that may import a heavy library when it is needed stand under [tool.house.opened-late]. One that nothing needs
is told like any other finding.

environment: no variable
exit codes: 0 nothing found, 1 something found, 2 usage, 3 pyproject.toml cannot be understood"""


def run(argv: Sequence[str], root: Path, out: TextIO, err: TextIO) -> int:
    """Tell what is found below `root`, unless `argv` names another; returns the exit code."""
    options = _parser().parse_args(argv)
    if options.help:
        return put(f"{USAGE}\n", out, err, 0)
    if options.list:
        return put("".join(f"{line}\n" for line in _listed()), out, err, 0)
    try:
        found = findings(options.root or root)
    except Refusal as refusal:
        print(f"house: {refusal}", file=err)
        return refusal.exit_code
    told = json.dumps([asdict(one) for one in found], indent=1) + "\n" if options.json else _told(found, out)
    return put(told, out, err, FAILED if found else 0)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tooling.house", usage=argparse.SUPPRESS, add_help=False)
    shape = made.add_mutually_exclusive_group()
    for flag in ("--json", "--list"):
        shape.add_argument(flag, action="store_true")
    made.add_argument("-h", "--help", action="store_true")
    made.add_argument("root", nargs="?", type=Path)
    return made


def _listed() -> Iterator[str]:
    width = max(len(rule.name) for rule in RULES)
    for rule in RULES:
        yield f"{rule.name:{width}}  {rule.scope}"
    yield f"{RULE:{width}}  [tool.house] in pyproject.toml: each line known, with a reason, and needed"


def _told(found: Sequence[Finding], out: TextIO) -> str:
    bold, red, plain = (BOLD, RED, PLAIN) if out.isatty() else ("", "", "")
    return "".join(
        f"{bold}{one.path}:{one.line}{plain}: {red}{one.rule}{plain}: {one.what}; {one.remedy}\n" for one in found
    )


__all__ = ["USAGE", "run"]
