"""`python -m tooling.probe [/healthz | /readyz]` asks the server of this machine: exit 0 for yes, 1 for no.

For a container's health check: standard library only, so that it costs a few milliseconds every time. It asks where
`SERVER_BIND_HOST` and `SERVER_PORT` say that the server listens, else port 8000 of the loopback. Without a path the
question is whether the server is alive, `/healthz`.
"""

import http.client
import os
import sys
from collections.abc import Mapping

from tooling.usage import answer_help

DEFAULT_PORT = 8000
LOOPBACK = "127.0.0.1"
ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104  # compared with, not bound to
# Kubernetes sets SERVER_PORT=tcp://... beside a service called `server`; the server does not take that for a port.
SERVICE_LINKS = ("tcp://", "udp://", "sctp://")
ALIVE = "/healthz"
# Shorter than the health check's own limit, so that the reason is still printed.
TIMEOUT_S = 4.0
# Of an answer, as much as the container's record of its health keeps.
MAX_BODY = 2048


def probe(environ: Mapping[str, str], path: str = ALIVE) -> int:
    """Ask `GET path` of the server; the reason of a no goes to stderr."""
    bound = environ.get("SERVER_BIND_HOST", "").strip().strip("[]")
    host = LOOPBACK if bound in ANY_ADDRESS else bound
    port = environ.get("SERVER_PORT", "").strip()
    if not port or port.lower().startswith(SERVICE_LINKS):
        port = str(DEFAULT_PORT)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if not port.isdecimal():
        sys.stderr.write(f"SERVER_PORT is {port!r}, not a port number\n")
        return 1
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        status, body = answer.status, answer.read(MAX_BODY).decode(errors="replace")
    except (OSError, http.client.HTTPException, OverflowError, UnicodeError) as error:
        sys.stderr.write(f"no answer from {place}: {error or type(error).__name__}\n")
        return 1
    finally:
        connection.close()
    if status != http.client.OK:
        sys.stderr.write(f"{place} answered {path} with {status}: {body}\n")
    return 0 if status == http.client.OK else 1


__all__ = ["ALIVE", "DEFAULT_PORT", "TIMEOUT_S", "probe"]

if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:], environment="SERVER_BIND_HOST, SERVER_PORT", codes="0 yes, 1 no")
    sys.exit(probe(os.environ, *sys.argv[1:2]))  # noqa: TID251 - an entry module
