"""Which cases a run replays."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest

from attrs import frozen

from tooling.clients.data.tool_cases import Case, domains
from tooling.clients.failures import UsageProblem


@frozen
class Selection:
    """The cases to replay, in order. `skipped`: those that were too long."""

    cases: tuple[Case, ...]
    skipped: int

    @property
    def steps(self) -> int:
        """Steps of all of them."""
        return sum(len(case.steps) for case in self.cases)


def select(cases: Sequence[Case], wanted: Sequence[str], max_steps: int, limit: int | None) -> Selection:
    """Cases of the wanted domains (all, if none is named), without the longer ones (`max_steps` 0: no cap), the first
    `limit` of them. One case of each domain in turn, so that a short run sees them all.

    Raises `UsageProblem` for a domain that is not there, or when nothing is left.
    """
    chosen = {_known(name, domains(cases)) for name in wanted} or set(domains(cases))
    offered = [case for case in cases if case.domain in chosen]
    fitting = [case for case in offered if not max_steps or len(case.steps) <= max_steps]
    if not fitting:
        shortest = min(len(case.steps) for case in offered)
        raise UsageProblem(f"no case has {max_steps} steps or fewer; give --max-steps {shortest} or more (0: no cap)")
    return Selection(tuple(_in_turn(fitting))[:limit], len(offered) - len(fitting))


def _known(name: str, known: Sequence[str]) -> str:
    meant = "_".join(name.lower().replace("-", " ").replace("_", " ").split())
    if meant not in known:
        raise UsageProblem(f"no domain {name!r}; there are {', '.join(known)}")
    return meant


def _in_turn(cases: Sequence[Case]) -> Iterator[Case]:
    by_domain: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_domain[case.domain].append(case)
    rounds = zip_longest(*by_domain.values())
    return (case for case in chain.from_iterable(rounds) if case is not None)


__all__ = ["Selection", "select"]
