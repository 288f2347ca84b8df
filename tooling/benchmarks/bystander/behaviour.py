"""What an attacker does with one connection. Each returns or raises when the server ends it; then it is made anew."""

import trio

from tooling.benchmarks.bystander import payloads
from tooling.benchmarks.bystander.frames import message, start, upgrade
from tooling.benchmarks.bystander.peer import Target, dialled, shaken

DEFLATE = (("Sec-WebSocket-Extensions", "permessage-deflate"),)
CHUNK_S = 0.01
FLOOD_BYTES_PER_S = 1_500_000
STARTED = message("start", "r-0", start())


async def flood(
    target: Target, data: bytes, *, every_s: float, first: bytes = b"", before: bytes = b"", deflate: bool = False
) -> None:
    """Send `before` with the head, `first` once, then `data` again and again."""
    async with trio.open_nursery() as nursery, shaken(target, DEFLATE if deflate else (), early=before) as peer:
        nursery.start_soon(peer.ended)
        await peer.send(first)
        while True:
            await peer.send(data)
            await trio.sleep(every_s)


async def once(target: Target, data: bytes, *, stay_s: float, deflate: bool = False) -> None:
    """Send `data` behind the handshake, stay a while, go without a word."""
    async with shaken(target, DEFLATE if deflate else ()) as peer:
        await peer.send(data)
        with trio.move_on_after(stay_s):
            await peer.ended()


async def steadily(target: Target, unit: bytes, *, first: bytes = b"") -> None:
    """Send repetitions of `unit` at 1.5 MB/s in small portions."""
    portion = payloads.filled(unit, int(FLOOD_BYTES_PER_S * CHUNK_S))
    await flood(target, portion, every_s=CHUNK_S, first=first)


async def raw(target: Target, data: bytes, *, stay_s: float) -> None:
    """Send bytes instead of a handshake, then wait for the end."""
    async with dialled(target) as peer:
        await peer.send(data)
        with trio.move_on_after(stay_s):
            await peer.ended()


async def byte_by_byte(target: Target, data: bytes, *, every_s: float) -> None:
    """Send a head and then frames one byte at a time."""
    async with shaken(target) as peer:
        while True:
            for at in range(len(data)):
                await peer.send(data[at : at + 1])
                await trio.sleep(every_s)


async def slow_head(target: Target) -> None:
    """Send a head that never ends."""
    async with dialled(target) as peer:
        for byte in upgrade(target.key).rstrip() + b"a" * 10_000:
            await peer.send(bytes((byte,)))
            await trio.sleep(0.1)


async def silent(target: Target) -> None:
    """Start a reply and then neither read nor close."""
    async with shaken(target, receive_buffer=4096) as peer:
        await peer.send(STARTED)
        await trio.sleep_forever()


async def greedy(target: Target) -> None:
    """Ask for as much as can be asked for, and read nothing of it."""
    ask = payloads.filled(message("ping", "p" * 128, {}), 16384)
    async with shaken(target, receive_buffer=4096) as peer:
        await peer.send(STARTED)
        while True:
            with trio.move_on_after(1):
                await peer.send(ask)
            await trio.sleep(CHUNK_S)


async def barge_in(target: Target, utterance: str, *, every_s: float) -> None:
    """Interrupt each reply with the next turn, as often as the rate limit allows; then anew."""
    async with trio.open_nursery() as nursery:
        async with shaken(target) as peer:
            nursery.start_soon(peer.ended)
            await peer.send(message("start", "r-0", start(utterance)))
            for number in range(1, 25):
                await peer.send(message("message", f"r-{number}", {"user_utterance": utterance}))
                await trio.sleep(every_s)
        nursery.cancel_scope.cancel("as often as is allowed")


async def heard(target: Target) -> None:
    """Say with each turn what was heard of the last one."""
    async with trio.open_nursery() as nursery:
        async with shaken(target) as peer:
            nursery.start_soon(peer.ended)
            await peer.send(STARTED)
            for number in range(24):
                await trio.sleep(0.05)
                await peer.send(payloads.played("r-0" if number == 0 else f"m-{number - 1}", number))
        nursery.cancel_scope.cancel("as often as is allowed")


async def across_the_close(target: Target) -> None:
    """Say goodbye and go on pinging."""
    await flood(target, payloads.PINGS, every_s=CHUNK_S, before=message("end", "bye", {}) if target.key else b"")


async def unanswered_close(target: Target) -> None:
    """Make the server close, and do not answer."""
    async with shaken(target) as peer:
        await peer.send(payloads.oversized())
        await trio.sleep(1)


async def come_and_go(target: Target) -> None:
    """Connect, start, vanish."""
    async with shaken(target) as peer:
        await peer.send(STARTED)
    await trio.sleep(CHUNK_S)


async def knock(target: Target) -> None:
    """Connect and go."""
    async with dialled(target):
        pass
    await trio.sleep(CHUNK_S)


async def nothing(_target: Target) -> None:
    """For the idle rows."""
    await trio.sleep_forever()


__all__ = [
    "across_the_close",
    "barge_in",
    "byte_by_byte",
    "come_and_go",
    "flood",
    "greedy",
    "heard",
    "knock",
    "nothing",
    "once",
    "raw",
    "silent",
    "slow_head",
    "steadily",
    "unanswered_close",
]
