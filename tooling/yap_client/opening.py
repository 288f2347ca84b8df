"""What a session is opened with, and the frames' payloads that follow from it. No I/O, no clock."""

from collections.abc import Callable, Mapping, Sequence
from ssl import SSLContext
from typing import Any, Literal, TypedDict

from attrs import field, frozen

from .address import Auth
from .backoff import Backoff
from .events import Event
from .limits import LinkLimits

Role = Literal["user", "assistant"]
Sampling = Mapping[str, float | int | bool | None]
"""Overrides such as `{"temperature": 0.7}`; None takes the session's own override away."""


@frozen
class Message:
    """One message of a history."""

    role: Role
    content: str = field(repr=False)


class Options(TypedDict, total=False):
    """What `connect` takes beside the address; `Setup` says what each means."""

    key: str | None
    auth: Auth
    tls: SSLContext | None
    prompt: str | None
    gender: str | None
    personality: str | None
    history: Sequence[Message]
    sampling: Sampling | None
    language: str | None
    keep_tags: Sequence[str]
    check_screen_prefix: str | None
    screen_checked_prefix: str | None
    reconnect: bool
    heartbeat_s: float | None
    wait_s: float
    limits: LinkLimits
    backoff: Backoff
    observer: Callable[[Event], None] | None


def _positive(_setup: "Setup", attribute: Any, value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name} must be over 0")


@frozen(kw_only=True)
class Setup:
    """A session as it is wanted.

    `key`: else the one in the address. `auth`: how it travels. `tls`: for `wss` with other certificates than the
    system trusts. `prompt`: the chat prompt; a server that only decides
    about tools needs none. `gender`, `personality`: of the persona. `history`: what was said before. `sampling`: for
    all turns. `language` (BCP 47) and `keep_tags`: how replies are made speakable. `check_screen_prefix`,
    `screen_checked_prefix`: for servers with a tool router.

    `reconnect`: whether a turn said after the connection ended opens another. `heartbeat_s`: send a JSON ping after so
    many silent seconds, so that the server does not close an idle session; None: never. `wait_s`: longest wait for the
    next frame of a turn. `limits`: of the connection. `backoff`: pauses before another attempt. `observer`: is called
    with every event as it is read, on the reading task: it must be quick and must not raise.
    """

    key: str | None = field(default=None, repr=False)
    auth: Auth = "query"
    tls: SSLContext | None = field(default=None, repr=False)
    prompt: str | None = field(default=None, repr=False)
    gender: str | None = None
    personality: str | None = None
    history: Sequence[Message] = field(default=(), repr=False)
    sampling: Sampling | None = None
    language: str | None = None
    keep_tags: Sequence[str] = ()
    check_screen_prefix: str | None = None
    screen_checked_prefix: str | None = None
    reconnect: bool = True
    heartbeat_s: float | None = field(default=None, validator=_positive)
    wait_s: float = field(default=60.0, validator=_positive)
    limits: LinkLimits = field(factory=LinkLimits)
    backoff: Backoff = field(factory=Backoff)
    observer: Callable[[Event], None] | None = field(default=None, repr=False)

    def persona(self) -> dict[str, object]:
        """What only a session's first start carries, without what was not given."""
        speech = {"language": self.language, "keep_tags": list(self.keep_tags) or None}
        given = {
            "gender": self.gender,
            "personality": self.personality,
            "chat_prompt": self.prompt,
            "speech": {name: value for name, value in speech.items() if value is not None} or None,
            "check_screen_prefix": self.check_screen_prefix,
            "screen_checked_prefix": self.screen_checked_prefix,
        }
        return {name: value for name, value in given.items() if value is not None}


__all__ = ["Message", "Options", "Role", "Sampling", "Setup"]
