"""Where the server is and how the key gets there: the URL rule, and a form of it that may be shown."""

from ipaddress import IPv6Address
from ssl import SSLContext
from typing import Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from attrs import field, frozen

from .errors import AddressError

DEFAULT_URL = "ws://127.0.0.1:8000/ws"
SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
KEY_PARAMETER = "api_key"

Auth = Literal["query", "header", "bearer"]
"""How a key travels: `?api_key=`, `X-API-Key`, or `Authorization: Bearer`."""


@frozen
class Endpoint:
    """A server and a key. `url` has no key in it and may be printed; `auth` says how the key travels.

    `tls`: for `wss`, where the system's trusted certificates are not what is wanted.
    """

    url: str
    key: str = field(repr=False)
    auth: str = "query"
    tls: SSLContext | None = field(default=None, repr=False)

    @classmethod
    def at(cls, address: str, key: str | None = None, auth: Auth = "query", tls: SSLContext | None = None) -> Self:
        """What `address` means, by the rule of `server_url`. Without `key` the one in its query counts, if any.

        Raises `AddressError`.
        """
        found = (_key_in(address) if key is None else key).strip()
        _check_key(found, auth)
        url = server_url(address)
        if tls is not None and not url.startswith("wss:"):
            raise AddressError(f"{url} is not encrypted, and a TLS context was given: write wss://")
        return cls(url, found, auth, tls)

    def target(self) -> str:
        """The URL to connect to, with the key in it if that is how it travels: never print it."""
        if self.auth != "query" or not self.key:
            return self.url
        parts = urlsplit(self.url)
        query = [*parse_qsl(parts.query, keep_blank_values=True), (KEY_PARAMETER, self.key)]
        return urlunsplit(parts._replace(query=urlencode(query)))

    def headers(self) -> list[tuple[str, str]]:
        """Extra request headers."""
        if self.auth == "header" and self.key:
            return [("X-API-Key", self.key)]
        return [("Authorization", f"Bearer {self.key}")] if self.auth == "bearer" and self.key else []


def server_url(text: str) -> str:
    """The WebSocket URL meant by `text`, without a key.

    `http` and `https` become `ws` and `wss`, no scheme means `ws`, an empty path or `/` becomes `/ws`; other query
    items stay. An IPv6 address alone gets its brackets. Raises `AddressError`.
    """
    given = text.strip()
    if _is_ipv6(given):
        given = f"[{given}]"
    parts = None
    try:
        parts = urlsplit(given if "://" in given else f"ws://{given}")
        sound = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
        sound = sound and not any(sign.isspace() for sign in given)
        (parts.hostname or "").encode("idna")
    except ValueError:  # a port that is no number, or over 65535; a bracket too few; a name that DNS cannot carry
        sound = False
    if parts is not None and sound and "@" in parts.netloc:
        raise AddressError("the address has a user or password in it: leave them out, the key is given apart")
    if parts is None or not sound:
        raise AddressError(f"{_without_secrets(given)!r} is not a server address; write one like {DEFAULT_URL}")
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != KEY_PARAMETER]
    path = parts.path if parts.path not in ("", "/") else "/ws"
    return urlunsplit((SCHEMES[parts.scheme], parts.netloc, path, urlencode(query), ""))


def first_key(keys: str) -> str:
    """The key a client sends: the first of a comma-separated list. Empty if there is none."""
    return next((key.strip() for key in keys.split(",") if key.strip()), "")


def _key_in(address: str) -> str:
    query = address.strip().partition("?")[2].partition("#")[0]
    return next((value for name, value in parse_qsl(query) if name == KEY_PARAMETER), "")


def _check_key(key: str, auth: str) -> None:
    """Raises `AddressError` for a key that cannot travel so."""
    if any(not sign.isprintable() for sign in key):
        raise AddressError("the key has control characters in it")
    if auth != "query" and not key.isascii():
        raise AddressError(f"a key with other letters than ASCII cannot travel as {auth}: use query")


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _without_secrets(text: str) -> str:
    return text.partition("?")[0].rpartition("@")[2]


__all__ = ["DEFAULT_URL", "Auth", "Endpoint", "first_key", "server_url"]
