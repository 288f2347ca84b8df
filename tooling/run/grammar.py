"""The words after `just run`: where to run, a mode, a quantisation, models, and flags. Pure."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen

from runtime.settings import SettingsError, split_flags

MODES = ("chat", "tool", "both")
QUANTISATIONS = ("auto", "none", "4bit", "awq", "8bit", "fp8", "int8_sq", "gptq", "gptq_marlin")
TARGETS = {"--cpu": "cpu", "--vllm": "vllm", "--trt": "trt"}
USAGE = """\
usage: just run      [MODE] [QUANT] [CHAT [TOOL]] [FLAGS]     vLLM on the CPU; small models where none is named
       just run-vllm [MODE] [QUANT] CHAT [TOOL] [FLAGS]       vLLM on an NVIDIA GPU
       just run-trt  [chat|both] [QUANT] CHAT [TOOL] [FLAGS]  TensorRT-LLM on an NVIDIA GPU
       just run-tool [TOOL] [FLAGS]                           the tool model alone, no chat engine

  MODE    chat, tool or both; else DEPLOY_MODE, else by the models: two are both, otherwise chat
  QUANT   auto, none, 4bit, awq, 8bit, fp8, gptq, gptq_marlin; else CHAT_QUANTIZATION, else auto; int8_sq is
          TensorRT-LLM's
  CHAT    a Hugging Face id, org/name or org/name@revision, or a local directory; else CHAT_MODEL
  TOOL    the same for the tool model; else TOOL_MODEL
          a directory named like a keyword is written ./chat
          run-trt serves the compiled engine in TRT_ENGINE_DIR if that is set, and CHAT is the model it was built from

  --host H, --port N       where to listen (0.0.0.0, 8000)
  --toy                    just run: as chat model a toy made on this machine, which needs no network
  --trust-remote-code      run code that comes with the models
  --env-file F             read NAME=value lines; the environment wins over them
  --plan [--json]          say what would be done and do nothing
  --NAME VALUE             any setting, for example --chat-max-out 200 (see docs/settings.md)
  -h, --help               this text

The environment counts where the command line is silent. A key is made up if TEXT_API_KEY is unset.
exit codes: 0 stopped after draining, 1 a step failed, 2 usage, 3 settings or machine refused, 4 port in use,
130, 143 interrupted, terminated while preparing"""


class UsageError(Exception):
    """The command line makes no sense; the message says what to write."""


@frozen(kw_only=True)
class Command:
    """A parsed command line. `flags`: settings by flag, as `Settings.from_env` takes them."""

    target: str = "cpu"
    mode: str | None = None
    quantisation: str | None = None
    models: tuple[str, ...] = ()
    flags: Mapping[str, str] = {}
    env_file: Path | None = None
    trust_remote_code: bool = False
    toy: bool = False
    plan: bool = False
    as_json: bool = False
    help: bool = False


def parse(argv: Sequence[str]) -> Command:
    """Read the words in any order. Raises `UsageError`."""
    try:
        flags, words = split_flags(argv)
    except SettingsError as error:
        raise UsageError("; ".join(str(problem) for problem in error.problems)) from None
    command = Command(mode=_word(flags, MODES, "--mode"), quantisation=_word(flags, QUANTISATIONS, "--quant"))
    rest = iter(words)
    for word in rest:
        command = _take(command, word, rest)
    if len(command.models) > 2:
        raise UsageError(f"at most two models, chat and tool; got {len(command.models)}: {', '.join(command.models)}")
    return evolve(command, flags=flags)


def _take(command: Command, word: str, rest: Iterator[str]) -> Command:
    name, equals, value = word.partition("=")
    if word in TARGETS:
        return evolve(command, target=TARGETS[word])
    if word in ("-h", "--help"):
        return evolve(command, help=True)
    if word == "--plan":
        return evolve(command, plan=True)
    if word == "--json":
        return evolve(command, as_json=True)
    if word == "--toy":
        return evolve(command, toy=True)
    if word == "--trust-remote-code":
        return evolve(command, trust_remote_code=True)
    if name == "--env-file":
        path = value if equals else next(rest, "")
        if not path:
            raise UsageError("--env-file needs a path")
        return evolve(command, env_file=Path(path).expanduser())
    if word.startswith("-"):
        raise UsageError(f"unknown flag {name!r}; just run --help lists them")
    return _keyword_or_model(command, word)


def _keyword_or_model(command: Command, word: str) -> Command:
    lowered = word.lower()
    if lowered in MODES:
        return evolve(command, mode=_once("mode", command.mode, lowered))
    if lowered in QUANTISATIONS:
        return evolve(command, quantisation=_once("quantisation", command.quantisation, lowered))
    if "/" in word or word in (".", "..") or word.startswith("~") or Path(word).is_dir():
        return evolve(command, models=(*command.models, word))
    near = difflib.get_close_matches(lowered, [*MODES, *QUANTISATIONS], n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise UsageError(f"{word!r} is neither a keyword, a model id (org/name) nor a directory{hint}")


def _once(what: str, before: str | None, now: str) -> str:
    if before not in (None, now):
        raise UsageError(f"two values for the {what}: {before!r} and {now!r}")
    return now


def _word(flags: dict[str, str], known: Sequence[str], flag: str) -> str | None:
    """A keyword given by its flag; unknown values stay, so that the settings report them with all other problems."""
    value = flags.get(flag, "").strip().lower()
    if value not in known:
        return None
    del flags[flag]
    return value


__all__ = ["USAGE", "Command", "UsageError", "parse"]
