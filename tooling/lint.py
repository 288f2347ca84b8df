"""`python -m tooling.lint`: every tool that reads the code, one verdict; `-h` says more."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

from attrs import frozen

from tooling.house import tree
from tooling.house.output import put
from tooling.refusal import FAILED, Refusal

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
SHFMT = ("-i", "4", "-ci")  # as the code: four spaces; the branches of a `case` are indented
NOT_FOUND = 127
USAGE = """\
usage: python -m tooling.lint [--fix]        check everything; with --fix, first mend what the tools can
       python -m tooling.lint fmt [--check]  sort imports and format; with --check, only tell

  lint        ruff (rules, import order, formatting), import-linter (layers), the house rules (python -m tooling.house),
              ShellCheck and shfmt where there is a shell script; types are `just types`
  -h, --help  this text

All tools run, whatever the others find; one that finds nothing says nothing.

environment: those of the tools themselves
exit codes: 0 nothing found, 1 something found or a tool is missing, 2 usage, 130 interrupted"""


@frozen
class Tool:
    """A program of the environment and its arguments; `name` is what a failure is told under."""

    name: str
    command: tuple[str, ...]


@frozen
class Result:
    """What a tool said, and the code it ended with."""

    tool: Tool
    code: int
    said: str


def lint_tools(shells: Sequence[str]) -> list[Tool]:
    """Everything that `lint` asks."""
    return [
        _ruff("check", "--quiet", "."),
        *_formatters(shells, check=True),
        Tool("import-linter", (str(BIN / "lint-imports"),)),
        Tool("house", (str(BIN / "python"), "-m", "tooling.house", ".")),
        *([Tool("shellcheck", (str(BIN / "shellcheck"), *shells))] if shells else []),
    ]


def fix_tools(shells: Sequence[str]) -> list[Tool]:
    """What mends, in this order; what it cannot mend, `lint_tools` tells."""
    return [_ruff("check", "--quiet", "--fix", "--exit-zero", "."), *_formatters(shells, check=False)]


def fmt_tools(shells: Sequence[str], *, check: bool) -> list[Tool]:
    """Import order and formatting: told, or done."""
    imports = _ruff("check", "--quiet", "--select", "I", *(() if check else ("--fix",)), ".")
    return [imports, *_formatters(shells, check=check)]


def _formatters(shells: Sequence[str], *, check: bool) -> list[Tool]:
    code = _ruff("format", "--quiet", *(("--check", "--diff") if check else ()), ".")
    scripts = Tool("shfmt", (str(BIN / "shfmt"), "-d" if check else "-w", *SHFMT, *shells))
    return [code, scripts] if shells else [code]


def _ruff(*arguments: str) -> Tool:
    return Tool(f"ruff {arguments[0]}", (str(BIN / "python"), "-m", "ruff", *arguments))


def ask(tool: Tool, root: Path) -> Result:
    """Run one; what cannot be run is a failure with its mend."""
    try:
        done = subprocess.run(
            tool.command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError as error:
        said = f"{tool.command[0]}: {error.strerror}; install it with python3 -m tooling.setup cpu --dev\n"
        return Result(tool, NOT_FOUND, said)
    return Result(tool, done.returncode, done.stdout)


def tell(results: Sequence[Result], out: TextIO, err: TextIO) -> int:
    """What those said that found something; returns the exit code."""
    failed = [one for one in results if one.code]
    for one in failed:
        put(one.said if one.said.endswith("\n") else f"{one.said}\n", out, err, FAILED)
        print(f"lint: {one.tool.name} failed ({one.code})", file=err)
    return FAILED if failed else 0


def run(argv: Sequence[str], root: Path, out: TextIO, err: TextIO) -> int:
    """Do what the arguments say below `root`; returns the exit code."""
    made = argparse.ArgumentParser(prog="python -m tooling.lint", usage=argparse.SUPPRESS, add_help=False)
    made.add_argument("-h", "--help", action="store_true")
    made.add_argument("what", nargs="?", choices=["lint", "fmt"], default="lint")
    made.add_argument("--fix", action="store_true")
    made.add_argument("--check", action="store_true")
    options = made.parse_args(argv)
    if options.help:
        return put(f"{USAGE}\n", out, err, 0)
    if (options.fix and options.what == "fmt") or (options.check and options.what == "lint"):
        made.error("lint takes --fix, fmt takes --check; -h says more")
    try:
        shells = tree.read(root).shells
    except Refusal as refusal:
        print(f"lint: {refusal}", file=err)
        return refusal.exit_code
    if options.what == "fmt":
        return tell([ask(tool, root) for tool in fmt_tools(shells, check=options.check)], out, err)
    fixed = [ask(tool, root) for tool in fix_tools(shells)] if options.fix else []
    with ThreadPoolExecutor() as together:
        found = list(together.map(lambda tool: ask(tool, root), lint_tools(shells)))
    return tell([*fixed, *found], out, err)


__all__ = ["ROOT", "USAGE", "Result", "Tool", "ask", "fix_tools", "fmt_tools", "lint_tools", "run", "tell"]

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], ROOT, sys.stdout, sys.stderr))
