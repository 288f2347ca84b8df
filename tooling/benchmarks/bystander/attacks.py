"""The attacks by name, each over and over until it is told to stop.

Loopback only, and bounded: the load of each is in its row, and the seconds are the caller's.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from attrs import field, frozen

from tooling.benchmarks.bystander import behaviour, payloads
from tooling.benchmarks.bystander.frames import PING, frame, message
from tooling.benchmarks.bystander.peer import Target

Run = Callable[[Target], Awaitable[None]]


@frozen
class Attack:
    """`run`: one connection of it, `connections` of which run side by side. `compressed`: needs WS_COMPRESSION=1."""

    run: Run = field(repr=False)
    connections: int = 1
    trusted: bool = True
    compressed: bool = False


def _segments() -> Mapping[str, Attack]:
    """One 64 kB read full of small frames, ten a second; by strangers with the head and during the linger."""
    shapes = {
        "empty fragments": (payloads.EMPTY_FRAGMENTS, payloads.FIRST_FRAGMENT),
        "pongs": (payloads.PONGS, b""),
        "pings": (payloads.PINGS, b""),
        "JSON pings": (payloads.JSON_PINGS, b""),
        "nonsense": (payloads.NONSENSE, b""),
        "empty messages": (payloads.EMPTY_MESSAGES, b""),
    }
    rows: dict[str, Attack] = {}
    for name, (data, first) in shapes.items():
        run = partial(behaviour.flood, data=data, every_s=0.1, first=first)
        rows[f"64 kB of {name}"] = Attack(run)
    for name in ("empty fragments", "pongs", "pings"):
        data, first = shapes[name]
        run = partial(behaviour.flood, data=data, every_s=0.02, before=first + data)
        rows[f"64 kB of {name}, no key"] = Attack(run, connections=4, trusted=False)
    return rows


def _floods() -> Mapping[str, Attack]:
    whole = payloads.FIRST_FRAGMENT + payloads.EMPTY_FRAGMENTS[:60_000] + payloads.LAST_FRAGMENT
    return {
        "fragments, 1.5 MB/s": Attack(
            partial(behaviour.steadily, unit=payloads.EMPTY_FRAGMENTS[:6], first=payloads.FIRST_FRAGMENT)
        ),
        "messages of 10,000 fragments": Attack(partial(behaviour.flood, data=whole, every_s=0.05)),
        "one-byte fragments, 1.5 MB/s": Attack(
            partial(behaviour.steadily, unit=payloads.ONE_BYTE_FRAGMENTS[:7], first=payloads.FIRST_FRAGMENT)
        ),
        "pings, 1.5 MB/s": Attack(partial(behaviour.steadily, unit=frame(b"", PING))),
    }


def _texts() -> Mapping[str, Attack]:
    shapes = {
        "255 kB of []": (payloads.listed("[]", 255_000), 0.1),
        "2 MB of []": (payloads.listed("[]", 2_000_000), 0.5),
        '255 kB of ""': (payloads.listed('""', 255_000), 0.1),
        '2 MB of ""': (payloads.listed('""', 2_000_000), 0.5),
        "2 MB of numbers": (payloads.listed("1e9", 2_000_000), 0.5),
        "100,000 levels of []": (payloads.nested("[", "]", 200_000), 0.1),
        "30,000 levels of {}": (payloads.nested('{"a":', "}", 200_000), 0.1),
    }
    rows = {
        name: Attack(partial(behaviour.flood, data=data, every_s=every_s)) for name, (data, every_s) in shapes.items()
    }
    starts = {
        "start, 250 kB in one string": payloads.long_start(250_000),
        "start, 2 MB in one string": payloads.long_start(2_000_000),
        "history, 200,000 ASCII": payloads.history("hello there "),
        "history, 200,000 ASCII in one message": payloads.history("hello there ", messages=1),
        "history, 200,000 Chinese": payloads.history(payloads.CHINESE),
        "history, 200,000 escaped": payloads.history(payloads.CHINESE, ascii_only=True),
        "history, 200,000 mojibake": payloads.history(payloads.MOJIBAKE),
        "history, 80,000 Chinese": payloads.history(payloads.CHINESE, characters=80_000),
    }
    rows |= {
        name: Attack(partial(behaviour.once, data=data, stay_s=0.2), connections=2) for name, data in starts.items()
    }
    return rows


def _turns() -> Mapping[str, Attack]:
    return {
        "barge-ins": Attack(partial(behaviour.barge_in, utterance="and then?", every_s=0.02), connections=4),
        "barge-ins with mojibake": Attack(
            partial(behaviour.barge_in, utterance=payloads.mojibake(), every_s=0.02), connections=4
        ),
        "played": Attack(behaviour.heard, connections=4),
    }


def _manners() -> Mapping[str, Attack]:
    return {
        "heads of 100 kB, one line": Attack(
            partial(behaviour.raw, data=payloads.head(100_000, 100_000), stay_s=1), 4, False
        ),
        "heads of 100 kB, 7,000 lines": Attack(
            partial(behaviour.raw, data=payloads.head(100_000, 1), stay_s=1), 4, False
        ),
        "heads of 30 kB, 2,000 lines": Attack(
            partial(behaviour.raw, data=payloads.head(30_000, 1), stay_s=1), 4, False
        ),
        "300 slow heads": Attack(behaviour.slow_head, 300, False),
        "health probes": Attack(
            partial(behaviour.raw, data=b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", stay_s=1), 8, False
        ),
        "wrong keys": Attack(partial(behaviour.once, data=b"", stay_s=1), 8, False),
        "30 half-open peers": Attack(behaviour.silent, 30),
        "one byte at a time": Attack(partial(behaviour.byte_by_byte, data=message("ping", "p", {}), every_s=0.005), 20),
        "slow readers": Attack(behaviour.greedy, 8),
        "knocking": Attack(behaviour.knock, 8, False),
        "come, start, vanish": Attack(behaviour.come_and_go, 8),
        "oversized, close not answered": Attack(behaviour.unanswered_close, 8),
        "pings across our close": Attack(behaviour.across_the_close, 2),
        "pings across our close, no key": Attack(behaviour.across_the_close, 4, False),
    }


def _bombs() -> Mapping[str, Attack]:
    large, parted = payloads.bomb(64_000_000), payloads.bomb_of_fragments(64_000_000)
    return {
        "deflate bomb": Attack(partial(behaviour.once, data=large, stay_s=0.3, deflate=True), 2, compressed=True),
        "deflate bomb in fragments": Attack(
            partial(behaviour.once, data=parted, stay_s=0.3, deflate=True), 2, compressed=True
        ),
        "deflate bomb, no key": Attack(
            partial(behaviour.once, data=large, stay_s=0.3, deflate=True), 4, trusted=False, compressed=True
        ),
    }


IDLE = "idle"
ATTACKS: Mapping[str, Attack] = {
    IDLE: Attack(behaviour.nothing),
    **_segments(),
    **_floods(),
    **_texts(),
    **_turns(),
    **_manners(),
    **_bombs(),
}

__all__ = ["ATTACKS", "IDLE", "Attack"]
