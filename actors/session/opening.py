"""What a session's first start fixes for as long as the connection lives."""

from datetime import datetime

from attrs import frozen

from actors.session.budgets import Limits, Measure
from actors.session.intake import Imported
from protocol.turns import Persona


@frozen(kw_only=True)
class Profile:
    """What a session's first start fixed. `measure` and `trim` are None in mode tool."""

    persona: Persona
    started: datetime
    check_prefix: str
    checked_prefix: str
    measure: Measure | None = None
    trim: Limits | None = None


@frozen
class Opening:
    """What a first start brings: the session's profile, and the history it imported (None: it sent no list)."""

    profile: Profile
    imported: Imported | None


__all__ = ["Opening", "Profile"]
