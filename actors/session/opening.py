"""What a session's first start fixes for as long as the connection lives."""

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import field, frozen

from actors.session.budgets import Limits, Measure
from actors.session.intake import Imported
from protocol.turns import Persona

Said = Sequence[tuple[str, str]]
"""(role, text) of a prompt's messages."""
Render = Callable[[Said], list[int]]


@frozen(kw_only=True)
class Profile:
    """What a session's first start fixed. `measure`, `trim`, `render` and `news` are None in mode tool.

    `render`: a prompt's messages -> its ids; remembers the last prompt's texts. Raises `TextRefused`. `news`: about how
    many characters it would have to work on.
    """

    persona: Persona
    started: datetime
    check_prefix: str
    checked_prefix: str
    measure: Measure | None = None
    trim: Limits | None = None
    render: Render | None = field(default=None, eq=False, repr=False)
    news: Callable[[Said], int] | None = field(default=None, eq=False, repr=False)


@frozen
class Opening:
    """What a first start brings: the session's profile, and the history it imported (None: it sent no list)."""

    profile: Profile
    imported: Imported | None


__all__ = ["Opening", "Profile", "Render", "Said"]
