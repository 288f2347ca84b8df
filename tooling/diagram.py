"""`python -m tooling.diagram [--check]`: the session machine's table, drawn and listed in the docs."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from actors.session.events import ChunkProduced
from actors.session.machine import POURS, TRANSITIONS, Rule
from actors.session.state import Phase
from tooling import usage

PAGE = Path(__file__).parents[1] / "docs" / "architecture" / "session-machine.md"
HEAD = """# The session machine

Written by `just diagram` from `actors/session/machine.py`; edit the table there, not this page. Arrows are labelled
`event [guard] / effects`; rows that change neither phase nor anything else are left out of the drawing.
Every pair of phase and event that has no row is illegal: it raises and changes nothing.

Rows marked * only pass text on. Where one of them is all there is, and nothing waits before it, text takes a short way
from the engine's step to the socket (`SessionActor.pour`); the set is derived from the table (`POURS`).

"""


def page() -> str:
    """The whole Markdown page."""
    return HEAD + "\n".join([*_drawing(), "", *_rows(), ""])


def _drawing() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {Phase.IDLE.value}"
    for phase, event, rule in _table():
        if phase is not rule.to or rule.emit.__name__ != "_nothing":
            yield f"    {phase.value} --> {_target(rule.to)}: {_label(event, rule)}"
    yield "```"


def _rows() -> Iterator[str]:
    yield "| phase | event | guard | next phase | effects | update |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for phase, event, rule in _table():
        guard = rule.when.__name__ if rule.when else ""
        mark = "*" if phase in POURS and event is ChunkProduced else ""
        cells = phase.value, event.__name__ + mark, guard, rule.to.value, _name(rule.emit), _name(rule.update)
        yield f"| {' | '.join(cells)} |"


def _table() -> Iterator[tuple[Phase, type, Rule]]:
    order = list(Phase)
    for (phase, event), rules in sorted(
        TRANSITIONS.items(), key=lambda row: (order.index(row[0][0]), row[0][1].__name__)
    ):
        for rule in rules:
            yield phase, event, rule


def _label(event: type, rule: Rule) -> str:
    guard = f" [{rule.when.__name__}]" if rule.when else ""
    effects = _name(rule.emit)
    return f"{event.__name__}{guard}" + (f" / {effects}" if effects else "")


def _target(phase: Phase) -> str:
    return "[*]" if phase is Phase.CLOSED else phase.value


def _name(function: object) -> str:
    name = getattr(function, "__name__", "")
    return "" if name in ("_nothing", "_same") else name


def main(argv: Sequence[str]) -> int:
    """Write the page, or with `--check` fail if it is stale."""
    parser = usage.parser(
        "just diagram",
        "Draw the session machine into the docs.",
        codes="0 done, 1 the page is stale (--check), 2 usage",
    )
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the page is stale")
    check = parser.parse_args(argv).check
    text = page()
    if check and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text):
        print(f"{PAGE.name} is stale: run `just diagram`", file=sys.stderr)
        return 1
    if not check:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
