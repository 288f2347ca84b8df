"""Environment and flags to values, sources and problems. Nothing is raised here: all problems are found first."""

import enum
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from runtime.settings.envfile import place_of
from runtime.settings.errors import Problem
from runtime.settings.kinds import Refused, Url, shortened
from runtime.settings.links import is_service_link
from runtime.settings.resolve import Resolver, expand_home
from runtime.settings.rules import Conflict, conflicts, warnings
from runtime.settings.sections import FIELDS, FLAGS, SECTION_CLASSES, VARIABLES, Sections
from runtime.settings.unknown import unknown_flag, unknown_variables
from runtime.settings.variable import Required, Variable


class Source(enum.StrEnum):
    """Where a value comes from."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    FLAG = "flag"


@frozen(eq=False)
class Given:
    """A value somebody set. `flag`: the flag that did, if it was one; `place`: where in a file it stands, if in one."""

    text: str
    flag: str | None = None
    place: str | None = None


@frozen(kw_only=True, eq=False)
class Reading:
    """What was read. `sections` is complete even with problems: defaults stand where a value could not be used.

    `sources` has every variable; `refused` those whose own value is missing or unusable. `warnings`: what will be
    ignored, one sentence each.
    """

    sections: Sections
    sources: Mapping[str, Source]
    problems: tuple[Problem, ...]
    refused: frozenset[str]
    warnings: tuple[str, ...]


def read(environ: Mapping[str, str], flags: Mapping[str, str]) -> Reading:
    """Read all variables. `flags`: flag with its dashes to text; a flag wins over its variable."""
    links = {name: text for name in VARIABLES if _is_link(VARIABLES[name], text := environ.get(name, ""))}
    given = _given({name: text for name, text in environ.items() if name not in links}, flags)
    values: dict[str, object] = {}
    problems: dict[str, list[str]] = {}
    home = environ.get("HOME", "").strip().replace("\0", "")
    for name, value in given.items():
        try:
            values[name] = _parsed(VARIABLES[name], value.text, home)
        except Refused as refused:
            problems[name] = [f"{_shown(VARIABLES[name], value.text)} {refused}"]
    for name, variable in VARIABLES.items():
        if name not in given and isinstance(variable.default, Required):
            problems[name] = ["required, not set"]
    refused_names = frozenset(problems)
    sections = _sections(Resolver(values, home))
    for conflict in _sound(conflicts(sections, frozenset(given)), refused_names):
        problems.setdefault(conflict.name, []).append(conflict.text)
    return Reading(
        sections=sections,
        sources={name: _source(given.get(name)) for name in VARIABLES},
        problems=(
            *_in_order(problems, given),
            *(unknown_flag(flag) for flag in flags if flag not in FLAGS),
            *unknown_variables(environ),
        ),
        refused=refused_names,
        warnings=(*_ignored(links), *warnings(sections)),
    )


def _ignored(links: Mapping[str, str]) -> Iterator[str]:
    for name, text in links.items():
        shown = _shown(VARIABLES[name], text.strip())
        yield f"{name} is ignored: {shown} is a service link of the container platform"


def _is_link(variable: Variable, text: str) -> bool:
    return not isinstance(variable.kind, Url) and is_service_link(text)


def _given(environ: Mapping[str, str], flags: Mapping[str, str]) -> dict[str, Given]:
    given = {name: Given(environ[name], place=place_of(environ[name])) for name in VARIABLES if name in environ}
    for flag, text in flags.items():
        if flag in FLAGS and text.strip():
            given[FLAGS[flag].name] = Given(text, flag)
    trimmed = {name: evolve(value, text=value.text.strip()) for name, value in given.items()}
    return {
        name: value
        for name, value in trimmed.items()
        if value.text and value.text.lower() not in VARIABLES[name].unset_words
    }


def _parsed(variable: Variable, text: str, home: str) -> object:
    return variable.kind.parse(expand_home(text, home) if variable.kind.expands_home else text)


def _shown(variable: Variable, text: str) -> str:
    return "its value" if variable.secret else shortened(text)


def _sections(resolver: Resolver) -> Sections:
    sections: dict[str, Any] = {
        section: SECTION_CLASSES[section](
            **{field: resolver.value(variable.name) for field, variable in fields.items()}
        )
        for section, fields in FIELDS.items()
    }
    return Sections(**sections)


def _sound(found: Iterator[Conflict], refused: frozenset[str]) -> Iterator[Conflict]:
    """Those that are not merely a consequence of a value that was refused already."""
    return (conflict for conflict in found if refused.isdisjoint(conflict.involved))


def _source(given: Given | None) -> Source:
    if given is None:
        return Source.DEFAULT
    return Source.ENVIRONMENT if given.flag is None else Source.FLAG


def _in_order(problems: Mapping[str, list[str]], given: Mapping[str, Given]) -> Iterator[Problem]:
    for name in VARIABLES:
        origin = (given[name].flag or given[name].place) if name in given else None
        for text in problems.get(name, ()):
            yield Problem(name if origin is None else f"{name} ({origin})", text)


__all__ = ["Reading", "Source", "read"]
