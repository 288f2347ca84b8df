"""`python -m tooling.probe` asks the server of this machine whether it is alive: exit 0 for yes, 1 for no.

For a container's health check: standard library only, so that it costs a few milliseconds every time. The port is
`SERVER_PORT`, or 8000. Readiness is another question, which orchestrators ask `/readyz`.
"""

import http.client
import os
import sys
from collections.abc import Mapping

DEFAULT_PORT = 8000
# Shorter than the health check's own limit, so that the reason is still printed.
TIMEOUT_S = 4.0


def probe(environ: Mapping[str, str]) -> int:
    """Ask `GET /healthz` on the loopback; the reason of a no goes to stderr."""
    port = environ.get("SERVER_PORT", "").strip() or str(DEFAULT_PORT)
    if not port.isdecimal():
        sys.stderr.write(f"SERVER_PORT is {port!r}, not a port number\n")
        return 1
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, OverflowError) as error:
        sys.stderr.write(f"no answer from 127.0.0.1:{port}: {error or type(error).__name__}\n")
        return 1
    finally:
        connection.close()
    if status != http.client.OK:
        sys.stderr.write(f"127.0.0.1:{port} answered /healthz with {status}\n")
    return 0 if status == http.client.OK else 1


__all__ = ["DEFAULT_PORT", "TIMEOUT_S", "probe"]

if __name__ == "__main__":
    sys.exit(probe(os.environ))  # noqa: TID251 - an entry module
