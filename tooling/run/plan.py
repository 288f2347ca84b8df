"""What a launch will do, step by step, decided from what was asked for and what was found. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from runtime.settings import Settings
from runtime.settings.reading import Source
from tooling.preparing import Step
from tooling.refusal import Refusal
from tooling.run.disk import Need, unwritable
from tooling.run.disk import complaints as too_small
from tooling.run.facts import REVISIONS, Facts
from tooling.run.hub_cache import hub_cache
from tooling.run.launch import Launch
from tooling.run.making import Making, make
from tooling.running import State

LOG = "server.log"


@frozen(kw_only=True)
class Plan:
    """A decided launch. `making`: what is fetched, made and uploaded for its models; `log`: absolute.

    `resolved`: what is written down; `notes`: what to tell; `refusals`: why it cannot be done.
    """

    launch: Launch
    settings: Settings
    home: Path
    log: Path
    making: Making = field(factory=Making)
    resolved: Mapping[str, Any] = field(factory=dict)
    notes: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def environ(self) -> Mapping[str, str]:
        """The server's, with resolved values, secrets included: never print it."""
        return {**self.launch.environ, **self.making.changed}

    @property
    def steps(self) -> tuple[Step, ...]:
        """Everything that a worker does, in its order, what is there already included."""
        return self.making.steps

    @property
    def work(self) -> tuple[Step, ...]:
        """The steps that have something to do."""
        return tuple(step for step in self.steps if not step.is_made(self.home))

    @property
    def needs_gpu(self) -> bool:
        """Whether something has to be made on a GPU before anything is served."""
        return any(step.needs_gpu for step in self.work)


def plan(launch: Launch, settings: Settings, facts: Facts, home: Path, cwd: Path) -> Plan:
    """Decide. `home`, `cwd`: absolute. Nothing is refused here: `refusals` has every reason at once."""
    making = make(launch, settings, facts, home)
    needs = [
        Need(step.title, step.makes(home) or hub_cache(launch.environ), step.disk_bytes)
        for step in making.steps
        if not step.is_made(home)
    ]
    log = log_of(settings, facts.living, cwd)
    return Plan(
        launch=launch,
        settings=settings,
        home=home,
        log=log,
        making=making,
        resolved={**_served(launch, settings, facts, making), **making.resolved},
        notes=(*settings.warnings, *launch.notes, *making.notes),
        refusals=(*facts.trouble, *making.refusals, *unwritable(home, log), *too_small(needs)),
    )


def log_of(settings: Settings, living: tuple[State, ...], cwd: Path) -> Path:
    """The one log of a launch: as asked, else `server.log` here, or beside that of another launch one of its own."""
    if settings.sources["YAP_LOG_FILE"] is not Source.DEFAULT:
        return (cwd / settings.logs.yap_log_file).resolve()
    usual = (cwd / LOG).resolve()
    if any(state.log == str(usual) for state in living):
        return usual.with_name(f"server-{settings.deployment.server_port or 'any'}.log")
    return usual


def _served(launch: Launch, settings: Settings, facts: Facts, making: Making) -> dict[str, Any]:
    chats = settings.deployment.deploy_mode.chats
    served: dict[str, Any] = {
        "mode": launch.mode,
        "target": launch.target,
        "engine": settings.deployment.inference_engine.value if chats else None,
    }
    for slot in launch.slots:
        served[slot.lower()] = {**launch.environ, **making.changed}.get(slot, "")
        found = facts.models.get(slot)
        if found is not None and found.revision:
            served[REVISIONS[slot].lower()] = found.revision
    if chats:
        served["quantization"] = settings.deployment.chat_quantization.value
    return served


__all__ = ["LOG", "Plan", "log_of", "plan"]
