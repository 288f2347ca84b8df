"""`python -m tooling.benchmarks.telemetry.page PORT`: the metrics page of a server on this machine, as it is now."""

import http.client
import sys

from tooling.usage import answer_help

TIMEOUT_S = 10.0


def page(port: int) -> str:
    """The page's text. Raises `OSError` where nobody answers, `ValueError` where it is no page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise ValueError(f"port {port} answered /metrics with {answer.status}: {text[:200]}")
    return text


__all__ = ["page"]

if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.stdout.write(page(int(sys.argv[1])))
