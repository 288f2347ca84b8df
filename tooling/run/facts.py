"""What a launch has to know of this machine and of its models, gathered once; what is decided from it is elsewhere."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from attrs import field, frozen

from runtime.settings import Settings
from tooling.gpus import Gpu, require_gpus
from tooling.gpus import facts as gpus_of
from tooling.keeper.conflict import already_running
from tooling.models import PATIENCE_S, Model, Reference, resolve, resolve_to_plan
from tooling.refusal import Refusal, tried
from tooling.run.launch import PLACEHOLDER, Launch
from tooling.run.machine import require_port, require_trt
from tooling.running import State, every_state
from tooling.trt import Surroundings, look_around
from tooling.trt.command import repository_of

Say = Callable[[str], None]
REVISIONS = {"CHAT_MODEL": "CHAT_REVISION", "TOOL_MODEL": "TOOL_REVISION"}


@frozen(kw_only=True)
class Facts:
    """`models`: by variable, those that are named and could be looked at. `living`: launches that run, on any port.

    `around`: what TensorRT-LLM's steps are decided with, where it is to serve; `engine_repository`: that of
    `TRT_ENGINE_REPO`, where it is another one. `is_planning`: nothing will be done. `trouble`: what could not be had,
    each a reason to refuse.
    """

    models: Mapping[str, Model] = field(factory=dict)
    gpus: tuple[Gpu, ...] = ()
    around: Surroundings | None = None
    engine_repository: Model | None = None
    living: tuple[State, ...] = ()
    is_planning: bool = False
    trouble: tuple[Refusal, ...] = ()


def gather(
    launch: Launch, settings: Settings, home: Path, say: Say, *, own: State | None = None, is_planning: bool = False
) -> Facts:
    """Look at everything, changing nothing. `own`: a launch that will be stopped before this one begins."""
    trouble: list[Refusal] = []
    around = tried(trouble, lambda: look_around(launch.environ, home)) if launch.target == "trt" else None
    gpus = _gpus(launch, trouble, around)
    found = [state for state in every_state(home) if isinstance(state, State) and state.is_alive()]
    living = tuple(state for state in found if own is None or state.keeper != own.keeper)
    trouble += port_trouble(settings.deployment.server_bind_host, settings.deployment.server_port, living, own)
    patience = PATIENCE_S if is_planning else None
    models = _models(launch, say, trouble, is_planning=is_planning)
    repository = None
    if around is not None and (chat := models.get("CHAT_MODEL")) is not None:
        repository = tried(trouble, lambda: repository_of(settings, chat, launch.environ, say, patience))
    return Facts(
        models=models,
        gpus=gpus,
        around=around,
        engine_repository=repository,
        living=living,
        is_planning=is_planning,
        trouble=tuple(trouble),
    )


def port_trouble(host: str, port: int, living: tuple[State, ...], own: State | None = None) -> list[Refusal]:
    """Why nothing can be started there: one of ours runs, or somebody else listens. 0 is always free."""
    ours = next((state for state in living if port and state.port == port), None)
    if ours is not None:
        return [already_running(ours)]
    if not port or (own is not None and own.is_alive() and own.port == port):
        return []
    try:
        require_port(host, port)
    except Refusal as refusal:
        return [refusal]
    return []


def _gpus(launch: Launch, trouble: list[Refusal], around: Surroundings | None) -> tuple[Gpu, ...]:
    if launch.target == "trt":
        tried(trouble, require_trt)
    if launch.target not in ("vllm", "trt"):
        return ()
    gpus = around.gpus if around is not None else tried(trouble, lambda: gpus_of(launch.environ))
    if gpus is not None and not gpus:
        tried(trouble, lambda: require_gpus(launch.environ, f"just run-{launch.target}"))
    return gpus or ()


def _models(launch: Launch, say: Say, trouble: list[Refusal], *, is_planning: bool) -> dict[str, Model]:
    found = {}
    for slot, reference in _references(launch, trouble):
        look = partial(resolve_to_plan if is_planning else _resolved, reference, environ=launch.environ, say=say)
        model, away = tried(trouble, look) or (None, None)
        if model is not None:
            found[slot] = model
        trouble += [away] if away is not None else []
    return found


def _resolved(reference: Reference, *, environ: Mapping[str, str], say: Say) -> tuple[Model, None]:
    return resolve(reference, environ=environ, say=say), None


def _references(launch: Launch, trouble: list[Refusal]) -> list[tuple[str, Reference]]:
    found = []
    for slot, revision in REVISIONS.items():
        named = launch.environ.get(slot, "").strip()
        if slot not in launch.slots or not named or named == PLACEHOLDER:
            continue
        try:
            found.append((slot, Reference.of(named, launch.environ.get(revision, "").strip() or None)))
        except Refusal as refusal:
            trouble.append(refusal)
    return found


__all__ = ["REVISIONS", "Facts", "gather", "port_trouble"]
