"""The words after `just run` and `just restart`: engine, mode, quantisation, models and flags, in any order. Pure but
for one look: whether a bare word is a directory here.
"""

import difflib
import os.path
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from runtime.settings import SettingsError, split_flags
from runtime.settings.sections import FLAGS
from tooling.refusal import UsageError

MODES = ("chat", "tool", "both")
QUANTISATIONS = ("auto", "none", "4bit", "awq", "8bit", "fp8", "int8_sq", "gptq", "gptq_marlin")
ENGINES = {"vllm": "vllm", "trt": "trt", "tensorrt": "trt", "trtllm": "trt", "scripted": "scripted"}
"""Engine by the words for it, in `--engine` and `INFERENCE_ENGINE` alike; `scripted` is the stand-in of tests."""
ENGINE_FLAGS = frozenset(flag for flag, variable in FLAGS.items() if variable.name == "INFERENCE_ENGINE")
SWITCHES = {
    "-h": "help",
    "--help": "help",
    "--plan": "plan",
    "--json": "as_json",
    "--toy": "toy",
    "--detach": "detach",
    "--follow": "follow",
    "--trust-remote-code": "trust_remote_code",
    "--push-quant": "push_quant",
    "--push-engine": "push_engine",
}
# What a word needs beside it to mean anything.
COMPANIONS = {
    "--json": ("plan", "--json is the form of a plan: --plan --json"),
    "--follow": (
        "detach",
        "--follow shows the log of a detached launch: --detach --follow; in the foreground it is shown",
    ),
}


@frozen(kw_only=True)
class Command:
    """A parsed command line.

    `cpu`: vLLM is to run without a GPU. `engine`: the one that was named last, and `engine_word` how; `flags`: settings
    by flag, as `Settings.from_env` takes them.
    """

    cpu: bool = False
    engine: str | None = None
    engine_word: str | None = None
    mode: str | None = None
    quantisation: str | None = None
    models: tuple[str, ...] = ()
    flags: Mapping[str, str] = {}
    env_file: Path | None = None
    trust_remote_code: bool = False
    toy: bool = False
    plan: bool = False
    as_json: bool = False
    detach: bool = False
    follow: bool = False
    push_quant: bool = False
    push_engine: bool = False
    help: bool = False

    @property
    def push(self) -> str | None:
        """What is to be uploaded: `quant`, `engine` or nothing."""
        return "quant" if self.push_quant else "engine" if self.push_engine else None


def parse(argv: Sequence[str]) -> Command:
    """Read the words in any order. Raises `UsageError` with everything that is wrong with them."""
    problems: list[str] = []
    try:
        flags, words = split_flags(argv)
    except SettingsError as error:
        raise UsageError("; ".join(str(problem) for problem in error.problems)) from None
    command = _engine(argv, flags)
    command = evolve(
        command, mode=_word(flags, MODES, "--mode"), quantisation=_word(flags, QUANTISATIONS, "--quant", "--chat-quant")
    )
    rest = iter(words)
    for word in rest:
        command = _take(command, word, rest, problems)
    if len(command.models) > 2:
        problems.append(f"at most two models, chat and tool; got {len(command.models)}: {', '.join(command.models)}")
    if command.push_quant and command.push_engine:
        problems.append("--push-quant and --push-engine exclude each other: the first uploads the engine too")
    problems += [told for word, (needed, told) in COMPANIONS.items() if _lacks(command, SWITCHES[word], needed)]
    if problems and not command.help:
        raise UsageError("\n".join(dict.fromkeys(problems)))
    return evolve(command, flags=flags)


def _lacks(command: Command, switch: str, companion: str) -> bool:
    return bool(getattr(command, switch)) and not getattr(command, companion)


def _engine(argv: Sequence[str], flags: dict[str, str]) -> Command:
    """Of all words for an engine the last one counts; one that is no engine stays a flag, and the settings tell it."""
    named = list(_engine_words(argv))
    for flag in ENGINE_FLAGS & flags.keys():
        if flags[flag].strip().lower() in ENGINES:
            del flags[flag]
    word, engine = named[-1] if named else (None, None)
    return Command(cpu="--cpu" in argv, engine=engine, engine_word=word)


def _engine_words(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    words = iter(argv)
    for word in words:
        flag, equals, value = word.partition("=")
        if word in ("--vllm", "--trt"):
            yield word, word.removeprefix("--")
        elif flag in ENGINE_FLAGS:
            value = (value if equals else next(words, "")).strip().lower()
            if value in ENGINES:
                yield f"{flag} {value}", ENGINES[value]


def _take(command: Command, word: str, rest: Iterator[str], problems: list[str]) -> Command:
    name, equals, value = word.partition("=")
    if word in ("--cpu", "--vllm", "--trt"):
        return command
    if word in SWITCHES:
        chosen: dict[str, Any] = {SWITCHES[word]: True}
        return evolve(command, **chosen)
    if name == "--env-file":
        path = value if equals else next(rest, "")
        if not path.strip():
            problems.append("--env-file needs a path")
            return command
        return evolve(command, env_file=Path(path).expanduser())
    if word.startswith("-"):
        problems.append(f"unknown flag {name!r}{_near(name, [*SWITCHES, *FLAGS])}; --help lists them")
        return command
    return _keyword_or_model(command, word, problems)


def _keyword_or_model(command: Command, word: str, problems: list[str]) -> Command:
    lowered = word.lower()
    if lowered in MODES:
        return evolve(command, mode=_once("mode", command.mode, lowered, problems))
    if lowered in QUANTISATIONS:
        return evolve(command, quantisation=_once("quantisation", command.quantisation, lowered, problems))
    if "/" in word or word in (".", "..") or word.startswith("~") or os.path.isdir(word):
        return evolve(command, models=(*command.models, word))
    near = _near(lowered, [*MODES, *QUANTISATIONS])
    problems.append(f"{word!r} is neither a keyword, a model id (org/name) nor a directory{near}")
    return command


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _once(what: str, before: str | None, now: str, problems: list[str]) -> str:
    if before not in (None, now):
        problems.append(f"two values for the {what}: {' and '.join(sorted((str(before), now)))}")
    return now


def _word(flags: dict[str, str], known: Sequence[str], *names: str) -> str | None:
    """A keyword given by its flag; unknown values stay, so that the settings report them with all other problems."""
    found = None
    for flag in names:
        value = flags.get(flag, "").strip().lower()
        if value in known:
            del flags[flag]
            found = value
    return found


__all__ = ["ENGINES", "MODES", "QUANTISATIONS", "Command", "parse"]
