"""The settings of a process, made once at its start."""

from collections.abc import Mapping

import attrs
from attrs import field, frozen

from runtime.settings.errors import SettingsError
from runtime.settings.reading import Source, read
from runtime.settings.sections import Sections


@frozen(kw_only=True)
class Settings(Sections):
    """Every variable of the project, by section, checked; nothing is read again later.

    `sources`: variable name to where its value came from. `warnings`: what will be ignored, one sentence each.
    """

    sources: Mapping[str, Source] = field(eq=False, repr=False)
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_env(cls, environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> "Settings":
        """Build from environment variables and flags (`{"--port": "9000"}`), which win.

        Raises `SettingsError` with all problems.
        """
        reading = read(environ, flags or {})
        if reading.problems:
            raise SettingsError(reading.problems)
        sections = {each.name: getattr(reading.sections, each.name) for each in attrs.fields(Sections)}
        return cls(**sections, sources=reading.sources, warnings=reading.warnings)


__all__ = ["Settings"]
