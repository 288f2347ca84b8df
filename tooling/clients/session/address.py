"""Where the server is and how the key gets there: the URL rule, and a form of it that may be shown."""

from ipaddress import IPv6Address
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from attrs import field, frozen

from tooling.clients.failures import UsageProblem

DEFAULT_URL = "ws://127.0.0.1:8000/ws"
SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
KEY_PARAMETER = "api_key"


@frozen
class Endpoint:
    """A server and a key. `url` has no key in it and may be printed; `auth` says how the key travels."""

    url: str
    key: str = field(repr=False)
    auth: str = "query"

    def target(self) -> str:
        """The URL to connect to, with the key in it if that is how it travels: never print it."""
        if self.auth != "query":
            return self.url
        parts = urlsplit(self.url)
        query = [*parse_qsl(parts.query, keep_blank_values=True), (KEY_PARAMETER, self.key)]
        return urlunsplit(parts._replace(query=urlencode(query)))

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Extra request headers."""
        if self.auth == "header":
            return [(b"X-API-Key", self.key.encode())]
        return [(b"Authorization", b"Bearer " + self.key.encode())] if self.auth == "bearer" else []


def server_url(text: str) -> str:
    """The WebSocket URL meant by `text`, without a key.

    `http` and `https` become `ws` and `wss`, no scheme means `ws`, an empty path or `/` becomes `/ws`; other query
    items stay. An IPv6 address alone gets its brackets. Raises `UsageProblem`.
    """
    given = text.strip()
    if _is_ipv6(given):
        given = f"[{given}]"
    parts = None
    try:
        parts = urlsplit(given if "://" in given else f"ws://{given}")
        sound = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or over 65535; a bracket too few
        sound = False
    if parts is None or not sound:
        raise UsageProblem(f"{_without_key(given)!r} is not a server address; write one like {DEFAULT_URL}")
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != KEY_PARAMETER]
    path = parts.path if parts.path not in ("", "/") else "/ws"
    return urlunsplit((SCHEMES[parts.scheme], parts.netloc, path, urlencode(query), ""))


def first_key(keys: str) -> str:
    """The key a client sends: the first of a comma-separated list. Empty if there is none."""
    return next((key.strip() for key in keys.split(",") if key.strip()), "")


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _without_key(text: str) -> str:
    return text.partition("?")[0]


__all__ = ["DEFAULT_URL", "Endpoint", "first_key", "server_url"]
