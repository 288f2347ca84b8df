"""The script of the conversation test: one story, and questions about how it began."""

from pathlib import Path

from attrs import frozen

from tooling.clients.data.tables import line_of, read_table, tables_of, words_of

FILE = Path(__file__).parent / "conversation.toml"


@frozen
class ScriptedTurn:
    """What is said in one turn. `expect_any`: the answer holds one of them; empty where nothing is asked back."""

    text: str
    expect_any: tuple[str, ...]


@frozen
class Conversation:
    """The turns, in the order they are said."""

    turns: tuple[ScriptedTurn, ...]


def load_conversation(path: Path = FILE) -> Conversation:
    """Read the script. Raises `UsageProblem` that names the file and what to mend."""
    turns = []
    for number, table in enumerate(tables_of(read_table(path), "turns", path.name), 1):
        where = f"{path.name}: turn {number}"
        turns.append(ScriptedTurn(line_of(table, "text", where), words_of(table, "expect_any", where)))
    return Conversation(tuple(turns))


__all__ = ["Conversation", "ScriptedTurn", "load_conversation"]
