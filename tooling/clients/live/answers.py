"""What each slash command does to a talk."""

from tooling.clients.failures import UsageProblem
from tooling.clients.live.commands import FRESH, command_named, help_text
from tooling.clients.live.talk import Talk
from tooling.clients.live.wardrobe import described


async def answer(talk: Talk, name: str, *arguments: str) -> None:
    """Do what a typed command says, and ask for the next line if nothing runs."""
    command = command_named(name)
    match command.name if command else "":
        case "/help":
            talk.screen.note(help_text())
        case "/list":
            talk.screen.note(_personas(talk))
        case "/persona":
            _change(talk, *arguments)
        case "/history":
            talk.screen.note(talk.memory.told() or "nothing was said yet")
        case "/info":
            talk.screen.note(_info(talk))
        case "/stats":
            talk.stats = arguments[0] == "on" if arguments and arguments[0] in ("on", "off") else not talk.stats
            talk.screen.note(f"stats {'on' if talk.stats else 'off'}")
        case "/reload":  # every line typed has the files looked at, so what has changed is told already
            talk.screen.note(f"{len(talk.wardrobe.personas)} personas")
        case "/cancel":
            await talk.cancel()
        case "/stop":
            talk.ended = True
        case _:
            talk.screen.note(f"Unknown command '{name}'. Type /help for options.")
    if not (talk.ended or talk.turn or talk.connecting):
        talk.prompt()


def _change(talk: Talk, key: str = "", how: str = "", *more: str) -> None:
    """Show who it is, or go on as somebody else."""
    if not key:
        talk.screen.note(described(talk.persona) if talk.persona else "no persona before there is a connection")
    elif more or how not in ("", FRESH):
        talk.screen.note(f"/persona takes a key, then {FRESH} or nothing")
    else:
        try:
            talk.become(key, fresh=bool(how))
        except UsageProblem as problem:
            talk.screen.note(str(problem))


def _personas(talk: Talk) -> str:
    """A line a key, the active one marked; behind an alias, whose it is."""
    known = sorted(talk.wardrobe.personas.items())
    lines = []
    for key, persona in known:
        name = described(persona) if key == persona.key else f"{key} = {persona.key}"
        lines.append(f"{'*' if key == talk.key else ' '} {name}")
    return "\n".join(lines)


def _info(talk: Talk) -> str:
    session = talk.connection.session_id if talk.connection else "none"
    persona = talk.persona
    about = f"{persona.key} gender={persona.gender} personality={persona.personality}" if persona else "none"
    counts = f"messages={len(talk.memory.messages)} characters={talk.memory.chars()}"
    return f"session={session} persona={about} {counts}"


__all__ = ["answer"]
