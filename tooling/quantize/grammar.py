"""The words after `just quantize-vllm`. Pure."""

import difflib
import os.path
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen

from runtime.settings import SettingsError, split_flags
from tooling.refusal import UsageError

QUANTISATIONS = ("4bit", "awq", "8bit", "fp8")
# Words of launches that name nothing that is made here.
ELSEWHERE = {
    "int8_sq": "int8_sq is TensorRT-LLM's: just quantize-trt",
    "gptq": "gptq names checkpoints that are GPTQ already; none is made here",
    "gptq_marlin": "gptq_marlin names checkpoints that are GPTQ already; none is made here",
    "none": "none asks for no quantisation: just run-vllm serves the model as it is",
    "auto": "auto takes a model as it is: say 4bit or 8bit",
}
USAGE = """\
usage: just quantize-vllm [QUANT] CHAT [FLAGS]     make a quantised export for vLLM, say where it is, and stop

  QUANT   4bit (also awq; the default): 4-bit weights by AWQ, which needs a GPU and calibration texts
          8bit (also fp8): FP8 weights, which need neither; `just run-vllm 8bit` makes them anew at every start
  CHAT    a Hugging Face id, org/name or org/name@revision, or a local directory; else CHAT_MODEL

  --no-calibration         4bit: round the weights as they are, without a GPU and without texts; a worse model
  --force-rebuild          make it although it is there
  --trust-remote-code      run code that comes with the model
  --env-file F             read NAME=value lines; the environment wins over them
  --plan                   say what would be made and make nothing
  --json                   the plan, or what was made, as one JSON object on stdout
  --NAME VALUE             any setting, for example --awq-nsamples 128 (see docs/settings.md)
  -h, --help               this text

environment: AWQ_SCHEME, AWQ_CALIB_DATASET, AWQ_NSAMPLES, AWQ_SEQLEN, AWQ_CACHE_DIR, FORCE_REBUILD, YAP_HOME, HF_TOKEN
exit codes: 0 there it is, 1 a step failed, 2 usage, 3 settings, model or machine refused, 130, 143 interrupted"""


@frozen(kw_only=True)
class Command:
    """A parsed command line. `flags`: settings by flag, as `Settings.from_env` takes them."""

    quantisation: str | None = None
    model: str | None = None
    flags: Mapping[str, str] = {}
    env_file: Path | None = None
    calibrate: bool = True
    trust_remote_code: bool = False
    plan: bool = False
    as_json: bool = False
    help: bool = False


def parse(argv: Sequence[str]) -> Command:
    """Read the words in any order. Raises `UsageError`."""
    try:
        flags, words = split_flags(argv)
    except SettingsError as error:
        raise UsageError("; ".join(str(problem) for problem in error.problems)) from None
    command = Command(flags=flags)
    rest = iter(words)
    for word in rest:
        command = _take(command, word, rest)
    return command


def _take(command: Command, word: str, rest: Iterator[str]) -> Command:
    name, equals, value = word.partition("=")
    if word in ("-h", "--help"):
        return evolve(command, help=True)
    if word == "--plan":
        return evolve(command, plan=True)
    if word == "--json":
        return evolve(command, as_json=True)
    if word == "--trust-remote-code":
        return evolve(command, trust_remote_code=True)
    if word == "--no-calibration":
        return evolve(command, calibrate=False)
    if name == "--env-file":
        path = value if equals else next(rest, "")
        if not path:
            raise UsageError("--env-file needs a path")
        return evolve(command, env_file=Path(path).expanduser())
    if word.startswith("-"):
        raise UsageError(f"unknown flag {name!r}; just quantize-vllm --help lists them")
    return _keyword_or_model(command, word)


def _keyword_or_model(command: Command, word: str) -> Command:
    lowered = word.lower()
    if lowered in ELSEWHERE:
        raise UsageError(ELSEWHERE[lowered])
    if lowered in QUANTISATIONS:
        if command.quantisation not in (None, lowered):
            raise UsageError(f"two values for the quantisation: {command.quantisation!r} and {lowered!r}")
        return evolve(command, quantisation=lowered)
    if "/" not in word and word not in (".", "..") and not word.startswith("~") and not os.path.isdir(word):
        near = difflib.get_close_matches(lowered, QUANTISATIONS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UsageError(f"{word!r} is neither a quantisation, a model id (org/name) nor a directory{hint}")
    if command.model is not None:
        raise UsageError(f"one model at a time, got {command.model} and {word}: only chat models are quantised")
    return evolve(command, model=word)


__all__ = ["ELSEWHERE", "QUANTISATIONS", "USAGE", "Command", "parse"]
