"""`python -m tooling.benchmarks.scripted.server STEP_MS TOKENS`: `python -m runtime` with the benchmarks' engine.

What it serves is in the environment, as for `python -m runtime`; `settings` makes that of a benchmark.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from engines.base import Engine
from engines.prompts.chat import ChatText
from runtime.chat_engine import ChatEnginePlan
from runtime.process import Process
from tooling.benchmarks.children import answers, child
from tooling.benchmarks.scripted.engine import StampingEngine, script
from tooling.benchmarks.serving.dummy_weights import start
from tooling.benchmarks.serving.processes import free_port
from tooling.usage import answer_help

KEY = "benchmark-key"
MODULE = "tooling.benchmarks.scripted.server"


@define(eq=False)
class Scripted(Process):
    """The process as it is, but for the engine. `make`: a fresh one."""

    make: Callable[[], Engine] = field(kw_only=True)

    def _chat(self) -> tuple[ChatText, ChatEnginePlan]:
        text, plan = super()._chat()
        return text, ChatEnginePlan(self.make, plan.warnings)


def settings(model: Path, port: int, sessions: int) -> dict[str, str]:
    """The environment of such a server for so many sessions; `model`: its tokenizer's directory."""
    return {
        "TEXT_API_KEY": KEY,
        "INFERENCE_ENGINE": "scripted",
        "DEPLOY_MODE": "chat",
        "CHAT_MODEL": str(model),
        "CHAT_MAX_OUT": "4000",
        "CHAT_MAX_LEN": "8192",
        "SERVER_BIND_HOST": "127.0.0.1",
        "SERVER_PORT": str(port),
        "MAX_CONCURRENT_CONNECTIONS": str(sessions),
        "WS_IDLE_TIMEOUT_S": "0",
        "WS_MAX_MESSAGES_PER_WINDOW": "0",
        "WS_MAX_CANCELS_PER_WINDOW": "0",
        "APP_LOG_LEVEL": "WARNING",
        "HF_HUB_OFFLINE": "1",
    }


@contextmanager
def scripted(
    arguments: Sequence[str], model: Path, environ: Mapping[str, str], sessions: int
) -> Iterator[tuple[int, int]]:
    """Port and pid of a ready server process; `arguments`: of its interpreter."""
    port = free_port()
    environ = {**environ, **settings(model, port, sessions)}
    with child(arguments, environ, lambda: answers(port, "/readyz")) as process:
        yield port, process.pid


def main(argv: Sequence[str]) -> int:
    """Serve."""
    step_ms, tokens = argv
    said = script(float(step_ms) / 1000, int(tokens))
    return start("dummy", lambda found, around: Scripted(found, around, make=lambda: StampingEngine(said)))


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
