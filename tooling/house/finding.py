"""What is told of a file, and what a rule is."""

from collections.abc import Callable, Iterable

from attrs import frozen

from tooling.house.tree import Tree


@frozen(order=True)
class Finding:
    """One place that breaks a rule.

    `path`: from the root; `line`: from 1. `subject`: the function, class or library it is about, by which an exception
    may name it; empty where it is about the file.
    """

    path: str
    line: int
    what: str
    subject: str = ""
    rule: str = ""
    remedy: str = ""


@frozen
class Rule:
    """`scope`: where it holds, for people. `remedy`: what to do about a finding. `check`: finds, given everything."""

    name: str
    scope: str
    remedy: str
    check: Callable[[Tree], Iterable[Finding]]


__all__ = ["Finding", "Rule"]
