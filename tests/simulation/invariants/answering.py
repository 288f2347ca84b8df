"""What is answered over plain HTTP, against what there was to see: health, and the page of metrics."""

import json
from collections.abc import Iterator

from attrs import define, field
from prometheus_client.parser import text_string_to_metric_families

from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Distribution, Snapshot
from runtime.telemetry.prometheus import label_of, name_of
from tests.referee import Message
from tests.simulation.client import Client
from tests.simulation.plan import Line
from tests.simulation.probing import ALIVE, READY, Probe, Sight
from tests.simulation.world import World

WIDE = Line().window
Row = tuple[str, frozenset[tuple[str, str]]]
"""A name, and labels with their values."""


@define(eq=False)
class Answering:
    """`seen`: who has been looked at, each once the server has said all it wants to."""

    seen: set[str] = field(factory=set)

    def answering(self, world: World) -> str | None:
        """Each whole request is answered, with what is true."""
        for client in world.clients:
            probe = world.probes.get(client.name)
            if probe is None or client.name in self.seen or not client.link.socket.said_end:
                continue
            self.seen.add(client.name)
            wrong = _wrong(world, client, probe)
            if wrong is not None:
                return f"{client.name} ({client.plan.door}): {wrong}"
        return None


def _wrong(world: World, client: Client, probe: Probe) -> str | None:
    hearing = client.link.hearing
    if hearing.head is None or probe.answered is None:
        return None if _may_be_left(world, client, probe) else "was not answered"
    if not probe.ask.whole:
        return f"half a request was answered: {hearing.head!r}"
    status, fields = _head(hearing.head)
    size = int(fields["content-length"])
    body = bytes(hearing.body)
    if len(body) != (size if probe.ask.has_body else 0):
        cut = len(body) < size and _may_be_left(world, client, probe)
        return None if cut else f"{len(body)} bytes of {size}"
    if probe.ask.path == ALIVE:
        return None if (status, body) == (200, b'{"status":"ok"}') else f"{status} {body!r}"
    if probe.ask.path == READY:
        return _of_readiness(status, json.loads(body) if body else None, probe.answered, world)
    if not world.settings.deployment.metrics_enabled:
        return None if status == 404 else f"{status}, where there is no page"
    if status != 200:
        return f"{status} for the page"
    return _of_page(body.decode(), probe.asked, probe.answered) if body else None


def _may_be_left(world: World, client: Client, probe: Probe) -> bool:
    """Whether the connection may end without a whole answer: who asked did not wait, or the server could not."""
    socket = client.link.socket
    is_short = any(fault.what == "no-descriptors" for fault in world.plan.faults)
    line = client.plan.line
    slow = line.window < WIDE or bool(line.write_most)  # the server's patience may end first
    left = socket.heard_end or socket.broken or client.link.silent or not client.link.reads or slow
    return not probe.ask.whole or left or world.stopping or world.worn_out or world.ended or is_short


def _head(head: str) -> tuple[int, dict[str, str]]:
    first, *lines = head.split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}


def _of_readiness(status: int, body: Message | None, sight: Sight, world: World) -> str | None:
    if status != (200 if sight.ready else 503):
        return f"{status}, it was {sight.ready} that the server was ready"
    if body is None:
        return None
    expected: Message = {"status": "ready" if sight.ready else "not_ready", "draining": sight.draining}
    told = {key: body.get(key) for key in expected}
    told |= {"engine": body.get("engine", {}).get("state"), "router": body.get("router", {}).get("state")}
    expected |= {"engine": sight.engine, "router": sight.router}
    told |= {"slots": body.get("slots"), "has_reason": "reason" in body}
    expected |= {"slots": {"taken": sight.taken, "limit": world.server.slots.limit}, "has_reason": not sight.ready}
    return None if told == expected else f"told {told}, not {expected}"


def _of_page(page: str, asked: Sight, answered: Sight) -> str | None:
    told = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    least, most = dict(_rows(asked)), dict(_rows(answered))
    for row, value in most.items():
        low, said = least.get(row, 0), told.get(row, 0)
        if not low <= said <= value:
            return f"{row[0]} {sorted(row[1])} is {said:g} on the page, it was {low:g}, then {value:g}"
    counted = {name for name, _ in most}
    more = [(name, sorted(labels)) for name, labels in told if name in counted and (name, labels) not in most]
    return f"{more} are on the page, and in no book" if more else None


def _rows(sight: Sight) -> Iterator[tuple[Row, float]]:
    if sight.engine is not None:
        yield (name_of(of.ENGINE_RESTARTS), frozenset()), sight.restarts
    yield from _counted(sight.counted)


def _counted(books: Snapshot) -> Iterator[tuple[Row, float]]:
    for instrument, series in books.items():
        for attributes, value in series.items():
            labels = frozenset(zip(map(label_of, instrument.attributes), attributes, strict=True))
            if isinstance(value, Distribution):
                yield (f"{name_of(instrument)}_count", labels), value.count
            else:
                yield (name_of(instrument), labels), value


__all__ = ["Answering"]
