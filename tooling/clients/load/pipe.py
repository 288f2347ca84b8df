"""Lines of JSON over a pipe."""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

import trio
from attrs import define, field

READ_BYTES = 1 << 16
Record = Mapping[str, Any]


@define(eq=False)
class LineReader:
    """Reads one record after the other. A line that was cut off by the end of the stream is no record."""

    stream: trio.abc.ReceiveStream
    _parts: list[bytes] = field(factory=list)
    _whole: deque[bytes] = field(factory=deque)

    async def next(self) -> Record | None:
        """The next record; None at the end, or if the other side is gone. Raises ValueError for what is no record."""
        while not self._whole:
            try:
                data = await self.stream.receive_some(READ_BYTES)
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            *whole, rest = data.split(b"\n")
            for ended in whole:
                self._whole.append(b"".join([*self._parts, ended]))
                self._parts = []
            self._parts.append(bytes(rest))
        record = json.loads(self._whole.popleft())
        if not isinstance(record, dict):
            raise ValueError("not a JSON object")
        return record


def line(record: Record) -> bytes:
    """A record as it goes into a pipe."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


__all__ = ["LineReader", "Record", "line"]
