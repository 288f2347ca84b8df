"""The words after `just quantize-trt` and `just build-trt`: a quantisation, a model, flags, in any order. Pure
but for one look: whether a bare word is a directory here.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen

from runtime.settings import SettingsError, split_flags
from tooling.refusal import UsageError
from tooling.run.grammar import QUANTISATIONS
from tooling.trt.deciding import Purpose

USAGE = """\
usage: just quantize-trt [QUANT] CHAT [FLAGS]    make the checkpoint for TensorRT-LLM, and stop
       just build-trt    [QUANT] CHAT [FLAGS]    the same if it is missing, then build the engine

  QUANT   4bit (awq), 8bit, fp8, int8_sq, none; else CHAT_QUANTIZATION, else auto: the weights as they are. 8bit is
          fp8 or int8_sq, by the GPU; QUANTIZATION=fp8|int8_sq says which
  CHAT    a Hugging Face id, org/name or org/name@revision, or a local directory; else CHAT_MODEL. A float model, or
          a TensorRT-LLM checkpoint, from which an engine is built at once

  --plan [--json]          say what would be made and do nothing; needs no GPU
  --force-rebuild          make both anew; what is there stays until the new one is complete
  --trust-remote-code      run code that comes with the model
  --env-file F             read NAME=value lines; the environment wins over them
  --NAME VALUE             any setting, for example --trt-max-batch-size 32 (docs/settings.md)
  -h, --help               this text

environment: TRT_MAX_BATCH_SIZE (needed to build: replies at once, baked into the engine), TRT_MAX_INPUT_LEN,
TRT_MAX_OUTPUT_LEN, TRT_DTYPE, TRT_AWQ_BLOCK_SIZE, TRT_CALIB_*, TRT_CHECKPOINT_DIR, TRT_ENGINE_DIR, TRT_ENGINE_REPO,
TRT_ENGINE_LABEL, TRT_REPO_DIR, QUANTIZATION, GPU_SM_ARCH, FORCE_REBUILD, CHAT_MAX_LEN, CHAT_MAX_OUT,
CHAT_TENSOR_PARALLEL, YAP_HOME, HF_TOKEN. docs/tensorrt.md tells more.
exit codes: 0 made or there already, 1 a step failed, 2 usage, 3 settings or machine refused, 130, 143 interrupted,
terminated"""
PURPOSES = {"quantize": Purpose.QUANTISE, "build": Purpose.BUILD}


@frozen(kw_only=True)
class Command:
    """A parsed command line. `flags`: settings by flag, as `Settings.from_env` takes them."""

    purpose: Purpose = Purpose.BUILD
    quantisation: str | None = None
    model: str | None = None
    flags: Mapping[str, str] = {}
    env_file: Path | None = None
    trust_remote_code: bool = False
    plan: bool = False
    as_json: bool = False
    help: bool = False


def parse(argv: Sequence[str]) -> Command:
    """Read the words; the first is `quantize` or `build`. Raises `UsageError` with everything that is wrong."""
    if not argv or argv[0] in ("-h", "--help"):
        if not argv:
            raise UsageError("say quantize or build; --help tells more")
        return Command(help=True)
    if argv[0] not in PURPOSES:
        raise UsageError(f"{argv[0]!r} is neither quantize nor build; --help tells more")
    try:
        flags, words = split_flags(argv[1:])
    except SettingsError as error:
        raise UsageError("\n".join(str(problem) for problem in error.problems)) from None
    command = Command(purpose=PURPOSES[argv[0]], flags=flags)
    problems: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name == "--env-file":
            value = value if equals else next(rest, "")
            if not value.strip():
                problems.append("--env-file needs a path")
            command = evolve(command, env_file=Path(value).expanduser())
        else:
            command = _take(command, word, problems)
    if command.as_json and not command.plan:
        problems.append("--json is the form of a plan: --plan --json")
    if problems and not command.help:
        raise UsageError("\n".join(dict.fromkeys(problems)))
    return command


def _take(command: Command, word: str, problems: list[str]) -> Command:
    match word:
        case "-h" | "--help":
            return evolve(command, help=True)
        case "--plan":
            return evolve(command, plan=True)
        case "--json":
            return evolve(command, as_json=True)
        case "--trust-remote-code":
            return evolve(command, trust_remote_code=True)
    if word.startswith("-"):
        problems.append(f"unknown flag {word!r}; --help lists them")
    elif word.lower() in QUANTISATIONS:
        if command.quantisation not in (None, word.lower()):
            problems.append(f"two values for the quantisation: {command.quantisation!r} and {word.lower()!r}")
        return evolve(command, quantisation=word.lower())
    elif not ("/" in word or word in (".", "..") or word.startswith("~") or Path(word).is_dir()):
        near = difflib.get_close_matches(word.lower(), QUANTISATIONS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        problems.append(f"{word!r} is neither a quantisation, a model id (org/name) nor a directory{hint}")
    elif command.model is not None:
        problems.append(f"one model is made at a time, got {command.model} and {word}")
    else:
        return evolve(command, model=word)
    return command


__all__ = ["PURPOSES", "USAGE", "Command", "parse"]
