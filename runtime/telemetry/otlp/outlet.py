"""The way out as a whole: an observer that traces, and what is sent of it and of the books."""

from uuid import uuid4

import trio
from attrs import define

from actors.happenings import Happening
from runtime.settings import Settings
from runtime.telemetry.otlp.destination import destination, resource
from runtime.telemetry.otlp.lane import Lane
from runtime.telemetry.otlp.metrics import MetricExport
from runtime.telemetry.otlp.sender import Sender
from runtime.telemetry.otlp.tracer import Tracer
from runtime.telemetry.otlp.traces import MOST_SPANS, SpanExport
from runtime.telemetry.otlp.troubles import Troubles
from runtime.telemetry.otlp.wire import rejected_points, rejected_spans
from runtime.telemetry.outlet import Look
from runtime.telemetry.recorder import Model


@define(eq=False)
class Otlp:
    """An outlet. Made by `open_otlp`."""

    tracer: Tracer
    traces: SpanExport
    metrics: MetricExport
    troubles: Troubles
    paces: bool = False

    def report(self, happening: Happening) -> None:
        """Trace it."""
        self.tracer.report(happening)

    async def run(self, look: Look) -> None:
        """Send from time to time, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.metrics.run, look)
            nursery.start_soon(self.traces.run)

    async def close(self, timeout_s: float) -> None:
        """Send what there is, both signals at the same time; what takes longer is given up."""
        done = False
        try:
            with trio.move_on_after(timeout_s):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.metrics.finish, timeout_s)
                    nursery.start_soon(self.traces.finish, timeout_s)
                done = True
        finally:
            self.troubles.lost(self.traces.unsent)
            if not done:
                self.troubles.failed("at the end", "timed out")
            self.traces.lane.close()
            self.metrics.lane.close()


def open_otlp(settings: Settings, model: Model, started_ns: int) -> Otlp:
    """The outlet that the settings ask for; nothing is sent yet. `started_ns`: since when the books count."""
    wanted, to, troubles = settings.telemetry, destination(settings), Troubles()
    about = resource(settings, str(uuid4()))
    traces = SpanExport(
        Lane("traces", Sender(to.traces, rejected_spans), troubles),
        about,
        every_s=wanted.otel_traces_export_interval_ms / 1000,
        batch=min(wanted.otel_traces_batch_size, MOST_SPANS),
    )
    metrics = MetricExport(
        Lane("metrics", Sender(to.metrics, rejected_points), troubles),
        about,
        started_ns,
        every_s=wanted.otel_metrics_export_interval_ms / 1000,
    )
    tracer = Tracer(wanted.otel_traces_sample_rate, model, traces.take)
    return Otlp(tracer, traces, metrics, troubles)


__all__ = ["Otlp", "open_otlp"]
