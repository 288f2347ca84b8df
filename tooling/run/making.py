"""What is made for a launch's models before anything is served: what is fetched, quantised, built, uploaded. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from runtime.settings import EngineName, Settings
from tooling.models import Model, fetch_step, require_suitable
from tooling.preparing import Step
from tooling.refusal import Refusal
from tooling.run.facts import REVISIONS, Facts
from tooling.run.hub_cache import missing_bytes
from tooling.run.launch import Launch


@frozen(kw_only=True)
class Making:
    """`steps`: in their order, what is there already included. `changed`: variables of the server that differ from what
    was asked; `resolved`: what is written down of it; `notes`: what to tell; `refusals`: why it cannot be done.
    """

    steps: tuple[Step, ...] = ()
    changed: Mapping[str, str] = field(factory=dict)
    resolved: Mapping[str, Any] = field(factory=dict)
    notes: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def __add__(self, other: "Making") -> "Making":
        return Making(
            steps=(*self.steps, *other.steps),
            changed={**self.changed, **other.changed},
            resolved={**self.resolved, **other.resolved},
            notes=(*self.notes, *other.notes),
            refusals=(*self.refusals, *other.refusals),
        )


def make(launch: Launch, settings: Settings, facts: Facts, home: Path) -> Making:
    """For all models of a launch. Refuses nothing itself: what cannot be done is among the `refusals`."""
    making = Making()
    for slot, model in facts.models.items():
        try:
            making += (
                _chat(model, launch, settings, facts, home) if slot == "CHAT_MODEL" else _as_it_is(slot, model, launch)
            )
        except Refusal as refusal:
            making += Making(refusals=(refusal,))
    return making


def _chat(model: Model, launch: Launch, settings: Settings, facts: Facts, home: Path) -> Making:
    engine = settings.deployment.inference_engine
    if engine is EngineName.SCRIPTED:
        return _as_it_is("CHAT_MODEL", model, launch)
    asked = settings.deployment.chat_quantization.value
    notes = require_suitable(model, engine, asked)
    return Making(notes=notes) + _as_it_is("CHAT_MODEL", model, launch)


def _as_it_is(slot: str, model: Model, launch: Launch) -> Making:
    """A model that is served from where it comes from, at the state that was looked at."""
    pinned = {REVISIONS[slot]: model.revision} if model.revision else {}
    return Making(steps=_fetch(model, launch), changed={slot: model.name, **pinned})


def _fetch(model: Model, launch: Launch, parts: tuple[str, ...] = ()) -> tuple[Step, ...]:
    """Nothing where all of it is on this machine. What a cache had while the Hub was away is looked through."""
    if model.directory is not None:
        return ()
    step = fetch_step(model, launch.environ, parts)
    files: dict[str, int] = dict(model.wanted) | {path: size for part in parts for path, size in model.below(part)}
    missing = missing_bytes(model, files, launch.environ)
    return () if missing is None and not model.from_cache else (evolve(step, disk_bytes=missing or 0),)


__all__ = ["Making", "make"]
