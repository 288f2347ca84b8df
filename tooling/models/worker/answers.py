"""What the Hub's refusals mean for somebody who named a model: one sentence each, with what to do."""

import errno
from collections.abc import Callable
from json import JSONDecodeError

from attrs import frozen
from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tooling.models.worker.retrying import is_connection_lost, reason, status_of
from tooling.refusal import FAILED, REFUSED, Refusal

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@frozen
class Asked:
    """What was asked of the Hub. `sent_token`: whether a token went with it."""

    name: str
    revision: str | None
    sent_token: bool

    @property
    def token(self) -> str:
        """How the token stands in a sentence."""
        return "a token was sent" if self.sent_token else "no token was sent"


def refused(error: Exception, asked: Asked) -> Refusal | None:
    """What to say of an error of the Hub's library; None if it is none that is known."""
    if isinstance(error, Refusal):
        return error
    for kind, sentence in _BY_KIND.items():
        if isinstance(error, kind):
            return Refusal(sentence(asked, status_of(error)), REFUSED)
    status = status_of(error)
    if status in (401, 403):
        return Refusal(_forbidden(asked, status), REFUSED)
    if status == 404:
        return Refusal(_missing(asked, status), REFUSED)
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return Refusal(
            f"no room for {asked.name} in {constants.HF_HUB_CACHE}: free some, or name another HF_HOME", FAILED
        )
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return Refusal(
            f"{error.filename or constants.HF_HUB_CACHE} cannot be used ({error.strerror}): name another HF_HOME",
            REFUSED,
        )
    if isinstance(error, JSONDecodeError):
        # Something answered in the Hub's place: a proxy's page, a portal's.
        return Refusal(f"{asked.name}: {constants.ENDPOINT} does not answer as the Hub does: {reason(error)}", FAILED)
    if status is not None or is_connection_lost(error):
        return Refusal(
            f"{asked.name} cannot be had from {constants.ENDPOINT}: {reason(error)} ({asked.token}); try again later, "
            "or look at HF_ENDPOINT and the proxy settings",
            FAILED,
        )
    if isinstance(error, LocalEntryNotFoundError):
        return Refusal(_not_cached(asked, None), REFUSED)
    if isinstance(error, ValueError | OSError):
        return Refusal(f"{asked.name} cannot be had: {reason(error)}", FAILED)
    return None


def _missing(asked: Asked, status: int | None) -> str:
    mend = "the account of that token may not see it" if asked.sent_token else "a private one needs HF_TOKEN"
    return f"{asked.name} is not on {constants.ENDPOINT} (status {status}, {asked.token}): look at the spelling; {mend}"


def _gated(asked: Asked, status: int | None) -> str:
    mend = "with the account of that token" if asked.sent_token else "and set HF_TOKEN to a token of that account"
    return (
        f"{asked.name} is gated (status {status}, {asked.token}): ask for access on {constants.ENDPOINT}/{asked.name} "
        f"{mend}"
    )


def _no_revision(asked: Asked, status: int | None) -> str:
    return (
        f"{asked.name} has no revision {asked.revision!r} (status {status}, {asked.token}): name a branch, a tag or a "
        "commit"
    )


def _forbidden(asked: Asked, status: int | None) -> str:
    if not asked.sent_token:
        return f"{asked.name} is not for everybody (status {status}, {asked.token}): set HF_TOKEN"
    return (
        f"the token was refused for {asked.name} (status {status}, {asked.token}): it has ended or does not reach this "
        f"repository; make another one on {constants.ENDPOINT}/settings/tokens and set HF_TOKEN"
    )


def _disabled(asked: Asked, status: int | None) -> str:
    return f"{asked.name} has been closed by {constants.ENDPOINT} (status {status}, {asked.token}): take another model"


def _malformed(asked: Asked, status: int | None) -> str:
    return f"{asked.name!r} is no id that the Hub can have: write org/name"


def _not_cached(asked: Asked, status: int | None) -> str:
    at = f" at {asked.revision}" if asked.revision else ""
    return (
        f"{asked.name}{at} is not in the cache {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE is set: unset it to fetch "
        "the model once"
    )


# The first that fits: the library's classes are made of each other.
_BY_KIND: dict[type[Exception], Callable[[Asked, int | None], str]] = {
    GatedRepoError: _gated,
    RevisionNotFoundError: _no_revision,
    DisabledRepoError: _disabled,
    RepositoryNotFoundError: _missing,
    HFValidationError: _malformed,
}

__all__ = ["Asked", "refused"]
