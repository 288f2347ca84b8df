"""A long talk to begin with, and questions about it."""

from pathlib import Path

from attrs import frozen

from tooling.clients.data.tables import line_of, read_table, tables_of, words_of
from tooling.clients.failures import UsageProblem

FILE = Path(__file__).parent / "warm_history.toml"


@frozen
class Recall:
    """A question about the talk. `expect_any`: the answer holds one of them; `message_index`: the message that says it,
    counted from 0 over both speakers.
    """

    text: str
    expect_any: tuple[str, ...]
    message_index: int


@frozen
class WarmHistory:
    """`messages`: `{"role": "user" or "assistant", "content"}` in turn, as `start` takes them in `history`."""

    messages: tuple[dict[str, str], ...]
    questions: tuple[Recall, ...]


def load_warm_history(path: Path = FILE) -> WarmHistory:
    """Read the talk. Raises `UsageProblem` that names the file and what to mend."""
    table = read_table(path)
    messages = []
    for number, exchange in enumerate(tables_of(table, "exchanges", path.name), 1):
        for role in ("user", "assistant"):
            content = line_of(exchange, role, f"{path.name}: exchange {number}")
            messages.append({"role": role, "content": content})
    questions = []
    for number, asked in enumerate(tables_of(table, "questions", path.name), 1):
        where = f"{path.name}: question {number}"
        index = asked.get("message")
        if not isinstance(index, int) or index not in range(len(messages)):
            raise UsageProblem(f"{where}: message must be a number from 0 to {len(messages) - 1}")
        questions.append(Recall(line_of(asked, "text", where), words_of(asked, "expect_any", where), index))
    return WarmHistory(tuple(messages), tuple(questions))


__all__ = ["Recall", "WarmHistory", "load_warm_history"]
