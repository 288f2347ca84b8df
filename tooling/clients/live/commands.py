"""The slash commands: their names, what `/help` says of them, and how a half-typed one goes on."""

import itertools
from collections.abc import Iterable

from attrs import frozen


@frozen
class Command:
    """`usage`: name and arguments as `/help` shows them. `words`: what its first argument may be, if that is fixed."""

    name: str
    usage: str
    help: str
    aliases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


COMMANDS = (
    Command("/help", "/help", "this list", ("/?",)),
    Command("/list", "/list", "the personas there are", ("/personas",)),
    Command("/persona", "/persona [KEY] [fresh]", "the persona, or another one with this history (fresh: without)"),
    Command("/history", "/history", "what was said so far"),
    Command("/info", "/info", "session, persona, counts", ("/status",)),
    Command("/stats", "/stats [on|off]", "latencies after every reply", (), ("on", "off")),
    Command("/reload", "/reload", "read the persona files again, now"),
    Command("/cancel", "/cancel", "stop the running reply (so does Ctrl+C)"),
    Command("/stop", "/stop", "end (so do Ctrl+C at the prompt and the end of input)", ("/quit", "/exit")),
)
FRESH = "fresh"
_BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}


def command_named(name: str) -> Command | None:
    """The command of that name, or of that other name of it, in any case."""
    return _BY_NAME.get(name.lower())


def help_text() -> str:
    """What `/help` prints."""
    wide = max(len(command.usage) for command in COMMANDS)
    lines = []
    for command in COMMANDS:
        also = f" (also {', '.join(command.aliases)})" if command.aliases else ""
        lines.append(f"{command.usage:<{wide}}  {command.help}{also}")
    return "\n".join([*lines, "Anything else is said. A line sent while a reply streams interrupts it."])


def continuations(text: str, personas: Iterable[str]) -> list[str]:
    """What the last word of a half-typed command can become; nothing for what is no command."""
    if not text.startswith("/") or "\n" in text:
        return []
    *before, last = text.split(" ")
    if not before:
        named = [command.name for command in COMMANDS if command.name.startswith(last.lower())]
        return named or [name for name in _BY_NAME if name.startswith(last.lower())]
    command = command_named(before[0])
    arguments = [word for word in before[1:] if word]
    if command is None:
        return []
    choices: Iterable[str] = command.words if not arguments else ()
    if command.name == "/persona":
        choices = (sorted(personas), (FRESH,), ())[min(len(arguments), 2)]
    return [choice for choice in choices if choice.startswith(last)]


def completed(text: str, personas: Iterable[str]) -> str:
    """The text with its last word taken as far as it is certain, and a blank behind a word that is whole."""
    found = continuations(text, personas)
    if not found:
        return text
    head, _, last = text.rpartition(" ")
    alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*found, strict=False))
    sure = "".join(letters[0] for letters in alike)
    whole = sure + " " if len(found) == 1 else max(sure, last, key=len)
    return f"{head} {whole}" if head else whole


__all__ = ["COMMANDS", "FRESH", "Command", "command_named", "completed", "continuations", "help_text"]
