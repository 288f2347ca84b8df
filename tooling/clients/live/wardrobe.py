"""The personas of a folder, kept up to date with its files while a conversation runs."""

import hashlib
from pathlib import Path

from attrs import define, field, frozen

from tooling.clients.data.personas import PATTERN, Entry, Persona, read_persona, resolve
from tooling.clients.failures import UsageProblem


@frozen
class Changes:
    """What a look at the files brought. `changed`: keys, new and gone ones too; `problems`: a line a bad file."""

    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def told(self) -> list[str]:
        """The changes as lines for people."""
        keys = [f"{key} (gone)" if key in self.gone else key for key in self.changed]
        return [*self.problems, *([f"personas reloaded: {', '.join(keys)}"] if keys else [])]


@define
class Wardrobe:
    """`personas`: the newest good version behind every key (a file's name, of a persona or of an alias of one)."""

    folder: Path
    personas: dict[str, Persona] = field(factory=dict, init=False)
    _entries: dict[str, Entry] = field(factory=dict, init=False)
    _seen: dict[str, str] = field(factory=dict, init=False)  # what a file held, so that it is told of once
    _told: frozenset[str] = field(default=frozenset(), init=False)  # complaints about files that have not changed

    def look(self) -> Changes:
        """Read what has changed since the last look. The content decides: an editor may leave the time as it was.

        A file that is no persona keeps its last good version, and is complained about once for each content. A folder
        that is not there keeps everything.
        """
        try:
            files = {path.stem: path for path in sorted(self.folder.iterdir()) if path.match(PATTERN)}
        except OSError as error:
            return Changes(problems=self._once(f"no personas in {self.folder}: {error.strerror}"))
        gone = tuple(sorted(self._seen.keys() - files.keys()))
        changed, problems = [key for key in gone if key in self._entries], []
        for key in gone:
            self._entries.pop(key, None)
            self._seen.pop(key)
        for key, path in files.items():
            try:
                if self._is_new(key, path):
                    self._entries[key] = read_persona(path)
                    changed.append(key)
            except UsageProblem as problem:
                problems.append(str(problem))
        return Changes(tuple(sorted(changed)), gone, (*problems, *self._once(*self._resolve())))

    def _is_new(self, key: str, path: Path) -> bool:
        try:
            seen = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        except OSError as error:
            seen = f"{error.strerror}"
        before, self._seen[key] = self._seen.get(key), seen
        return seen != before

    def _resolve(self) -> list[str]:
        """Find the persona behind every key; returns a complaint for each alias of none, which keeps what it had."""
        had, problems = self.personas, []
        self.personas = {key: entry for key, entry in self._entries.items() if isinstance(entry, Persona)}
        for key, entry in self._entries.items():
            try:
                self.personas |= resolve({**self.personas, key: entry})
            except UsageProblem as problem:
                problems.append(str(problem))
                if key in had:
                    self.personas[key] = had[key]
        return problems

    def _once(self, *problems: str) -> tuple[str, ...]:
        """Those that the last look did not tell of."""
        before, self._told = self._told, frozenset(problems)
        return tuple(problem for problem in problems if problem not in before)


def described(persona: Persona) -> str:
    """A persona in a few words."""
    return f"{persona.key} ({persona.gender}, {persona.personality})"


__all__ = ["Changes", "Wardrobe", "described"]
