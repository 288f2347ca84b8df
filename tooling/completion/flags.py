"""Which words and flags may follow each recipe: one line a recipe, `@settings` for those that take any setting."""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runtime.settings.sections import FLAGS
from tooling.demo.__main__ import MODELS
from tooling.run.grammar import MODES, QUANTISATIONS
from tooling.setup.command import WORDS
from tooling.setup.resolve import MAKERS
from tooling.setup.stages import TARGETS

ROOT = Path(__file__).resolve().parents[2]
FILE = Path(__file__).with_name("flags.txt")
SETTINGS = "@settings"
HEAD = "# What may follow each recipe; written by `just completion`, never by hand.\n"
_RECIPE = re.compile(r"^(?P<name>[a-z][a-z0-9-]*)(?: \*\w+)?:")
_PROGRAM = re.compile(r"(?:-m|--then) (?P<module>tooling[\w.]*)(?: (?!--then )[\w-]+)* \"\$@\"")
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*(?![\w-]*_)")
# Programs that take every setting as a flag say so with this.
_ANY_SETTING = re.compile(r"any setting|any variable|as just run --help", re.IGNORECASE)
LAUNCH = (*MODES, *QUANTISATIONS)
BY_RECIPE: Mapping[str, Sequence[str]] = {
    "setup": (*TARGETS, *WORDS, "lock"),
    "run": LAUNCH,
    "run-vllm": LAUNCH,
    "run-trt": LAUNCH,
    "restart": LAUNCH,
    "quantize-vllm": QUANTISATIONS,
    "quantize-trt": QUANTISATIONS,
    "build-trt": QUANTISATIONS,
    "clean": ("quant", "engines", "models", "all"),
    "demo": (*MODELS, "all"),
    "lock": tuple(MAKERS),
}


def recipes(justfile: str) -> dict[str, str]:
    """Each recipe that hands its arguments to a program of ours, and that program's module."""
    found, name = {}, ""
    for line in justfile.splitlines():
        if match := _RECIPE.match(line):
            name = match["name"]
        elif name and (program := _PROGRAM.search(line)):
            found[name] = program["module"]
    return found


def line_of(recipe: str, said: str) -> str:
    """What may follow a recipe whose program says this to `-h`."""
    flags = sorted(set(_FLAG.findall(said)))
    settings = [SETTINGS] if _ANY_SETTING.search(said) else []
    return " ".join([f"{recipe}:", *BY_RECIPE.get(recipe, ()), *settings, *flags])


def settings_line() -> str:
    """Every setting that has a flag."""
    return " ".join([f"{SETTINGS}:", *sorted(FLAGS)])


def text(justfile: Path, ask: Callable[[str], str]) -> str:
    """The whole file. `ask`: what a module says to `-h`."""
    programs = recipes(justfile.read_text(encoding="utf-8"))
    said = {module: ask(module) for module in dict.fromkeys(programs.values())}
    lines = [line_of(recipe, said[module]) for recipe, module in programs.items()]
    return HEAD + "\n".join([settings_line(), *lines]) + "\n"


def asked(module: str) -> str:
    """What a program of this environment says to `-h`."""
    command = [sys.executable, "-m", module, "-h"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


__all__ = ["BY_RECIPE", "FILE", "ROOT", "SETTINGS", "asked", "line_of", "recipes", "settings_line", "text"]
