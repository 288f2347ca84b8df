"""`just push`: what was quantised or built here goes to the Hub, out of the cache."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen

from runtime.settings import SettingsError, beneath, read_env_file, split_flags
from runtime.settings.reading import read
from runtime.settings.sections import Sections
from tooling.cache import require_home
from tooling.ending import told
from tooling.models import require_answer
from tooling.preparing import carry_out
from tooling.push import asking, report
from tooling.push.asking import Listed
from tooling.push.choosing import Asked, Chosen, choose
from tooling.push.order import What
from tooling.refusal import REFUSED, Refusal, UsageError

WORDS = ("4bit", "awq", "8bit", "fp8", "int8_sq")
KINDS = {"--quant", "--engine"}
VISIBILITIES = {"--public", "--private"}
SWITCHES = {*KINDS, *VISIBILITIES, "--vllm", "--trt", "--dry-run", "--json"}
# The settings that count here; a mistake in any other is none of this command's.
MINE = ("YAP_HOME", "AWQ_CACHE_DIR", "HF_TOKEN", "HF_HOME")
OURS = ("HF_PUSH_REPO_ID", "HF_PUSH_PRIVATE", "HF_LICENSE_FETCH_TIMEOUT")
USAGE_TEXT = """\
usage: just push (--quant | --engine) [QUANT] [CHAT] [FLAGS]

  --quant    an export for vLLM, or a TensorRT-LLM checkpoint with the engines built from it; to HF_PUSH_REPO_ID,
             which is made if it is missing
  --engine   one TensorRT engine; to the repository that its checkpoint came from, or HF_PUSH_REPO_ID, which has to be
             there
  QUANT      4bit, awq, 8bit, fp8, int8_sq: where the cache has several of a model
  CHAT       the model it was made of, org/name[@revision] or a directory, or the directory of what was made; else
             CHAT_MODEL; else the only thing there is

  --dry-run [--json]       say what would be uploaded, and what would be refused; no network, no token
  --repo OWNER/NAME        HF_PUSH_REPO_ID
  --public, --private      HF_PUSH_PRIVATE (private unless it says 0); only a new repository is made so
  --vllm, --trt            what was made for that engine
  --env-file F             read NAME=value lines; the environment wins over them
  -h, --help               this text

environment: HF_TOKEN (write access), HF_PUSH_REPO_ID, HF_PUSH_PRIVATE, HF_LICENSE_FETCH_TIMEOUT, YAP_HOME,
AWQ_CACHE_DIR, CHAT_MODEL, CHAT_REVISION, and the Hub library's own: HF_HOME, HF_ENDPOINT, HF_HUB_DISABLE_XET.
One commit a push; one that fails is repeated by the same command, which sends nothing twice.
exit codes: 0 pushed, 1 the push failed, 2 usage, 3 refused (every reason is printed), 5 nothing there to push,
130 interrupted"""


@frozen(kw_only=True)
class Command:
    """A parsed command line. `private`: None leaves it to HF_PUSH_PRIVATE."""

    what: What
    model: str | None
    word: str | None
    engine: str | None
    private: bool | None
    dry_run: bool
    as_json: bool
    env_file: Path | None
    flags: Mapping[str, str]


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do what the words say; the exit code."""

    def work() -> int:
        if "-h" in argv or "--help" in argv:
            print(USAGE_TEXT)
            return 0
        return _push(parse(argv), environ)

    return told("push", work, interrupted="interrupted; the same command goes on where it was")


def parse(argv: Sequence[str]) -> Command:
    """Read the words in any order. Raises `UsageError`."""
    given: set[str] = set()
    rest: list[str] = []
    env_file = None
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word in SWITCHES:  # two of them are settings' flags elsewhere
            given.add(word)
        elif name == "--env-file":
            env_file = _path(value if equals else next(words, ""))
        else:
            rest.append(word)
    try:
        flags, others = split_flags(rest)
    except SettingsError as error:
        raise UsageError("; ".join(str(problem) for problem in error.problems)) from None
    _require_sense(given, others)
    models = [word for word in others if word.lower() not in WORDS]
    words_ = [word.lower() for word in others if word.lower() in WORDS]
    return Command(
        what=What.QUANT if "--quant" in given else What.ENGINE,
        model=models[0] if models else None,
        word=words_[0] if words_ else None,
        engine=next((word.removeprefix("--") for word in ("--vllm", "--trt") if word in given), None),
        private=None if given.isdisjoint(VISIBILITIES) else "--private" in given,
        dry_run="--dry-run" in given,
        as_json="--json" in given,
        env_file=env_file,
        flags=flags,
    )


