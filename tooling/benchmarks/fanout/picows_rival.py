"""`python -m tooling.benchmarks.fanout.picows_rival PORT STEP_MS`: picows on uvloop, the same frames.

The floor: a WebSocket in C with a callback a frame, and nothing beside the sending.
"""

import asyncio  # noqa: TID251 - the rival is an asyncio program
import sys
from collections.abc import Sequence

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from tooling.benchmarks.fanout.token_frames import frame, head
from tooling.benchmarks.scripted.stamps import stamp
from tooling.usage import answer_help


class Talker(WSListener):  # type: ignore[misc]  # a class without type information
    """One client; `heads`: what the frames of all who have sent a start begin with."""

    def __init__(self, heads: dict[WSTransport, str]) -> None:
        super().__init__()
        self.heads = heads

    def on_ws_frame(self, transport: WSTransport, came: WSFrame) -> None:
        """A start."""
        if came.msg_type == WSMsgType.TEXT:
            self.heads[transport] = head(came.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Gone."""
        self.heads.pop(transport, None)


async def serve(port: int, step_s: float) -> None:
    """A token a step to everybody who has sent a start, for ever."""
    heads: dict[WSTransport, str] = {}

    def talker(_: WSUpgradeRequest) -> Talker:
        return Talker(heads)

    await ws_create_server(talker, "127.0.0.1", port)
    while True:
        await asyncio.sleep(step_s)
        token = stamp()
        for transport, begins in list(heads.items()):
            transport.send(WSMsgType.TEXT, frame(begins, token).encode())


def main(argv: Sequence[str]) -> int:
    """Serve."""
    port, step_ms = argv
    uvloop.run(serve(int(port), float(step_ms) / 1000))
    return 0


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
