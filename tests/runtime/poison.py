"""A bug of ours, on purpose: one user's words crash the turn whose prompt they are in."""

from collections.abc import Callable

from attrs import define, evolve

from actors.lanes import Lanes, P, T
from actors.session.deployment import Deployment
from tests.runtime.serving import text_of_ids

WORDS = "trip the bug"


@define(eq=False)
class Poisoned(Lanes):
    """The real ones, except that what is made of the words is never handed on."""

    async def prompt(self, chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Break on the words."""
        made = await super().prompt(chars, work, *args, **kwargs)
        if isinstance(made, list) and WORDS in text_of_ids(made):
            raise RuntimeError("a bug of ours, on purpose")
        return made


def poisoned(site: Deployment) -> Deployment:
    """For `serving`."""
    return evolve(site, lanes=Poisoned())


__all__ = ["WORDS", "poisoned"]
