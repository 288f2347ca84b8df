"""Messages as a prompt wants them: blanks left out, roles merged, and what the template cannot take moved elsewhere."""

from collections.abc import Sequence
from typing import Literal

from attrs import evolve, field, frozen

PromptRole = Literal["system", "user", "assistant"]

# Stands in for the user before a history that opens with the assistant, where a template wants the user first.
OPENING = "..."


@frozen
class PromptMessage:
    """One message of a prompt; `text` as it is stored, prefix included."""

    role: PromptRole
    text: str = field(repr=lambda text: f"<{len(text)} chars>")


@frozen(kw_only=True)
class Accepts:
    """What a template takes, probed once.

    `system`: a system message. `assistant_first`: a history that opens with the assistant. `parts`: content comes as
    a list of text parts, not as a string.
    """

    system: bool = True
    assistant_first: bool = True
    parts: bool = False


def arrange(messages: Sequence[PromptMessage], accepts: Accepts) -> list[PromptMessage]:
    """The messages in the order and roles that the template takes, contents otherwise untouched.

    Consecutive messages of one role become one, a blank line between; so does a system text and the first user
    message where there is no system role.
    """
    spoken = [message for message in messages if message.text.strip()]
    system = [message for message in spoken if message.role == "system"]
    turns = [message for message in spoken if message.role != "system"]
    if not accepts.assistant_first and turns and turns[0].role == "assistant":
        turns.insert(0, PromptMessage("user", OPENING))
    if not accepts.system:
        at = next((at for at, message in enumerate(turns) if message.role == "user"), 0)
        turns[at:at] = [PromptMessage("user", message.text) for message in system]
        system = []
    return _merged([*system, *turns])


def _merged(messages: Sequence[PromptMessage]) -> list[PromptMessage]:
    runs: list[PromptMessage] = []
    for message in messages:
        if runs and runs[-1].role == message.role:
            runs[-1] = evolve(runs[-1], text=f"{runs[-1].text}\n\n{message.text}")
        else:
            runs.append(message)
    return runs


__all__ = ["OPENING", "Accepts", "PromptMessage", "PromptRole", "arrange"]
