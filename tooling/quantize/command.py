"""Carries `quantize-vllm` out: look the model up, decide, check the machine, fetch, make, say what was made."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runtime.settings import EngineName, Settings, beneath, read_env_file
from runtime.settings.sections import FLAGS
from tooling import cache, gpus, models
from tooling.ending import told
from tooling.preparing import Step, carry_out
from tooling.quantize.announce import Export, plan_json, plan_text
from tooling.quantize.export import export_step, machine_trouble
from tooling.quantize.grammar import ELSEWHERE, QUANTISATIONS, USAGE, Command, parse
from tooling.refusal import Refusal, UsageError, require_none, tried
from tooling.run.disk import Need, complaints, unwritable_home
from tooling.run.hub_cache import hub_cache, to_fetch

# Nothing is served here, and the server's own validation asks for them.
UNUSED = {"TEXT_API_KEY": "not-served", "MAX_CONCURRENT_CONNECTIONS": "1"}
Tick = Callable[[str], None]


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: Path, tick: Tick | None = None) -> int:
    """Do what the words say and return an exit code. `tick` draws what is going on, on a terminal."""

    def work() -> int:
        command = parse(argv)
        if command.help:
            print(USAGE)
            return 0
        return _quantise(command, environ, cwd, tick)

    return told("quantize-vllm", work, interrupted="interrupted, nothing half made is kept")


def settings_of(command: Command, environ: Mapping[str, str], cwd: Path) -> tuple[Settings, Mapping[str, str]]:
    """The settings of a command line, and the environment they were read from.

    Raises `SettingsError`, `UsageError`, `Refusal` for what is no name of a model.
    """
    named = read_env_file(command.env_file) if command.env_file else {}
    given = {**beneath(environ, named), **{FLAGS[flag].name: text for flag, text in command.flags.items()}}
    model = command.model or given.get("CHAT_MODEL", "").strip()
    if not model:
        raise UsageError("which model? for example: just quantize-vllm 8bit Qwen/Qwen2.5-7B-Instruct")
    reference = models.Reference.of(model, None if command.model else given.get("CHAT_REVISION"), cwd)
    said = command.quantisation or given.get("CHAT_QUANTIZATION", "").strip().lower()
    if command.quantisation is None and said in ("", *ELSEWHERE):
        said = QUANTISATIONS[0]
    given |= {"DEPLOY_MODE": "chat", "INFERENCE_ENGINE": "vllm", "CHAT_QUANTIZATION": said}
    given |= {"CHAT_MODEL": reference.name, "CHAT_REVISION": reference.revision or ""}
    if command.trust_remote_code:
        given["CHAT_TRUST_REMOTE_CODE"] = "1"
    given |= {name: value for name, value in UNUSED.items() if not given.get(name, "").strip()}
    return Settings.from_env(given), given


def _quantise(command: Command, environ: Mapping[str, str], cwd: Path, tick: Tick | None) -> int:
    settings, given = settings_of(command, environ, cwd)
    home = cache.require_home(settings.deployment.yap_home)
    reference = models.Reference.of(given["CHAT_MODEL"], given["CHAT_REVISION"], cwd)
    away: Refusal | None = None
    if command.plan:
        model, away = models.resolve_to_plan(reference, environ=given, say=_say)
    else:
        model = models.resolve(reference, environ=given, say=_say)
    step = _decided(command, model, settings, given, home)
    if step is None:
        _say(f"nothing is made of {model.name}: just run-vllm {model.name} serves it as it is")
        return 0
    plan = plan_json(step, home, refused=() if away is None else (str(away),))
    if command.plan:
        print(json.dumps(plan, indent=1) if command.as_json else plan_text(plan))
        return 0
    if not plan["is_there"]:
        models.fetch(model, environ=given, say=_say)
    path, _ = carry_out(step, home, given, _say, tick)
    assert path is not None, "an export has a place"
    export = Export.read(path, was_there=bool(plan["is_there"]))
    print(json.dumps(export.as_json()) if command.as_json else export.as_text())
    return 0


def _decided(
    command: Command, model: models.Model, settings: Settings, given: Mapping[str, str], home: Path
) -> Step | None:
    """What is made; None where the model is served as it is. Raises `Refusal` with every complaint: model, GPU,
    environment, disks.
    """
    asked, trouble = settings.deployment.chat_quantization.value, list[Refusal]()
    found = None if command.plan else tried(trouble, lambda: gpus.facts(given))
    notes = tried(trouble, lambda: models.require_suitable(model, EngineName.VLLM, asked))
    gpu_notes = tried(trouble, lambda: _gpu_notes(found, asked)) or ()
    step = None
    if notes is not None:
        step = tried(trouble, lambda: export_step(model, settings, found, eight_bit=True, calibrate=command.calibrate))
    for note in (*(notes or ()), *gpu_notes):
        _say(note)
    is_to_make = not step.is_made(home) if step is not None else bool(trouble)
    if is_to_make and not command.plan:
        trouble += machine_trouble(model, settings, found, calibrate=command.calibrate)
        trouble += unwritable_home(home)
        needs = [Need(f"fetching {model.name}", hub_cache(given), to_fetch(model, given))]
        needs += [Need("the export", step.makes(home) or home, step.disk_bytes)] if step is not None else []
        trouble += complaints(needs)
    require_none(trouble)
    return step


def _gpu_notes(found: Sequence[gpus.Gpu] | None, asked: str) -> tuple[str, ...]:
    """What to tell about this machine's GPU. Raises `Refusal` for one that vLLM no longer has kernels for."""
    note = gpus.chosen_format("vllm", asked, found[0].sm).note if found else None
    return (note,) if note else ()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["run", "settings_of"]
