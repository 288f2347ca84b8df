"""Which telemetry this deployment wants, opened and closed with the process; nothing of it costs or imports anything
where no setting asks for it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from time import time_ns

import structlog
import trio
from attrs import define, field

from actors.happenings import NOBODY, Happening, Observer
from runtime.heads import Answer
from runtime.settings import Settings
from runtime.telemetry.books import Books, Snapshot
from runtime.telemetry.lag import watch_lag
from runtime.telemetry.outlet import Look, Outlet
from runtime.telemetry.readings import Readings
from runtime.telemetry.recorder import Model, Recorder, zeroes

log = structlog.get_logger()
PAGE_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the exposition format that every Prometheus reads."""
CLOSE_S = 1.0
"""What a receiver that hangs may cost at the end."""


@define(eq=False)
class Telemetry:
    """What is told, and where that goes. `observer`: for the actors. `render`: makes the page, if there is one."""

    observer: Observer = NOBODY
    books: Books | None = None
    outlets: Sequence[Outlet] = ()
    render: Callable[[Snapshot], bytes] | None = None
    _readings: Readings | None = None
    _pages: int = 0
    _page: tuple[int, bytes] = (0, b"")
    _rendering: trio.Lock = field(factory=trio.Lock)

    async def run(self, readings: Readings) -> None:
        """Watch what has to be watched, and send, until cancelled."""
        if self.books is None and not self.outlets:
            return
        self._readings = readings
        async with trio.open_nursery() as nursery:
            if self.books is not None:
                nursery.start_soon(watch_lag, self.books, lambda: readings.health.reason() is None)
                nursery.start_soon(readings.gpus.run)
            for outlet in self.outlets:
                nursery.start_soon(_send, outlet, self._look)

    async def page(self) -> Answer:
        """`/metrics`. One is made at a time, and all who asked before it was begun get the same: anybody may ask, as
        often as he likes, and each page costs the loop's thread some of the interpreter.
        """
        assert self.render is not None, "there is no page"
        asked = self._pages
        async with self._rendering:
            if self._page[0] <= asked:
                self._pages += 1
                number, snapshot = self._pages, await self._look()
                body = await trio.to_thread.run_sync(self.render, snapshot, abandon_on_cancel=True)
                self._page = number, body
        return Answer(HTTPStatus.OK, self._page[1], content_type=PAGE_TYPE)

    async def close(self) -> None:
        """Send what is left, in bounded time, whatever the receivers do."""
        with trio.CancelScope(shield=True), trio.move_on_after(CLOSE_S):
            async with trio.open_nursery() as nursery:
                for outlet in self.outlets:
                    nursery.start_soon(_close, outlet)

    async def _look(self) -> Snapshot:
        assert self.books is not None, "nothing is counted"
        if self._readings is None:
            return self.books.snapshot()
        return await self._readings.snapshot(self.books)


async def _send(outlet: Outlet, look: Look) -> None:
    try:
        await outlet.run(look)
    except Exception as error:  # a barrier: nobody's turn depends on it
        log.error("telemetry.failed", what=type(outlet).__name__, exc_info=error)


async def _close(outlet: Outlet) -> None:
    try:
        await outlet.close(CLOSE_S)
    except Exception as error:  # the door: the end of the process does not depend on it
        log.warning("telemetry.close_failed", error=type(error).__name__)


def open_telemetry(settings: Settings, model: Model) -> Telemetry:
    """What the settings ask for."""
    wanted = settings.telemetry
    exports = wanted.axiom_api_token is not None or wanted.otel_exporter_otlp_endpoint is not None
    observers: list[Observer] = []
    outlets: list[Outlet] = []
    books = Books(time_ns(), tuple(zeroes())) if settings.deployment.metrics_enabled or exports else None
    if books is not None:
        observers.append(Recorder(books, model))
        if exports:
            outlets.extend(_opened("OTLP", partial(_otlp, settings, model, books.started_ns)))
    if wanted.sentry_dsn is not None:
        outlets.extend(_opened("Sentry", partial(_sentry, settings)))
    observers.extend(outlets)
    observer: Observer = Tee(tuple(observers)) if observers else NOBODY
    return Telemetry(observer, books, tuple(outlets), _page_maker() if settings.deployment.metrics_enabled else None)


def _opened(what: str, make: Callable[[], Outlet]) -> Iterator[Outlet]:
    """The outlet, unless its library does not take what it finds in the environment: then the server runs without."""
    try:
        yield make()
    except Exception as error:  # a barrier; what it says may quote a proxy's password
        log.warning("telemetry.not_opened", what=what, error=type(error).__name__, check="HTTP_PROXY, HTTPS_PROXY")


def _otlp(settings: Settings, model: Model, started_ns: int) -> Outlet:
    from runtime.telemetry.otlp import open_otlp  # noqa: PLC0415  # libraries where they are wanted

    return open_otlp(settings, model, started_ns)


def _sentry(settings: Settings) -> Outlet:
    from runtime.telemetry.sentry import open_sentry  # noqa: PLC0415  # the SDK only where it is wanted

    return open_sentry(settings)


def _page_maker() -> Callable[[Snapshot], bytes]:
    """Imported at the start: the first scrape may come when no descriptor is left."""
    from runtime.telemetry.prometheus import render  # noqa: PLC0415  # the library where it is wanted

    return render


@define(eq=False)
class Tee:
    """Tells several observers. A fault in one of them costs what it would have done with that, and nothing else."""

    observers: tuple[Observer, ...]
    paces: bool = field(init=False)
    _told: bool = False

    def __attrs_post_init__(self) -> None:
        self.paces = any(each.paces for each in self.observers)

    def report(self, happening: Happening) -> None:
        """Tell each."""
        for each in self.observers:
            try:
                each.report(happening)
            except Exception as error:  # a barrier: turns go on
                if not self._told:
                    self._told = True
                    log.error("telemetry.failed", what=type(happening).__name__, exc_info=error)


__all__ = ["Tee", "Telemetry", "open_telemetry"]
