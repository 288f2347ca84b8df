"""Behaviours of the stand-in for sessions of the library, which ping before they say anything."""

from tests.tooling.clients.standin import USAGE, Behaviour, Frame, Session

TURNS = ("start", "message", "followup")


def pongs(behaviour: Behaviour) -> Behaviour:
    """Pings are answered as they should be; everything else by `behaviour`."""

    async def answered(session: Session, frame: Frame) -> None:
        if frame["type"] == "ping":
            await session.send("pong", frame)
        else:
            await behaviour(session, frame)

    return answered


async def ack(session: Session, frame: Frame) -> None:
    """The turn is taken."""
    await session.send("ack", frame, **{"for": frame["type"], "ok": True})


async def fail(
    session: Session, frame: Frame, code: str, reason: str, *, usage: bool = True, **details: object
) -> None:
    """The turn fails, or some other frame is refused."""
    more = {"usage": USAGE} if usage else {}
    told = {"reason_code": reason, **details}
    await session.send("error", frame, code=code, message="m", details=told, **more)


__all__ = ["TURNS", "ack", "fail", "pongs"]
