"""What comes in becomes history: an utterance, an analysis, a reply, or a whole list that a client brought along.

These functions tokenise through the callables they are given; a caller with a long text runs them in a worker thread
and appends the result on its own.
"""

from collections.abc import Callable, Sequence

from attrs import field, frozen

from actors.session.budgets import Count, Cut, Limits, Measure
from actors.session.history import History, HistoryMessage, Kind


@frozen(kw_only=True)
class Routing:
    """How the router's texts are measured, in tokens of the tool tokenizer, without special tokens.

    `count`, `cut_end`: tokens of a text; its end within so many tokens. `budget`: tokens of one router input.
    `newline_tokens`: what the newline between two texts costs.
    """

    count: Count = field(repr=False)
    cut_end: Cut = field(repr=False)
    budget: int
    newline_tokens: int = 1

    def text(self, utterance: str) -> tuple[str, int]:
        """What the router reads of an utterance and its tokens: trimmed, its end if it is over the budget."""
        whole = utterance.strip()
        tokens = self.count(whole)
        return (whole, tokens) if tokens <= self.budget else self.cut_end(whole, self.budget)


@frozen(kw_only=True)
class Imported:
    """An imported history and what the ack says of it.

    `input_turns`: turns after grouping. `trimmed`: whether any turn was dropped.
    """

    history: History
    input_messages: int
    input_turns: int
    retained_turns: int
    trimmed: bool
    history_tokens: int


@frozen
class _Group:
    """One imported turn: joined user texts, joined assistant texts; either may be empty."""

    user: str = ""
    assistant: str = ""


def utterance(turn: int, text: str, measure: Measure, routing: Routing | None = None) -> HistoryMessage:
    """The message of a `start` or `message`: cut to its budget, while the router's text comes from the whole."""
    routing_text, routing_tokens = routing.text(text) if routing else ("", 0)
    kept, tokens = _fit(text, measure.utterance_budget, measure.count, measure.cut)
    overhead = measure.per_message + measure.check_tokens
    return HistoryMessage(
        kind=Kind.UTTERANCE,
        text=kept,
        turn=turn,
        cost=tokens + overhead,
        overhead=overhead,
        routing_text=routing_text,
        routing_tokens=routing_tokens,
    )


def analysis(turn: int, text: str, prefix: str, measure: Measure) -> HistoryMessage:
    """The message of a `followup`: cut to its budget, with the checked prefix."""
    kept, tokens = _fit(text, measure.analysis_budget, measure.count, measure.cut)
    overhead = measure.per_message + measure.checked_tokens
    return HistoryMessage(
        kind=Kind.ANALYSIS, text=kept, turn=turn, cost=tokens + overhead, overhead=overhead, prefix=prefix
    )


def reply(turn: int, text: str, measure: Measure, *, interrupted: bool = False, counted: bool = True) -> HistoryMessage:
    """What the client was sent of a turn, exactly. `counted`: False where there is no time for it now."""
    overhead = measure.per_message
    return HistoryMessage(
        kind=Kind.REPLY,
        text=text,
        turn=turn,
        cost=(measure.count(text) if counted else 0) + overhead,
        overhead=overhead,
        counted=counted,
        interrupted=interrupted,
    )


def routed(turn: int, text: str, routing: Routing) -> HistoryMessage:
    """The message of a turn in tool mode, where the router's text is all there is."""
    kept, tokens = routing.text(text)
    return HistoryMessage(
        kind=Kind.UTTERANCE, text=kept, turn=turn, cost=tokens, routing_text=kept, routing_tokens=tokens
    )


def import_chat(
    items: Sequence[tuple[str, str]], measure: Measure, limits: Limits, routing: Routing | None = None
) -> Imported:
    """The history of a first `start` in mode chat or both, from (role, content) pairs of any role.

    Imported texts have no budget of their own; the import trim bounds them.
    """

    def message(kind: Kind, text: str, turn: int) -> HistoryMessage:
        overhead = measure.per_message + (measure.check_tokens if kind is Kind.UTTERANCE else 0)
        routing_text, routing_tokens = routing.text(text) if routing and kind is Kind.UTTERANCE else ("", 0)
        return HistoryMessage(
            kind=kind,
            text=text,
            turn=turn,
            cost=measure.count(text) + overhead,
            overhead=overhead,
            routing_text=routing_text,
            routing_tokens=routing_tokens,
        )

    groups = _groups(items)
    whole = _numbered(groups, message)
    return _imported(len(items), len(groups), whole, whole.trimmed(limits.for_import(), measure.cut))


def import_tool(items: Sequence[tuple[str, str]], routing: Routing) -> Imported:
    """The history of a first `start` in mode tool: user texts only, newest within the router's budget."""
    groups = _groups(items)
    whole = _numbered(
        [_Group(user=group.user) for group in groups],
        lambda _, text, turn: routed(turn, text, routing),
    )
    return _imported(len(items), len(groups), whole, whole.router_trimmed(routing.budget, routing.newline_tokens))


def _fit(text: str, budget: int, count: Count, cut: Cut) -> tuple[str, int]:
    tokens = count(text)
    return (text, tokens) if tokens <= budget else cut(text, budget)


def _groups(items: Sequence[tuple[str, str]]) -> list[_Group]:
    """Turns: a user message after assistant text opens a new one; consecutive messages of a role join."""
    groups: list[tuple[list[str], list[str]]] = []
    for raw_role, raw_content in items:
        role, content = raw_role.strip().lower(), raw_content.strip()
        if role not in ("user", "assistant") or not content:
            continue
        if not groups or (role == "user" and groups[-1][1]):
            groups.append(([], []))
        groups[-1][role == "assistant"].append(content)
    return [_Group("\n\n".join(user), "\n\n".join(assistant)) for user, assistant in groups]


def _numbered(groups: Sequence[_Group], message: Callable[[Kind, str, int], HistoryMessage]) -> History:
    """Messages of the groups, turns numbered so that the newest is 0: live turns start at 1."""
    messages = []
    for turn, group in enumerate(groups, start=1 - len(groups)):
        for kind, text in ((Kind.UTTERANCE, group.user), (Kind.REPLY, group.assistant)):
            if text:
                messages.append(message(kind, text, turn))
    return History(tuple(messages))


def _imported(items: int, groups: int, whole: History, kept: History) -> Imported:
    retained = len(kept.turns())
    return Imported(
        history=kept,
        input_messages=items,
        input_turns=groups,
        retained_turns=retained,
        trimmed=retained < len(whole.turns()),
        history_tokens=kept.cost,
    )


__all__ = ["Imported", "Routing", "analysis", "import_chat", "import_tool", "reply", "routed", "utterance"]
