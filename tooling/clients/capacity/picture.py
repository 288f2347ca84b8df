"""The loads as a picture: how late, how dry, by the number of callers."""

from collections.abc import Callable, Sequence

from tooling.clients.capacity.level import NEVER, Bounds, Level
from tooling.clients.capacity.rounds import Server
from tooling.clients.drawing.picture import Bound, Panel, Picture, Series


def picture(servers: Sequence[Server], bounds: Bounds, notes: str) -> Picture:
    """Three panels, each with its bound; a server's loads in one colour. What never came is not drawn."""

    def panel(title: str, y: str, bound: float, *figures: tuple[str, Callable[[Level], float | None]]) -> Panel:
        series = [_series(server, name, figure) for server in servers for name, figure in figures]
        return Panel(title=title, x="callers", y=y, series=tuple(series), bounds=(Bound("bound", bound),))

    return Picture(
        title="; ".join(f"{server.name}: {server.sentence()}" for server in servers),
        panels=(
            panel(
                "time to first token",
                "ms",
                bounds.ttft_ms,
                ("p50", lambda one: one.ttft_p50_ms),
                ("p99", lambda one: one.ttft_p99_ms),
            ),
            panel(
                "first sentence",
                "ms",
                bounds.sentence_ms,
                ("p50", lambda one: one.sentence_p50_ms),
                ("p99", lambda one: one.sentence_p99_ms),
            ),
            panel("turns that ran dry", "% of turns", bounds.dry * 100, ("", lambda one: one.dry * 100)),
        ),
        notes=notes,
    )


def _series(server: Server, name: str, figure: Callable[[Level], float | None]) -> Series:
    levels = sorted(server.levels, key=lambda one: one.callers)
    drawn = [(float(one.callers), value) for one in levels if (value := figure(one)) is not None and value != NEVER]
    return Series(f"{server.name} {name}".strip(), tuple(x for x, _ in drawn), tuple(y for _, y in drawn))


__all__ = ["picture"]
