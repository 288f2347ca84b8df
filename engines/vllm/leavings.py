"""What vLLM's own shutdown leaves behind."""

from typing import Any


def end_context(engine: Any) -> None:
    """End the ZeroMQ context of the engine's client: three threads and nine descriptors, which nobody else ends while
    anything holds the engine. Blocks until its sockets are closed, as they are after a shutdown.
    """
    # Found by name; a version without it has no such context, or ends it itself.
    resources = getattr(getattr(engine, "engine_core", None), "resources", None)
    context = getattr(resources, "ctx", None)
    if context is not None and not context.closed:
        context.destroy(linger=0)


__all__ = ["end_context"]
