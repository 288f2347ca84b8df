"""How much of a model is in the Hub's cache on this machine already: a look at names, without the Hub's library."""

from collections.abc import Mapping
from pathlib import Path

from tooling.models import Model


def hub_cache(environ: Mapping[str, str]) -> Path:
    """Where the Hub's library keeps what it fetches."""
    named = environ.get("HF_HUB_CACHE", "").strip() or environ.get("HUGGINGFACE_HUB_CACHE", "").strip()
    if named:
        return Path(named).expanduser()
    home = environ.get("HF_HOME", "").strip()
    if not home:
        home = str(Path(environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache", "huggingface"))
    return Path(home).expanduser() / "hub"


def snapshot_of(model: Model, environ: Mapping[str, str]) -> Path:
    """Where a model of the Hub is, or will be, at the commit that it was looked up at."""
    return hub_cache(environ) / f"models--{model.name.replace('/', '--')}" / "snapshots" / str(model.revision)


def missing_bytes(model: Model, wanted: Mapping[str, int], environ: Mapping[str, str]) -> int | None:
    """Bytes of the files (`wanted`: bytes by path) that are not there; None where every one of them is."""
    snapshot = snapshot_of(model, environ)
    lost = [size for path, size in wanted.items() if not (snapshot / path).exists()]
    return sum(lost) if lost or not wanted else None


def wanted_of(model: Model, parts: tuple[str, ...] = ()) -> dict[str, int]:
    """What is fetched of a model, bytes by path. `parts`: folders that are fetched whole as well."""
    return dict(model.wanted) | {path: size for part in parts for path, size in model.below(part)}


def to_fetch(model: Model, environ: Mapping[str, str], parts: tuple[str, ...] = ()) -> int:
    """Bytes that fetching it takes on the disk: 0 for a directory here, and for what is there already."""
    return 0 if model.directory is not None else missing_bytes(model, wanted_of(model, parts), environ) or 0


__all__ = ["hub_cache", "missing_bytes", "snapshot_of", "to_fetch", "wanted_of"]
