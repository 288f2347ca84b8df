"""Answers to requests for the page, and what a browser may do with it."""

import re
from collections.abc import Mapping
from http import HTTPStatus

from attrs import define, field

from runtime.heads import Answer, RequestHead
from runtime.playground.files import INDEX, File, read_files

PATH = "/playground"
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src {sources}",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)


@define(eq=False)
class Playground:
    """What is served under `/playground`: the page itself, and its files below by name."""

    files: Mapping[str, File] = field(factory=read_files)

    def answer(self, head: RequestHead) -> Answer | None:
        """The answer; None where nothing is. GET and HEAD alone are meant to come here."""
        if head.path == f"{PATH}/":
            # Relative, as a proxy may show the page at another path. The query is not repeated: it may hold a key.
            return Answer(HTTPStatus.PERMANENT_REDIRECT, b"", (("Location", f"..{PATH}"), *_headers(head)))
        directory, _, name = head.path.rpartition("/")
        if head.path == PATH:
            name = INDEX
        elif directory != PATH or name == INDEX:
            return None
        file = self.files.get(name)
        if file is None:
            return None
        headers = (("ETag", file.tag), ("Cache-Control", "no-cache"), *_headers(head))
        if _has(head, file.tag):
            return Answer(HTTPStatus.NOT_MODIFIED, None, headers)
        return Answer(HTTPStatus.OK, file.body, headers, file.content_type)


def _has(head: RequestHead, tag: str) -> bool:
    """Whether the browser has this very file (RFC 9110, section 13.1.2: weak comparison)."""
    known = [
        each.strip().removeprefix("W/") for value in head.headers.get("if-none-match", ()) for each in value.split(",")
    ]
    return tag in known or known == ["*"]


def _headers(head: RequestHead) -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Security-Policy", "; ".join(POLICY).format(sources=_sources(head))),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        ("Vary", "Host"),
    )


def _sources(head: RequestHead) -> str:
    """Whom the page may talk to: the host that it came from, over a WebSocket too.

    Older browsers do not take `'self'` for one. A proxy may end TLS, so which of the two it is cannot be known here.
    """
    hosts = head.headers.get("host", ())
    if len(hosts) != 1 or HOST.fullmatch(hosts[0]) is None:
        return "'self'"
    return f"'self' ws://{hosts[0]} wss://{hosts[0]}"


__all__ = ["Playground"]
