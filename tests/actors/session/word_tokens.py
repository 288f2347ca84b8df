"""Words stand for tokens: how texts are measured, and histories of so many tokens."""

from collections.abc import Sequence

from actors.session.budgets import Limits, Measure
from actors.session.history import History
from actors.session.intake import Routing, reply, utterance

LIMITS = Limits(3000, 2000)


def count(text: str) -> int:
    """Words stand for tokens."""
    return len(text.split())


def cut(text: str, tokens: int) -> tuple[str, int]:
    kept = " ".join(text.split()[:tokens])
    return kept, count(kept)


def cut_end(text: str, tokens: int) -> tuple[str, int]:
    kept = " ".join(text.split()[-tokens:])
    return kept, count(kept)


MEASURE = Measure(count=count, at_most=count, cut=cut, per_message=0)
UNBOUNDED = Measure(count=count, at_most=count, cut=cut, per_message=0, utterance_max=10**6)


def routing(budget: int) -> Routing:
    return Routing(count=count, cut_end=cut_end, budget=budget)


def words(tokens: int) -> str:
    return " ".join(f"w{n}" for n in range(tokens))


def spoken(*turns: tuple[int, int]) -> History:
    """A history of (user tokens, reply tokens) turns; 0 is no message."""
    history = History()
    for number, (user, answer) in enumerate(turns, start=1):
        history = history.append(utterance(number, words(user), UNBOUNDED))
        history = history.append(reply(number, words(answer), MEASURE))
    return history


def of_costs(costs: Sequence[int]) -> History:
    return spoken(*((cost - cost // 2, cost // 2) for cost in costs))


__all__ = ["LIMITS", "MEASURE", "count", "cut", "of_costs", "routing", "spoken", "words"]
