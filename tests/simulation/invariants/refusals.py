"""At the end: what was turned away, connections and frames, is what was counted as that."""

from runtime.telemetry import catalogue as of
from tests.accounts import total
from tests.referee import Message
from tests.simulation.world import World

NO_FRAME = ("server_busy", "internal_error")
"""Codes of errors that are about a connection, not about a frame of the client's."""


def refusals(world: World) -> str | None:
    """Who was told why it has no session was counted, and nobody else; every frame that was refused was, too.

    Who was gone before it could be told anything, and who was told by a 503, may have been counted.
    """
    books = world.ledger.accountant.recorder.books.snapshot()
    served = {world.client_of(connection).name for connection in world.connections.values()}
    away = [client.link.hearing for client in world.clients if client.name not in served]
    told = sum(bool(hearing.upgraded and hearing.messages) for hearing in away)
    most = sum(hearing.upgraded or hearing.head is None or " 503 " in hearing.head for hearing in away)
    counted = total(books, of.CONNECTIONS_REJECTED)
    if not told <= counted <= most:
        return f"{told} of {most} were told why they have no session, {counted:g} connections were counted"
    frames = [frame for client in world.clients if client.name in served for frame in client.link.hearing.messages]
    refused, counted = sum(map(_refuses, frames)), total(books, of.FRAMES_REFUSED)
    return None if refused <= counted else f"{refused} frames were refused, {counted:g} were counted"


def _refuses(frame: Message) -> bool:
    payload = frame["payload"]
    return frame["type"] == "error" and "usage" not in payload and payload["code"] not in NO_FRAME


__all__ = ["refusals"]
