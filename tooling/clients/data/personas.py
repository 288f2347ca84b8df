"""Who the model is asked to be: prompts kept as TOML files, one a persona, and aliases, one a file as well.

A persona's file has `gender`, `personality` and `prompt`; an alias's has `alias = "KEY"` and nothing else.
"""

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from tooling.clients.data.tables import Table, read_table, text_of
from tooling.clients.failures import UsageProblem

FOLDER = Path(__file__).parent / "personas"
PATTERN = "*.toml"
DEMO_PERSONA = "demo"
"""Short enough for a demo model."""
GENDERS = {"female": "female", "woman": "female", "male": "male", "man": "male"}


@frozen
class Persona:
    """A persona as it goes into `start`."""

    key: str
    gender: str
    personality: str
    prompt: str = field(repr=False)


@frozen
class Alias:
    """A second name for the persona with the key `of`."""

    key: str
    of: str


Entry = Persona | Alias


def load_personas(folder: Path = FOLDER) -> dict[str, Persona]:
    """All personas of a folder by key (the file's name); under an alias stands the persona it is one of.

    Raises `UsageProblem`: a file that cannot be used, with what to mend; a folder that cannot, or has none.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.match(PATTERN))
    except OSError as error:
        raise UsageProblem(f"no personas in {folder}: {error.strerror}") from None
    entries = {path.stem: read_persona(path) for path in paths}
    if not entries:
        raise UsageProblem(f"no personas in {folder}: it has no {PATTERN} file")
    return resolve(entries)


def read_persona(path: Path) -> Entry:
    """One file. Raises `UsageProblem` that names the file and what to mend."""
    table, where = read_table(path), f"persona file {path.name}"
    if "alias" in table:
        if len(table) > 1:
            others = ", ".join(name for name in table if name != "alias")
            raise UsageProblem(f"{where}: an alias has no more than its alias; take out {others}, or alias")
        return Alias(path.stem, text_of(table, "alias", where))
    return Persona(path.stem, _gender(table, where), _personality(table, where), text_of(table, "prompt", where))


def resolve(entries: Mapping[str, Entry]) -> dict[str, Persona]:
    """The persona behind every key. Raises `UsageProblem` for an alias of no persona."""
    personas = {key: entry for key, entry in entries.items() if isinstance(entry, Persona)}
    found = {}
    for key, entry in entries.items():
        persona = personas.get(entry.of if isinstance(entry, Alias) else key)
        if persona is None:
            assert isinstance(entry, Alias)
            raise UsageProblem(f"persona {key} is an alias of {entry.of!r}, and no persona; known: {_keys(personas)}")
        found[key] = persona
    return found


def persona_by_key(personas: Mapping[str, Persona], key: str) -> Persona:
    """The persona with that key. Raises `UsageProblem` that lists the known ones."""
    found = personas.get(key)
    if found is None:
        raise UsageProblem(f"unknown persona {key!r}; known: {_keys(personas)}")
    return found


def persona_by_traits(personas: Mapping[str, Persona], gender: str, personality: str) -> Persona:
    """The persona with that gender and personality; an unknown personality takes the gender's base prompt."""
    known = GENDERS.get(gender.strip().lower())
    if known is None:
        raise UsageProblem(f"gender {gender!r} is not one of {', '.join(GENDERS)}")
    if not personality.isalpha():
        raise UsageProblem(f"personality {personality!r} must be letters only")
    wanted = personality.lower()
    for persona in personas.values():
        if (persona.gender, persona.personality) == (known, wanted):
            return persona
    base = persona_by_key(personas, known)
    return Persona(base.key, known, wanted, base.prompt)


def _gender(table: Table, where: str) -> str:
    known = GENDERS.get(text_of(table, "gender", where).lower())
    if known is None:
        raise UsageProblem(f"{where}: gender must be one of {', '.join(GENDERS)}")
    return known


def _personality(table: Table, where: str) -> str:
    personality = text_of(table, "personality", where).lower()
    if not personality.isalpha():
        raise UsageProblem(f"{where}: personality must be one word of letters")
    return personality


def _keys(personas: Mapping[str, Persona]) -> str:
    return ", ".join(sorted(personas)) or "none"


__all__ = [
    "DEMO_PERSONA",
    "FOLDER",
    "Alias",
    "Entry",
    "Persona",
    "load_personas",
    "persona_by_key",
    "persona_by_traits",
    "read_persona",
    "resolve",
]
