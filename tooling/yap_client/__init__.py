"""Client of a Yap Text Inference server: sessions on trio or asyncio over one core without I/O.

`over_trio.connect` and `over_asyncio.connect` open a session; here is what both share. The package stands alone: it
imports nothing of the project that it lies in.
"""

from .backoff import Backoff
from .errors import (
    AddressError,
    ConnectError,
    ConnectionLost,
    ProtocolFault,
    ServerError,
    SessionOver,
    TimedOut,
    YapError,
)
from .events import (
    Ack,
    Cancelled,
    Complaint,
    Decision,
    Done,
    Ending,
    Event,
    Failed,
    Final,
    Lost,
    Pong,
    SessionEnd,
    Timings,
    Token,
    Unknown,
    Usage,
)
from .limits import LinkLimits
from .opening import Message, Sampling
from .session import Session
from .turn import Turn

__all__ = [
    "Ack",
    "AddressError",
    "Backoff",
    "Cancelled",
    "Complaint",
    "ConnectError",
    "ConnectionLost",
    "Decision",
    "Done",
    "Ending",
    "Event",
    "Failed",
    "Final",
    "LinkLimits",
    "Lost",
    "Message",
    "Pong",
    "ProtocolFault",
    "Sampling",
    "ServerError",
    "Session",
    "SessionEnd",
    "SessionOver",
    "TimedOut",
    "Timings",
    "Token",
    "Turn",
    "Unknown",
    "Usage",
    "YapError",
]
