"""Invariants of the end: of a connection that is over, and of a turn, nothing is left."""

import trio

from tests.simulation.world import World

KNOWN_TASKS = (
    "<",
    "actors.engine.",
    "actors.router.actor.RouterActor.run",
    "engines.scripted.",
    "network",
    "runtime.arrivals.accept_forever",
    "runtime.process.",
    "runtime.server.Server.serve",
    "runtime.tool_model.",
    "runtime.websocket.keep_alive.",
    "server",
    "tests.simulation.",
    "trio.",
)
"""What runs in a server without a connection."""


def left_over(world: World) -> str | None:
    """A request, an open end of a channel, or a task."""
    chat, own = world.parts.chat, world.engines.newest
    if chat is not None and own is not None:
        if own._requests:
            return f"the engine still has {sorted(own._requests)}"
        clones = chat.mailbox.statistics().open_send_channels
        if clones != 1:
            return f"{clones - 1} ends of the engine's mailbox are open"
    unknown = sorted(name for name in _names(_root()) if not name.startswith(KNOWN_TASKS))
    return f"tasks: {unknown}" if unknown else None


def _root() -> trio.lowlevel.Task:
    root = trio.lowlevel.current_root_task()
    assert root is not None
    return root


def _names(task: trio.lowlevel.Task) -> list[str]:
    below = [name for nursery in task.child_nurseries for child in nursery.child_tasks for name in _names(child)]
    return [task.name, *below]


__all__ = ["left_over"]
