"""A run as a picture: what the server took, and how long its callers waited, over the hours."""

from collections.abc import Callable, Sequence

from tooling.benchmarks.endurance.course import Course
from tooling.benchmarks.endurance.findings import Finding
from tooling.benchmarks.endurance.sampling import Sample, Window
from tooling.clients.drawing.picture import Bound, Panel, Picture, Series

MINUTE_S = 60.0


def picture(course: Course, found: Sequence[Finding]) -> Picture:
    """Five panels over the minutes; a line marks the end of the warm-up."""
    warm = (Bound("warm-up", course.plan.warm_up_s / MINUTE_S, axis="x"),)

    def looks(name: str, of: Callable[[Sample], float]) -> Series:
        points = [(one.at / MINUTE_S, value) for one in course.samples if (value := of(one)) == value]
        return Series(name, tuple(at for at, _ in points), tuple(value for _, value in points))

    def waits(name: str, of: Callable[[Window], float | None]) -> Series:
        points = [(one.at / MINUTE_S, value) for one in course.windows if (value := of(one)) is not None]
        return Series(name, tuple(at for at, _ in points), tuple(value for _, value in points))

    def panel(title: str, y: str, *series: Series) -> Panel:
        return Panel(title=title, x="minutes", y=y, series=series, bounds=warm)

    rows = (one.row() for one in found)
    return Picture(
        title=f"{course.plan.seconds / MINUTE_S:.0f} minutes of {course.plan.callers} callers, {course.plan.engine}",
        panels=(
            panel(
                "resident memory",
                "MiB",
                looks("server", lambda one: one.server_mib),
                looks("engine", lambda one: one.engine_mib),
            ),
            panel(
                "descriptors and tasks of the server",
                "",
                looks("descriptors", lambda one: one.server_descriptors),
                looks("tasks", lambda one: one.tasks),
                looks("connections", lambda one: one.connections),
            ),
            panel("requests in the engine, its own count", "", looks("requests", lambda one: one.unfinished)),
            panel(
                "time to first token, a minute",
                "ms",
                waits("p50", lambda one: one.ttft_p50_ms),
                waits("p99", lambda one: one.ttft_p99_ms),
            ),
            panel(
                "time between tokens, a minute",
                "ms",
                waits("p50", lambda one: one.itl_p50_ms),
                waits("p99", lambda one: one.itl_p99_ms),
            ),
            panel(
                "processors",
                "% of all cores",
                waits("the machine", lambda one: one.busy * 100),
                waits("the server and its engine", lambda one: one.ours * 100),
            ),
        ),
        notes="\n".join(f"{row['series']}: {row['slope an hour (95 %)']} an hour, {row['']}" for row in rows),
    )


__all__ = ["picture"]
