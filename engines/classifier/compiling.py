"""Compiling the network with torch, which works for most and takes a while; for the others it stays as it is."""

import contextlib
import importlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

_SILENT = logging.CRITICAL + 1
_MAX_WORDS = 200


def compile_network(torch: Any, network: Any, attempt: Callable[[], object]) -> str | None:
    """Compile `network` in place; `attempt` runs it, since the compiler begins with the first call.

    Returns None, or in one line why the network is as it was.
    """
    eager = network.forward
    try:
        with _quiet():
            # The compiler would start a process for each core, beside an engine that needs those cores.
            inductor: Any = importlib.import_module("torch._inductor.config")
            inductor.compile_threads = 1
            network.forward = torch.compile(eager, dynamic=True)
            attempt()
    except Exception as error:  # whatever the compiler, its own imports and the tools it calls raise
        network.forward = eager
        first = next(iter(str(error).splitlines()), "")
        return f"{type(error).__name__}: {first}"[:_MAX_WORDS]
    return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the compiler's own records: hundreds of lines where it gives up, of which ours is the last word."""
    importlib.import_module("torch._dynamo")  # sets up its handlers
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "torch"]
    handlers = {handler for name in names for handler in logging.getLogger(name).handlers}
    before = {handler: handler.level for handler in handlers}
    for handler in handlers:
        handler.setLevel(_SILENT)
    try:
        yield
    finally:
        for handler, level in before.items():
            handler.setLevel(level)


__all__ = ["compile_network"]