def _path(text: str) -> Path:
    if not text:
        raise UsageError("--env-file needs a path")
    return Path(text).expanduser()


def _require_sense(given: set[str], others: Sequence[str]) -> None:
    problems = []
    if len(given & KINDS) != 1:
        problems.append("one of --quant and --engine says what to push, and only one")
    for pair in (VISIBILITIES, {"--vllm", "--trt"}):
        if pair <= given:
            problems.append(f"{' and '.join(sorted(pair))} exclude each other")
    if "--json" in given and "--dry-run" not in given:
        problems.append("--json goes with --dry-run")
    problems += [f"unknown flag {word!r}" for word in others if word.startswith("-")]
    models = [word for word in others if word.lower() not in WORDS and not word.startswith("-")]
    if len(models) > 1:
        problems.append(f"one model, got {len(models)}: {', '.join(models)}")
    if len(others) - len(models) - sum(word.startswith("-") for word in others) > 1:
        problems.append("one word for the format, got several")
    if problems:
        raise UsageError(f"{'; '.join(problems)}; just push --help")


def _push(command: Command, environ: Mapping[str, str]) -> int:
    named = read_env_file(command.env_file) if command.env_file else {}
    environ = beneath(environ, named)
    settings, problems = _settings(command, environ)
    if problems:
        raise Refusal("\n".join(problems), REFUSED)
    home = require_home(settings.deployment.yap_home)
    asked = Asked(
        what=command.what, model=command.model or _chat_model(settings), word=command.word, engine=command.engine
    )
    chosen = choose(asked, settings, home, Path.cwd())
    if command.private is not None:
        chosen = evolve(chosen, order=evolve(chosen.order, private=command.private))
    # The library in the worker reads it out of its environment alone.
    environ = {**environ, **({"HF_HOME": str(settings.deployment.hf_home)} if settings.deployment.hf_home else {})}
    if command.dry_run:
        return _dry_run(chosen, environ, as_json=command.as_json)
    if chosen.complaints:
        raise Refusal("\n".join(chosen.complaints), REFUSED)
    for note in chosen.notes:
        _say(f"push: {note}")
    _, result = carry_out(asking.push_step(chosen.order, environ), home, environ, _say, _redraw())
    print(require_answer(result)["url"])
    return 0


def _settings(command: Command, environ: Mapping[str, str]) -> tuple[Sections, list[str]]:
    """All settings, and what is wrong with those that count here."""
    reading = read(environ, command.flags)
    unknown = [str(each) for each in reading.problems if each.name.startswith("--")]
    mine = [str(each) for each in reading.problems if each.name.partition(" ")[0] in (*MINE, *OURS)]
    return reading.sections, [*mine, *unknown]


def _chat_model(settings: Sections) -> str | None:
    model, revision = settings.deployment.chat_model, settings.deployment.chat_revision
    return f"{model}@{revision}" if model and revision and not Path(model).is_dir() else model


def _dry_run(chosen: Chosen, environ: Mapping[str, str], *, as_json: bool) -> int:
    """What would happen. It is no failure that it would be refused: that is what was asked."""
    complaints = list(chosen.complaints)
    found: Listed | None = None
    try:
        found = asking.listed(chosen.order, environ, lambda line: None)
    except Refusal as refusal:
        complaints.append(str(refusal))
    print(report.as_json(chosen, found, complaints) if as_json else report.text(chosen, found, complaints))
    return 0


def _redraw() -> Callable[[str], None] | None:
    if sys.stderr is None or not sys.stderr.isatty():
        return None

    def redraw(line: str) -> None:
        sys.stderr.write(f"\r\x1b[K{line[:100]}\r")
        sys.stderr.flush()

    return redraw


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["run"]
