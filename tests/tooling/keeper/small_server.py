"""A server as far as a keeper can see: it tells its port, answers `/readyz`, prints, and hears signals.

Words: `ready-when=PATH` (else at once), `print=N` numbered lines once it is ready, `deaf` to SIGTERM, `exit=CODE` at
once, `child` of its group that holds the pipe, `fled`: one that left the group and holds it, too.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

WORDS = dict(word.partition("=")[::2] for word in sys.argv[1:])
PATIENT_CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


class Readiness(BaseHTTPRequestHandler):
    """Answers as our server does."""

    def do_GET(self) -> None:
        """`/readyz`; everything else is not served."""
        ready = "ready-when" not in WORDS or Path(WORDS["ready-when"]).exists()
        said = {"status": "ready"} if ready else {"status": "not_ready", "reason": "the engine is warming up"}
        body = json.dumps(said).encode()
        self.send_response((200 if ready else 503) if self.path == "/readyz" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if ready and "print" in WORDS:
            count = int(WORDS.pop("print"))
            threading.Thread(target=numbers, args=(count,), daemon=True).start()

    def log_message(self, *words: object) -> None:
        """Requests are not told of."""


def numbers(count: int) -> None:
    """Print them, one a line."""
    for number in range(count):
        print(f"number {number:06d} of many, which makes a line of some length", flush=True)


def main() -> None:
    """Serve until the first SIGTERM or SIGINT."""
    if "exit" in WORDS:
        print("the last words", file=sys.stderr, flush=True)
        sys.exit(int(WORDS["exit"]))
    server = HTTPServer(("127.0.0.1", int(os.environ.get("SERVER_PORT", "0"))), Readiness)  # noqa: TID251
    told = int(os.environ["LISTENING_FD"])  # noqa: TID251  # an entry module

    def stop(number: int, frame: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # its keeper may have been killed, and it goes on
            os.write(1, f"heard {signal.Signals(number).name}\n".encode())
        if "deaf" not in WORDS:
            threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    for word in {"child", "fled"} & WORDS.keys():
        started = subprocess.Popen([sys.executable, "-c", PATIENT_CHILD], start_new_session=word == "fled")
        print(f"{word} {started.pid}", flush=True)
    print(f"pid {os.getpid()}", flush=True)
    os.write(told, b"%d\n" % server.server_port)
    os.close(told)
    server.serve_forever(poll_interval=0.02)


if __name__ == "__main__":
    main()
