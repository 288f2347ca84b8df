"""Which happenings are errors of the server's own. What a client does is none, and neither is a cancellation."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from attrs import field, frozen

from actors.connection import Disconnected
from actors.happenings import Crashed, EngineRestarted, Happening, TurnOver
from actors.session.errors import ClientTooSlow
from protocol.errors import ProtocolError
from runtime.heads import BadRequest
from runtime.tracebacks import leaves
from runtime.websocket import BadHandshake

CLIENTS = (Disconnected, ClientTooSlow, ProtocolError, BadRequest, BadHandshake)
"""What a client did, if it should ever get as far as a barrier."""


@frozen(kw_only=True)
class Incident:
    """An error to tell of. `error`: the exception, or the name of its class where nothing else is known of it.

    `where`: connection, session, turn, engine, router or server. The ids are None where there is none. `suppressed`: so
    many of its kind were not told since the last one that was.
    """

    where: str
    error: Exception | str
    session: int | None = None
    session_id: str | None = None
    request_id: str | None = None
    suppressed: int = 0
    at: datetime = field(factory=partial(datetime.now, UTC))

    @property
    def kind(self) -> str:
        """What counts as the same error: the class. What turns fail of counts apart, or the first turn of an engine
        that dies would keep the engine's own error, the one with a traceback, from being told.
        """
        if isinstance(self.error, str):
            return f"{self.where} {self.error}"
        return f"{type(self.error).__module__}.{type(self.error).__qualname__}"


def incidents(happening: Happening) -> Iterator[Incident]:
    """The errors in it: each member of a group is one."""
    match happening:
        case TurnOver(error_type=str(name)):
            yield Incident(
                where="turn",
                error=name,
                session=happening.session,
                session_id=happening.session_id,
                request_id=happening.request_id,
            )
        case EngineRestarted():
            yield from (Incident(where="engine", error=error) for error in _ours(happening.error))
        case Crashed():
            for error in _ours(happening.error):
                yield Incident(
                    where=happening.where,
                    error=error,
                    session=happening.session,
                    session_id=happening.session_id,
                    request_id=happening.request_id,
                )


def _ours(error: BaseException) -> Iterator[Exception]:
    for leaf in leaves(error):
        if isinstance(leaf, Exception) and not isinstance(leaf, CLIENTS):
            yield leaf


__all__ = ["Incident", "incidents"]
