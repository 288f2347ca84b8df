"""What is made for a launch's models before anything is served: what is fetched, quantised, built, uploaded.

Decided from what was found; nothing is done here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from engines.quantised import Format
from runtime.settings import EngineName, Settings
from tooling.cache import is_complete
from tooling.gpus import chosen_format
from tooling.models import Model, fetch_step, require_suitable
from tooling.preparing import Step
from tooling.push import Made, What, order_for, push_step
from tooling.quantize.export import EIGHT_BIT, export_step, machine_trouble
from tooling.refusal import REFUSED, Refusal, tried
from tooling.run.facts import REVISIONS, Facts
from tooling.run.fitting import installed_version, require_fit
from tooling.run.hub_cache import missing_bytes, snapshot_of, wanted_of
from tooling.run.launch import Launch, check
from tooling.trt import Decision, Purpose
from tooling.trt import decide as decide_for_trt

FETCH, PUSH = "fetch", "push"
# What an export is served as: the engine reads the format off its files.
AS_IT_IS = "auto"
SLOW = (
    "8-bit floats on a CPU: a word or two a second where it has no AMX, and replies run into GEN_TIMEOUT_S; the float "
    "model is the quick one there"
)
_ORDER = {FETCH: 0, PUSH: 2}


@frozen(kw_only=True)
class Making:
    """`steps`: in their order, what is there already included. `changed`: variables of the server that differ from what
    was asked; `resolved`: what is written down of it; `notes`: what to tell; `refusals`: why it cannot be done.

    `for_trt`: what TensorRT-LLM's steps are made of once everything is fetched; `places`: where models are that need
    not be fetched, by name.
    """

    steps: tuple[Step, ...] = ()
    changed: Mapping[str, str] = field(factory=dict)
    resolved: Mapping[str, Any] = field(factory=dict)
    notes: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    for_trt: Decision | None = None
    places: Mapping[str, Path] = field(factory=dict)

    def __add__(self, other: "Making") -> "Making":
        return Making(
            steps=(*self.steps, *(step for step in other.steps if step not in self.steps)),
            changed={**self.changed, **other.changed},
            resolved={**self.resolved, **other.resolved},
            notes=(*self.notes, *other.notes),
            refusals=(*self.refusals, *other.refusals),
            for_trt=self.for_trt or other.for_trt,
            places={**self.places, **other.places},
        )

    def located(self, fetched: Mapping[str, Path]) -> "Making":
        """The same once its models are fetched. `fetched`: the directory of each by its name."""
        if self.for_trt is None:
            return self
        found = self.for_trt.located({**self.places, **fetched})
        fetches = [step for step in self.steps if step.name == FETCH]
        pushes = [step for step in self.steps if step.name == PUSH]
        return evolve(self, steps=(*fetches, *found.steps, *pushes), changed={**self.changed, **found.environ()})


def make(launch: Launch, settings: Settings, facts: Facts, home: Path) -> Making:
    """For all models of a launch. Refuses nothing itself: what cannot be done is among the `refusals`."""
    making = Making()
    for slot, model in facts.models.items():
        making += (
            _chat(model, launch, settings, facts, home) if slot == "CHAT_MODEL" else _as_it_is(slot, model, launch)
        )
    if launch.push is not None and "CHAT_MODEL" not in facts.models:
        unknown = Model(name=launch.environ.get("CHAT_MODEL", ""))
        making += _pushed(launch.push, unknown, launch, settings, _unmade(home))
    return evolve(making, steps=tuple(sorted(making.steps, key=lambda step: _ORDER.get(step.name, 1))))


def _chat(model: Model, launch: Launch, settings: Settings, facts: Facts, home: Path) -> Making:
    try:
        match settings.deployment.inference_engine:
            case EngineName.VLLM:
                making, made = _vllm(model, launch, settings, facts, home)
            case EngineName.TRT:
                making, made = _trt(model, launch, settings, facts, home)
            case EngineName.SCRIPTED:
                making, made = _as_it_is("CHAT_MODEL", model, launch), Made()
    except Refusal as refusal:
        making, made = Making(refusals=(refusal,)), _unmade(home)
    return making if launch.push is None else making + _pushed(launch.push, model, launch, settings, made)


def _pushed(push: str, model: Model, launch: Launch, settings: Settings, made: Made) -> Making:
    try:
        order = order_for(What(push), model, settings, made)
    except Refusal as refusal:
        return Making(refusals=(refusal,))
    return Making(steps=(push_step(order, launch.environ),))


def _unmade(home: Path) -> Made:
    """Where it is not known what would be made: only the other reasons not to push it are told."""
    return Made(export=home, checkpoint=home, engine=home)


def _vllm(model: Model, launch: Launch, settings: Settings, facts: Facts, home: Path) -> tuple[Making, Made]:
    asked, trouble = settings.deployment.chat_quantization.value, list[Refusal]()
    notes = tried(trouble, lambda: require_suitable(model, EngineName.VLLM, asked))
    if facts.gpus and facts.gpus[0].own_sm and not facts.is_planning:
        trouble.append(
            Refusal(
                f"GPU_SM_ARCH is {facts.gpus[0].sm}, this GPU is {facts.gpus[0].own_sm}: it names what is built for "
                "another machine; unset it to serve here",
                REFUSED,
            )
        )
    is_suitable, notes = notes is not None, notes or ()
    if facts.gpus and model.made is None:
        chosen = tried(trouble, lambda: chosen_format("vllm", asked, facts.gpus[0].sm))
        notes = (*notes, *filter(None, [chosen.note if chosen else None]))
    if launch.target == "cpu" and (model.made is Format.FP8 or (model.made is None and asked in EIGHT_BIT)):
        notes = (*notes, SLOW)
    pushes = launch.push == What.QUANT
    gpus = None if facts.is_planning else facts.gpus
    step = tried(trouble, lambda: export_step(model, settings, gpus, eight_bit=pushes)) if is_suitable else None
    making, made = Making(notes=notes), Made()
    if step is None:
        making += _as_it_is("CHAT_MODEL", model, launch)
    else:
        place = step.makes(home)
        if not step.is_made(home):
            trouble += () if facts.is_planning else machine_trouble(model, settings, facts.gpus)
            making += _fetched(model, launch)
        served = {"CHAT_MODEL": str(place), "CHAT_REVISION": "", "CHAT_QUANTIZATION": AS_IT_IS}
        resolved = {"source": model.name, "source_revision": model.revision or "", "keys": _keys((step,))}
        making += Making(steps=(step,), changed=served, resolved=resolved)
        made = Made(export=place, form=str(step.job["scheme"]))
    return making + Making(refusals=tuple(trouble)), (_unmade(home) if trouble else made)


def _trt(model: Model, launch: Launch, settings: Settings, facts: Facts, home: Path) -> tuple[Making, Made]:
    if facts.around is None:
        return _as_it_is("CHAT_MODEL", model, launch), Made()
    decision = decide_for_trt(
        model, settings, facts.around, Purpose.SERVE, repository=facts.engine_repository, planning=facts.is_planning
    )
    making = Making(
        steps=decision.steps,
        changed=decision.environ(),
        resolved={
            "keys": _keys(decision.steps),
            "label": decision.label,
            "trt_engine_dir": str(decision.engine_dir or ""),
        },
        notes=decision.notes,
        for_trt=decision,
        refusals=tuple(Refusal(text, REFUSED) for text in decision.refused),
    )
    for need in reversed(decision.needs):
        making = _fetched(need.model, launch, need.parts) + making
    # The server takes tokenizer and chat template from the model itself, wherever the engine comes from.
    is_whole = decision.engine is None and decision.engine_dir is None
    making = _as_it_is("CHAT_MODEL", model, launch, is_whole=is_whole) + making
    if not decision.steps and not facts.is_planning:
        require_fit(check(launch, making.changed), facts.gpus, installed_version())
    return making, _unmade(home) if decision.refused else _made_for_trt(decision, home)


def _made_for_trt(decision: Decision, home: Path) -> Made:
    """What of it is, or will be, made on this machine."""
    checkpoint, engine = decision.checkpoint_dir, decision.engine_dir
    is_ours = engine is not None and engine.is_relative_to(home)
    is_there = checkpoint is not None and (any(decision.steps) or is_complete(checkpoint))
    numbers = next((step.job["numbers"] for step in decision.steps if "numbers" in step.job), None)
    return Made(
        form=str(numbers["qformat"]) if isinstance(numbers, Mapping) else "",
        checkpoint=checkpoint if checkpoint and is_there and checkpoint.is_relative_to(home) else None,
        engine=engine if is_ours else None,
        engine_origin=decision.engine.origin if decision.engine is not None and not is_ours else None,
    )


def _keys(steps: tuple[Step, ...]) -> list[str]:
    return [step.entry.key for step in steps if step.entry is not None]


def _as_it_is(slot: str, model: Model, launch: Launch, *, is_whole: bool = True) -> Making:
    """A model that is served from where it comes from, at the state that was looked at.

    `is_whole`: its weights are read too.
    """
    pinned = {REVISIONS[slot]: model.revision} if model.revision else {}
    fetched = _fetched(model, launch) if is_whole else Making()
    return fetched + Making(changed={slot: model.name, **pinned})


def _fetched(model: Model, launch: Launch, parts: tuple[str, ...] = ()) -> Making:
    """No step where all of it is on this machine. What a cache had while the Hub was away is looked through."""
    if model.directory is not None:
        return Making(places={model.name: model.directory})
    missing = missing_bytes(model, wanted_of(model, parts), launch.environ)
    if missing is None and not model.from_cache:
        return Making(places={model.name: snapshot_of(model, launch.environ)})
    return Making(steps=(evolve(fetch_step(model, launch.environ, parts), disk_bytes=missing or 0),))


__all__ = ["FETCH", "PUSH", "Making", "make"]
