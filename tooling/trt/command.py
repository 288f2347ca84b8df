"""Carries `quantize-trt` and `build-trt` out: decide, fetch, make, say what is next."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence

from attrs import evolve, frozen

from runtime.settings import Settings, beneath, read_env_file
from runtime.settings.sections import FLAGS
from tooling.cache import require_home
from tooling.ending import told
from tooling.models import PATIENCE_S, Model, Reference, fetch, resolve, resolve_to_plan
from tooling.preparing import carry_out
from tooling.refusal import REFUSED, Refusal, UsageError, tried
from tooling.run.disk import Need as Room
from tooling.run.disk import complaints
from tooling.run.hub_cache import hub_cache, to_fetch
from tooling.trt.deciding import Purpose, decide
from tooling.trt.decision import Decision
from tooling.trt.grammar import PURPOSES, Command, parse
from tooling.trt.grammar import USAGE as HELP
from tooling.trt.showing import as_json, as_text
from tooling.trt.surroundings import Surroundings, look_around

EXAMPLE = "for example: just {} 4bit Qwen/Qwen2.5-7B-Instruct"
# A launch asks for these; what is made does not depend on them.
UNASKED = {"TEXT_API_KEY": "not-needed-here", "MAX_CONCURRENT_CONNECTIONS": "1"}
Say = Callable[[str], None]


@frozen(kw_only=True)
class Work:
    """A decision and what it was made with. `environ`: of the workers; `settings` say how."""

    command: Command
    environ: Mapping[str, str]
    settings: Settings
    around: Surroundings
    decision: Decision


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do what the words say and return an exit code."""
    name = f"{argv[0]}-trt" if argv and argv[0] in PURPOSES else "trt"

    def work() -> int:
        command = parse(argv)
        if command.help:
            print(HELP)
            return 0
        return _made(_decided(command, environ))

    return told(name, work, interrupted="interrupted, nothing half made is kept")


def repository_of(
    settings: Settings, model: Model, environ: Mapping[str, str], say: Say, patience_s: float | None = None
) -> Model | None:
    """The repository of `TRT_ENGINE_REPO`, looked up; None where it is the model's own. Raises `Refusal`."""
    named, own = settings.trt.engine_repo, settings.deployment.chat_model
    if not named or named in (own, model.name):
        return None
    return resolve(Reference.parse(named), environ=environ, say=say, patience_s=patience_s)


def _decided(command: Command, environ: Mapping[str, str]) -> Work:
    named = read_env_file(command.env_file) if command.env_file else {}
    environ = _environ(command, beneath(environ, named))
    settings = Settings.from_env(environ)
    place = settings.deployment
    if place.chat_model is None:  # in mode chat the settings demand it
        raise Refusal(f"no model is named; {EXAMPLE.format(command.purpose.value)}", REFUSED)
    home = require_home(place.yap_home)
    around = look_around(environ, home)
    reference = Reference.of(place.chat_model, place.chat_revision)
    if not command.plan:
        model = resolve(reference, environ=environ, say=_say)
        repository = repository_of(settings, model, environ, _say)
        decision = decide(model, settings, around, command.purpose, repository=repository)
    else:
        model, away = resolve_to_plan(reference, environ=environ, say=_say)
        trouble = [away] if away is not None else []
        repository = tried(trouble, lambda: repository_of(settings, model, environ, _say, PATIENCE_S))
        decision = decide(model, settings, around, command.purpose, repository=repository, planning=True)
        decision = evolve(decision, refused=(*map(str, trouble), *decision.refused))
    return Work(command=command, environ=environ, settings=settings, around=around, decision=decision)


def _environ(command: Command, environ: Mapping[str, str]) -> dict[str, str]:
    """What the settings are read from: the words of the command line over the environment."""
    words = {"INFERENCE_ENGINE": "trt", "DEPLOY_MODE": "chat"}
    if command.model is not None:
        reference = Reference.parse(command.model)
        words["CHAT_MODEL"] = reference.name
        words["CHAT_REVISION"] = reference.revision or ""
    elif not environ.get("CHAT_MODEL", "").strip() and "--chat-model" not in command.flags:
        raise UsageError(f"which model? {EXAMPLE.format(command.purpose.value)}")
    if command.quantisation is not None:
        words["CHAT_QUANTIZATION"] = command.quantisation
    if command.trust_remote_code:
        words["CHAT_TRUST_REMOTE_CODE"] = "1"
    flagged = {FLAGS[flag].name: value for flag, value in command.flags.items()}
    defaults = {name: value for name, value in UNASKED.items() if not environ.get(name, "").strip()}
    return {**environ, **defaults, **flagged, **words}


def _made(work: Work) -> int:
    if work.command.plan:
        print(as_json(work.decision, work.around) if work.command.as_json else as_text(work.decision, work.around))
        return 0
    _require_room(work)
    for note in work.decision.notes:
        _say(note)
    if work.decision.engine is not None:
        _say(f"there is an engine ({work.decision.engine.origin}), nothing to build")
    places = {
        need.model.name: fetch(need.model, environ=work.environ, say=_say, parts=need.parts)
        for need in work.decision.needs
    }
    decision = work.decision.located(places)
    for step in decision.steps:
        carry_out(step, work.around.home, work.environ, _say)
    for line in _next(work.command, decision):
        print(line, flush=True)
    return 0


def _require_room(work: Work) -> None:
    """Raises `Refusal` where a disk does not take all that is fetched and made."""
    cache = hub_cache(work.environ)
    needs = [
        Room(f"fetching {need.model.name}", cache, to_fetch(need.model, work.environ, need.parts))
        for need in work.decision.needs
    ]
    home = work.around.home
    needs += [Room(step.title, step.makes(home) or home, step.disk_bytes) for step in work.decision.steps]
    said = [str(complaint) for complaint in complaints(needs)]
    if said:
        raise Refusal("\n".join(said), REFUSED)


def _next(command: Command, decision: Decision) -> list[str]:
    """What there is now, and what to do with it."""
    word = f"{command.quantisation} " if command.quantisation else ""
    model = shlex.quote(command.model) if command.model else ""
    if command.purpose is Purpose.QUANTISE:
        return [f"checkpoint: {decision.checkpoint_dir}", f"next: just build-trt {word}{model}".rstrip()]
    return [f"engine: {decision.engine_dir}", f"next: just run-trt {word}{model}".rstrip()]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["repository_of", "run"]
