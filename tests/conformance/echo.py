"""`python -m tests.conformance.echo PORT [--compress]`: the server, but whatever a client says it says back."""

import sys
from collections.abc import Mapping, Sequence

import trio
from attrs import define, field

from actors.connection import Disconnected, Socket
from actors.log_context import LogContext
from actors.session.effects import Hangup
from protocol.frames import Address
from runtime import assembly
from runtime.health import Health
from runtime.settings import Settings
from tests.toy import toy_directory

BINARY = 0x82
SETTINGS = {
    "TEXT_API_KEY": "autobahn",
    "MAX_CONCURRENT_CONNECTIONS": "16",
    "INFERENCE_ENGINE": "scripted",
    "WS_MAX_FRAME_BYTES": "16777216",  # the largest messages of its cases 9.1 and 9.2
}


@define(eq=False)
class Echo:
    """What the server takes for a connection: reads messages and sends each back as it came."""

    socket: Socket
    closings: Mapping[Hangup, tuple[int, str]]
    log_context: LogContext = field(factory=lambda: LogContext(0))

    async def run(self) -> None:
        """Echo until one side is done."""
        try:
            while True:
                message = await self.socket.receive()
                if isinstance(message, str):
                    await self.socket.send([message.encode()])
                else:
                    await self._send_binary(message)
        except Disconnected:
            await trio.lowlevel.checkpoint()

    def drain(self) -> None:
        """Nobody waits for anything."""

    def expire(self) -> None:
        """Nobody waits for anything."""

    def unfinished(self) -> Address | None:
        """It has no turns."""
        return None

    def summary(self) -> dict[str, object]:
        """It has nothing to tell."""
        return {}

    async def _send_binary(self, data: bytes) -> None:
        """The protocol sends no binary messages, so the socket does not know how."""
        wire = self.socket.wire  # type: ignore[attr-defined]
        size = len(data)
        if size < 126:
            head = bytes((BINARY, size))
        elif size < 65536:
            head = bytes((BINARY, 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((BINARY, 127)) + size.to_bytes(8, "big")
        wire.push(head + data)
        await wire.flush()


async def serve(port: int, *, compress: bool) -> None:
    """Echo on this port until cancelled."""
    settings = Settings.from_env({**SETTINGS, "CHAT_MODEL": str(toy_directory()), "WS_COMPRESSION": str(int(compress))})
    server = assembly.server(assembly.parts(settings, Health()))
    server.connect = lambda socket: Echo(socket, {})  # type: ignore[assignment,return-value]
    await server.serve("127.0.0.1", port)


def main(argv: Sequence[str]) -> int:
    """Echo until interrupted."""
    try:
        trio.run(lambda: serve(int(argv[0]), compress="--compress" in argv))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
