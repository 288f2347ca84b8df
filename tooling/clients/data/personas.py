"""Who the model is asked to be: prompts kept as TOML files, one a persona."""

import tomllib
from pathlib import Path

from attrs import field, frozen

from tooling.clients.failures import UsageProblem

FOLDER = Path(__file__).parent / "personas"
GENDERS = {"female": "female", "woman": "female", "male": "male", "man": "male"}


@frozen
class Persona:
    """A persona as it goes into `start`."""

    key: str
    gender: str
    personality: str
    prompt: str = field(repr=False)


def load_personas(folder: Path = FOLDER) -> dict[str, Persona]:
    """All personas of a folder by key (the file's name). Raises `UsageProblem` naming a file that does not parse."""
    return {path.stem: read_persona(path) for path in sorted(folder.glob("*.toml"))}


def persona_by_key(personas: dict[str, Persona], key: str) -> Persona:
    """The persona with that key. Raises `UsageProblem` that lists the known ones."""
    found = personas.get(key)
    if found is None:
        raise UsageProblem(f"unknown persona {key!r}; known: {', '.join(personas)}")
    return found


def persona_by_traits(personas: dict[str, Persona], gender: str, personality: str) -> Persona:
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


def read_persona(path: Path) -> Persona:
    """The persona of one file. Raises `UsageProblem` that names it."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return Persona(path.stem, table["gender"], table["personality"], table["prompt"].strip())
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UsageProblem(f"persona file {path.name} cannot be used: {error}") from None


__all__ = ["FOLDER", "Persona", "load_personas", "persona_by_key", "persona_by_traits", "read_persona"]
