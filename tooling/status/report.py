"""One launch as people and as machines read it."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from runtime.listening import reachable
from tooling.running import Phase, State
from tooling.running.state import duration
from tooling.status.asking import Answer

WIDTH = 12


@frozen(kw_only=True)
class Report:
    """What is known of a launch. `answer`: its server's, None where it was not asked; `gpu_gib`: held memory by GPU."""

    state: State
    is_alive: bool
    uptime_s: float = 0.0
    answer: Answer | None = None
    gpu_gib: Mapping[int, float]

    @property
    def is_ready(self) -> bool:
        """Whether a turn sent now would be served."""
        return self.is_alive and self.answer is not None and self.answer.is_ready

    @property
    def phase(self) -> str:
        """What it is at; `stale` where it claims to run and does not, `orphaned` where its keeper was killed."""
        if self.state.is_stale():
            return "stale"
        if self.is_alive and not self.state.phase.is_over and not self.state.keeper.is_alive():
            return "orphaned"
        return str(self.state.phase)


def as_json(report: Report) -> dict[str, Any]:
    """Plain data; no secrets, because none are written down."""
    state, answer = report.state, report.answer
    return {
        "port": state.port,
        "key": state.key,
        "phase": report.phase,
        "running": report.is_alive,
        "ready": report.is_ready,
        "reason": _reason(report),
        "pid": state.server.pid if state.server else None,
        "keeper_pid": state.keeper.pid,
        "uptime_s": round(report.uptime_s, 1),
        "address": _address(state),
        "requested": state.requested,
        "resolved": state.resolved,
        "versions": state.versions,
        "numbers": dict(answer.numbers) if answer else {},
        "gpu_memory_gib": {str(index): round(held, 2) for index, held in report.gpu_gib.items()},
        "log": state.log,
        "exit": None if state.exit is None else {"code": state.exit.code, "why": state.exit.why, "at": state.exit.at},
    }


def lines(report: Report) -> Iterator[str]:
    """The same for people."""
    reason = _reason(report)
    phase = "not ready" if report.phase == Phase.READY and not report.is_ready else report.phase
    yield f"port {report.state.key}: {phase}{reason and f': {reason}'}"
    for name, text in _rows(report):
        if text:
            yield f"  {name:<{WIDTH}} {text if text.isprintable() else ascii(text)}"


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    state = report.state
    numbers = report.answer.numbers if report.answer else {}
    resolved = {**state.requested, **state.resolved}
    if report.is_alive:
        server = f"{state.server.pid}, its keeper {state.keeper.pid}" if state.server else f"keeper {state.keeper.pid}"
        yield "pid", f"{server}; up {duration(report.uptime_s)}"
        yield "address", _address(state)
    for title, name in (
        ("mode", "mode"),
        ("engine", "engine"),
        ("chat model", "chat_model"),
        ("made from", "source"),
        ("revision", "chat_revision"),
        ("quantisation", "quantization"),
        ("tool model", "tool_model"),
        ("label", "label"),
    ):
        yield title, _shown(resolved.get(name))
    yield "keys", _shown(resolved.get("keys"))
    if "connections" in numbers:
        limit = f" of {numbers['limit']}" if "limit" in numbers else ""
        yield "connections", f"{numbers['connections']}{limit}"
    yield "turns", _shown(numbers.get("turns"))
    yield "GPU memory", ", ".join(f"GPU {index}: {held:.1f} GiB" for index, held in report.gpu_gib.items())
    yield "log", state.log


def _reason(report: Report) -> str:
    state = report.state
    if state.exit is not None:
        return state.exit.why
    if report.phase == "stale":
        return "it ended without a word; just stop clears it"
    if report.answer is not None and not report.answer.is_ready:
        return report.answer.reason or state.progress
    return "" if state.phase is Phase.READY else state.progress


def _address(state: State) -> str:
    return f"ws://{reachable(state.host)}:{state.port}/ws" if state.port else ""


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


__all__ = ["Report", "as_json", "lines"]
