"""An OSV on the loopback: answers what it is told to, as the real one does or as a bad one would."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from attrs import define, field

from tests.receivers.serving import Serving
from tooling.audit.advisories import PROOF


def advisory(
    name: str, package: str, *, fixed: str = "", aliases: tuple[str, ...] = (), summary: str = ""
) -> dict[str, Any]:
    """One entry as OSV has it."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    return {
        "id": name,
        "aliases": list(aliases),
        "summary": summary or f"{package} does what it should not",
        "affected": [
            {"package": {"name": package, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        ],
    }


OF_PROOF = advisory("PYSEC-2018-28", PROOF[0], fixed="2.20.0", aliases=(PROOF[2],))


@define
class Osv:
    """`known`: package to its advisories, whatever version is asked for. `breaks_after`: 500 from that request on."""

    url: str
    known: dict[str, list[dict[str, Any]]] = field(factory=dict)
    knows_proof: bool = True
    breaks_after: int | None = None
    raw: bytes | None = None
    asked: list[tuple[str, str]] = field(factory=list)
    complaints: list[str] = field(factory=list)

    def answer(self, query: Mapping[str, Any]) -> tuple[int, bytes]:
        name, version = query["package"]["name"], query["version"]
        self.asked.append((name, version))
        if self.breaks_after is not None and len(self.asked) > self.breaks_after:
            return 500, b"out of order"
        if self.raw is not None:
            return 200, self.raw
        found = [OF_PROOF] if self.knows_proof and (name, version) == PROOF[:2] else self.known.get(name, [])
        return 200, json.dumps({"vulns": found} if found else {}).encode()


@contextmanager
def serving() -> Iterator[Osv]:
    """One that runs meanwhile."""
    osv = Osv("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            status, body = osv.answer(json.loads(self.rfile.read(length)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing."""

    server = Serving(Handler, osv.complaints.append)
    osv.url = f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield osv
    finally:
        server.shutdown()
        thread.join()
        server.end()
    assert not osv.complaints


__all__ = ["Osv", "advisory", "serving"]
