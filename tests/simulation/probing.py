"""Who asks the server over plain HTTP, and what was true when he asked and when he was answered."""

from collections.abc import Callable

from attrs import define, field, frozen

from runtime.telemetry.books import Snapshot

ALIVE, READY, METRICS = "/healthz", "/readyz", "/metrics"


@frozen(kw_only=True)
class Ask:
    """`data`: what is sent, to ask after `path`. `has_body`: the answer has one; `whole`: there is an answer."""

    data: bytes
    path: str
    has_body: bool = True
    whole: bool = True


def _get(path: str, *, method: str = "GET", target: str = "") -> bytes:
    return f"{method} {target or path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


ASKS: dict[str, Ask] = {
    "http-alive": Ask(data=_get(ALIVE), path=ALIVE),
    "http-ready": Ask(data=_get(READY), path=READY),
    "http-metrics": Ask(data=_get(METRICS), path=METRICS),
    "http-ready-head": Ask(data=_get(READY, method="HEAD"), path=READY, has_body=False),
    "http-metrics-head": Ask(data=_get(METRICS, method="HEAD"), path=METRICS, has_body=False),
    "http-ready-url": Ask(data=_get(READY, target="http://x/readyz?why=1"), path=READY),
    "http-pipelined": Ask(data=_get(READY) + _get(METRICS) + _get(ALIVE), path=READY),
    "http-metrics-twice": Ask(data=_get(METRICS) * 2, path=METRICS),
    "http-cut": Ask(data=_get(METRICS)[:-3], path=METRICS, whole=False),
}


@frozen(kw_only=True)
class Sight:
    """What there was to see of the server at one moment. `engine`: its state, None where there is none.

    `taken`: connections with a slot. `counted`: the books.
    """

    ready: bool
    draining: bool
    engine: str | None
    router: str | None
    taken: int
    restarts: int
    counted: Snapshot


@define(eq=False)
class Probe:
    """`asked`, `answered`: what there was to see when he connected, and when the head of the answer was written."""

    ask: Ask
    look: Callable[[], Sight]
    asked: Sight = field(init=False)
    answered: Sight | None = None

    def __attrs_post_init__(self) -> None:
        self.asked = self.look()

    def hears(self) -> None:
        """The answer begins."""
        self.answered = self.look()


__all__ = ["ALIVE", "ASKS", "METRICS", "READY", "Ask", "Probe", "Sight"]
