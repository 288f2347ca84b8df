"""What a launch has to know of this machine and of its models, gathered once; what is decided from it is elsewhere."""

from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import field, frozen

from runtime.settings import Settings
from tooling.gpus import Gpu
from tooling.gpus import facts as gpus_of
from tooling.models import Model, Reference, resolve
from tooling.refusal import CONFLICT, Refusal
from tooling.run.launch import PLACEHOLDER, Launch
from tooling.run.machine import require_gpu, require_port, require_trt
from tooling.running import State, StateUnreadable, every_state

Say = Callable[[str], None]
REVISIONS = {"CHAT_MODEL": "CHAT_REVISION", "TOOL_MODEL": "TOOL_REVISION"}


@frozen(kw_only=True)
class Facts:
    """`models`: by variable, those that are named and could be looked at. `living`: launches that run, on any port.

    `trouble`: what could not be had, each a reason to refuse.
    """

    models: Mapping[str, Model] = field(factory=dict)
    gpus: tuple[Gpu, ...] = ()
    living: tuple[State, ...] = ()
    trouble: tuple[Refusal, ...] = ()


def gather(launch: Launch, settings: Settings, home: Path, say: Say, *, own: State | None = None) -> Facts:
    """Look at everything, changing nothing. `own`: a launch that will be stopped before this one begins."""
    trouble: list[Refusal] = []
    gpus = _gpus(launch, trouble)
    found = [state for state in every_state(home) if isinstance(state, State) and state.is_alive()]
    living = tuple(state for state in found if own is None or state.keeper != own.keeper)
    trouble += port_trouble(settings.deployment.server_bind_host, settings.deployment.server_port, living, own)
    models = {}
    for slot, reference in _references(launch, trouble):
        try:
            models[slot] = resolve(reference, environ=launch.environ, say=say)
        except Refusal as refusal:
            trouble.append(refusal)
    return Facts(models=models, gpus=gpus, living=living, trouble=tuple(trouble))


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


def already_running(state: State) -> Refusal:
    """The second start of a server."""
    more = "" if state.key == "8000" else f" --port {state.port}"
    return Refusal(
        f"already running: {state.described()}; just restart{more} starts it anew, just stop{more} ends it, --port "
        "starts a second one beside it",
        CONFLICT,
    )


def unreadable(home: Path) -> list[StateUnreadable]:
    """States that say nothing: told, and never in the way."""
    return [state for state in every_state(home) if isinstance(state, StateUnreadable)]


def _gpus(launch: Launch, trouble: list[Refusal]) -> tuple[Gpu, ...]:
    if launch.target not in ("vllm", "trt"):
        return ()
    if launch.target == "trt":
        try:
            require_trt()
        except Refusal as refusal:
            trouble.append(refusal)
    try:
        require_gpu()
        return gpus_of(launch.environ)
    except Refusal as refusal:
        trouble.append(refusal)
        return ()


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


__all__ = ["REVISIONS", "Facts", "already_running", "gather", "port_trouble", "unreadable"]
