"""Looks a model up on the Hub: which commit its revision is now, its small files at that commit, what else it has."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError

from tooling.models.detection import CONFIG, trt_folders
from tooling.models.model import SMALL_FILES, Model, parse_json
from tooling.models.worker.retrying import ATTEMPTS, is_connection_lost, persistently, reason, status_of, within
from tooling.refusal import Refusal

MAIN = "main"
TIMEOUT_S = 10.0
# With a copy in the cache there is something to go on with, so nobody waits long for the Hub.
ATTEMPTS_WITH_COPY = 2
Say = Callable[[str], None]


@frozen
class Hub:
    """The Hub as the environment has it. `token`: None sends none. `patience_s`: how long a look-up may take, which
    then is tried once; None for one that is worth waiting for.
    """

    token: str | None
    say: Say
    patience_s: float | None = None

    def resolve(self, name: str, revision: str | None) -> Model:
        """The model at its commit. Raises what the library raises when neither the Hub nor the cache has it."""
        copy = self._cached(name, revision)
        if constants.HF_HUB_OFFLINE:
            return self._from_cache(name, revision, copy)
        try:
            if self.patience_s is not None:
                return within(self.patience_s, lambda: self._from_hub(name, revision, 1))
            return self._from_hub(name, revision, ATTEMPTS_WITH_COPY if copy else ATTEMPTS)
        except Exception as error:
            if copy is None or not is_down(error):
                raise
            note = f"{name}: the Hub cannot be asked ({reason(error)}); the cache's copy is used ({copy.name[:12]})"
            return evolve(self._from_cache(name, revision, copy), note=note)

    def _from_hub(self, name: str, revision: str | None, attempts: int) -> Model:
        api = HfApi(token=self.token or False)
        info = persistently(
            name,
            lambda: api.model_info(name, revision=revision, files_metadata=True, timeout=TIMEOUT_S),
            self.say,
            attempts=attempts,
        )
        listing = tuple(sorted((file.rfilename, file.size or 0) for file in info.siblings or ()))
        small = _small(path for path, _ in listing)
        if small:
            # By its name and not by its commit, once: the library then notes which commit the name stood for, and
            # without the Hub the name can still be looked up.
            self.download(name, small[0], revision or MAIN, attempts)
        files = {path: parse_json(self.download(name, path, info.sha or MAIN, attempts), name) for path in small}
        return Model(name=name, revision=info.sha, files=files, listing=listing)

    def download(self, name: str, path: str, revision: str, attempts: int = ATTEMPTS) -> Path:
        """One file, in the library's cache."""
        token = self.token or False
        return persistently(
            f"{name}/{path}",
            lambda: Path(hf_hub_download(name, path, revision=revision, token=token)),
            self.say,
            attempts=attempts,
        )

    def _cached(self, name: str, revision: str | None) -> Path | None:
        """Where the cache has a revision, whole or not."""
        try:
            # No pattern, no file: only the place is asked for.
            return Path(snapshot_download(name, revision=revision, local_files_only=True, allow_patterns=[]))
        except LocalEntryNotFoundError:
            return None

    def _from_cache(self, name: str, revision: str | None, copy: Path | None) -> Model:
        if copy is None:
            raise LocalEntryNotFoundError(f"{name} at {revision or MAIN} is not in the cache")
        listing = listed(copy)
        small = _small(path for path, _ in listing)
        files: Mapping[str, Mapping[str, Any]] = {path: parse_json(copy / path, name) for path in small}
        return Model(name=name, revision=copy.name, files=files, listing=listing, from_cache=True)


def listed(copy: Path) -> tuple[tuple[str, int], ...]:
    """What a snapshot holds, path and bytes."""
    found = (path for path in copy.rglob("*") if path.is_file())
    return tuple(sorted((path.relative_to(copy).as_posix(), path.stat().st_size) for path in found))


def _small(paths: Any) -> tuple[str, ...]:
    every = tuple(paths)
    checkpoints, engines = trt_folders(every)
    inside = [f"{folder}/{file}" for folder in checkpoints for file in (CONFIG,) if folder]
    built = [f"{folder}/build_metadata.json" for folder in engines if folder]
    return tuple(path for path in dict.fromkeys((*SMALL_FILES, *inside, *built)) if path in every)


def is_down(error: Exception) -> bool:
    """Whether the Hub could not be asked: it may well have what was asked for."""
    if isinstance(error, Refusal):
        return False
    status = status_of(error)
    return is_connection_lost(error) if status is None else status == 429 or status >= 500


__all__ = ["Hub", "is_down", "listed"]
