"""`python -m tooling.benchmarks.telemetry.receivers PORT`: takes what OTLP and Sentry exporters send; forgets it."""

import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tooling.usage import answer_help


class Receiver(BaseHTTPRequestHandler):
    """Reads a request and says 200; a proper answer, so that nothing is sent twice."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take it."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def main(argv: Sequence[str]) -> int:
    """Receive until killed."""
    ThreadingHTTPServer(("127.0.0.1", int(argv[0])), Receiver).serve_forever()
    return 0


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
