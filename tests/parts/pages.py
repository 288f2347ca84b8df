"""The page that Prometheus scrapes, read as it does."""

from http.client import HTTPConnection


def page(port: int) -> str:
    """`/metrics` of a server on loopback."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()
    finally:
        connection.close()


__all__ = ["page"]
