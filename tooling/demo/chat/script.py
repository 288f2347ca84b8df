"""Reads the dialogue scripts: topics, turns, wordings."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from tooling.demo.files import content_lines


class ScriptError(Exception):
    """A script file is not written as it should be; the message names the line."""


@frozen
class Exchange:
    """One turn of a topic: wordings of the user, possible replies."""

    asks: tuple[str, ...]
    replies: tuple[str, ...]


@frozen(kw_only=True)
class Topic:
    """A short dialogue. `gives`: facts its user tells; `needs`, `lacks`: facts that must or must not be told before."""

    name: str
    weight: float = 1.0
    gives: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    exchanges: tuple[Exchange, ...] = ()

    def fits(self, facts: Mapping[str, str]) -> bool:
        """Whether the topic may come now, given what was told before."""
        told = facts.keys()
        return self.needs <= told and not (self.lacks | self.gives) & told


def parse_topics(text: str) -> list[Topic]:
    """Read the topics of one script file; `ScriptError` for a line out of place."""
    topics: list[Topic] = []
    head: dict[str, str] = {}
    body: list[str] = []
    for line in content_lines(text):
        if line.startswith("=="):
            _finish(head, body, topics)
            name, *attributes = line[2:].split()
            head = {"name": name, **dict(attribute.split("=", 1) for attribute in attributes)}
            body = []
        elif line[:2] in ("> ", "< ") and head:
            body.append(line)
        else:
            raise ScriptError(f"not a topic, a user line or a reply: {line!r}")
    _finish(head, body, topics)
    return topics


def _finish(head: dict[str, str], body: Sequence[str], topics: list[Topic]) -> None:
    if not head:
        return
    facts = {key: frozenset(filter(None, head.get(key, "").split(","))) for key in ("gives", "needs", "lacks")}
    topics.append(
        Topic(name=head["name"], weight=float(head.get("weight", "1")), exchanges=tuple(_exchanges(body)), **facts)
    )


def _exchanges(body: Sequence[str]) -> Iterable[Exchange]:
    asks: list[str] = []
    replies: list[str] = []
    for line in body:
        if line.startswith(">") and replies:
            yield Exchange(tuple(asks), tuple(replies))
            asks, replies = [], []
        (asks if line.startswith(">") else replies).append(line[2:].strip())
    yield Exchange(tuple(asks), tuple(replies))


__all__ = ["Exchange", "ScriptError", "Topic", "parse_topics"]
