"""`/metrics`: what the process knows of itself right now, as Prometheus text (exposition format 0.0.4)."""

from collections.abc import Callable, Iterator

from attrs import define

from actors.engine import EngineActor, EngineState, EngineStats
from actors.router import RouterActor, RouterStats
from runtime.health import Health

PREFIX = "text_inference_"


@define(eq=False)
class Metrics:
    """Renders the page. `connections`: WebSockets that hold a slot. `restarts`: of the chat engine; `cache_resets`: of
    its prefix cache.
    """

    health: Health
    connections: Callable[[], int]
    chat: EngineActor | None = None
    router: RouterActor | None = None
    restarts: Callable[[], int] = lambda: 0
    cache_resets: Callable[[], int] = lambda: 0

    async def page(self) -> str:
        """The whole page; asks the engine for its own count, which is bounded in time."""
        lines = [*_metric("ready", "gauge", "1 if a turn sent now would be served.", int(not self.health.reason()))]
        lines += _metric("active_connections", "gauge", "Current WebSocket connections.", self.connections())
        if self.chat is not None:
            lines += await self._engine(self.chat)
        if self.router is not None:
            lines += _router(self.router.stats())
        return "\n".join(lines) + "\n"

    async def _engine(self, chat: EngineActor) -> list[str]:
        stats, own = chat.stats(), await chat.unfinished()
        lines = [
            *_metric("active_generations", "gauge", "Generations that sessions wait for.", stats.running),
            *_metric("unconfirmed_aborts", "gauge", "Aborts the engine has not confirmed.", stats.unconfirmed_aborts),
            *_metric(
                "engine_stalled", "gauge", "1 while it shows no progress.", int(stats.state is EngineState.STALLED)
            ),
            *_metric("discarded_tokens_total", "counter", "Generated beside a router's yes.", stats.discarded_tokens),
            *_metric("engine_restarts_total", "counter", "Restarts of the chat engine.", self.restarts()),
            *_prefix_cache(stats),
            *_metric("prefix_cache_resets_total", "counter", "Resets of an idle engine's cache.", self.cache_resets()),
        ]
        if own is not None:
            lines += _metric("engine_unfinished_requests", "gauge", "The engine's own count, queued included.", own)
        lines += _header("aborts_total", "counter", "Generations stopped before their end, by cause.")
        lines += [f'{PREFIX}aborts_total{{cause="{cause}"}} {count}' for cause, count in stats.aborts.items()]
        return lines


def _prefix_cache(stats: EngineStats) -> Iterator[str]:
    """The hit rate over a time is the rate of the second divided by the rate of the first."""
    yield from _metric(
        "prompt_tokens_total", "counter", "Prompt tokens of generations that clients got.", stats.prompt_tokens
    )
    yield from _metric(
        "cached_prompt_tokens_total", "counter", "Those of them that the prefix cache had.", stats.cached_tokens
    )
    ratio = stats.cached_tokens / stats.prompt_tokens if stats.prompt_tokens else 0.0
    yield from _metric("prefix_cache_hit_ratio", "gauge", "The two divided, since the start.", round(ratio, 4))


def _router(stats: RouterStats) -> Iterator[str]:
    yield from _metric("router_up", "gauge", "1 while a tool model serves.", int(stats.up))
    yield from _metric("router_queued", "gauge", "Classifications that wait.", stats.queued)
    yield from _metric("router_running", "gauge", "Classifications in the running batch.", stats.running)
    yield from _metric("router_batches_total", "counter", "Inferences.", stats.batches)
    yield from _metric("router_withdrawn_total", "counter", "Classifications nobody waited for.", stats.withdrawn)
    yield from _header("router_decisions_total", "counter", "Decisions by answer.")
    yield f'{PREFIX}router_decisions_total{{answer="yes"}} {stats.yes}'
    yield f'{PREFIX}router_decisions_total{{answer="no"}} {stats.no}'
    yield from _header("router_errors_total", "counter", "Decisions that had to be no, by cause.")
    yield from (f'{PREFIX}router_errors_total{{cause="{cause}"}} {count}' for cause, count in stats.errors.items())


def _metric(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    yield from _header(name, kind, text)
    yield f"{PREFIX}{name} {value}"


def _header(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {text}"
    yield f"# TYPE {PREFIX}{name} {kind}"


__all__ = ["Metrics"]
