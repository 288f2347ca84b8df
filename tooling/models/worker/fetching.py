"""Fetches a model at a commit into the Hub's ordinary cache, and says how far it is."""

import glob
import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen
from huggingface_hub import constants, snapshot_download, try_to_load_from_cache

from tooling.models.amounts import size_text
from tooling.models.worker.retrying import persistently
from tooling.refusal import FAILED, REFUSED, Refusal

INTERVAL_S = 0.5
SPARE_BYTES = 64 << 20
"""Room that is left free on the disk."""
_INDEX = "model.safetensors.index.json"
Say = Callable[[str], None]


@frozen(kw_only=True)
class Order:
    """What to fetch. `files`: bytes by path."""

    name: str
    revision: str
    files: Mapping[str, int]

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.files.values())

    def present(self) -> dict[str, Path]:
        """Those of the files that the cache has."""
        found = {path: try_to_load_from_cache(self.name, path, revision=self.revision) for path in self.files}
        return {path: Path(place) for path, place in found.items() if isinstance(place, str)}


def fetch(order: Order, token: str | None, say: Say) -> Path:
    """The directory with all files of the order. Raises `Refusal`: no room, incomplete; and what the library raises."""
    missing = order.total - sum(order.files[path] for path in order.present())
    if missing or len(order.present()) < len(order.files):
        _require_room(missing, order.name)
        _download(order, token, say)
    present = order.present()
    lost = sorted(set(order.files) - set(present))
    if lost or not present:
        raise Refusal(f"{order.name} is incomplete in the cache: {', '.join(lost[:3]) or 'nothing'} is missing", FAILED)
    folder = _folder(order, present)
    _require_shards(folder, order.name)
    return folder


def _download(order: Order, token: str | None, say: Say) -> None:
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(order, over))
    teller.start()
    try:
        persistently(
            order.name,
            lambda: snapshot_download(
                order.name,
                revision=order.revision,
                token=token or False,
                allow_patterns=[glob.escape(path) for path in order.files],
            ),
            say,
        )
    finally:
        over.set()
        teller.join()


def _tell(order: Order, over: threading.Event) -> None:
    """How far it is, each line taking the place of the last, by what lies on the disk: however the library fetches."""
    began, at_first = time.monotonic(), _arrived(order)
    while not over.wait(INTERVAL_S):
        arrived = _arrived(order)
        rate = (arrived - at_first) / (time.monotonic() - began)
        share = arrived * 100 // order.total if order.total else 0
        left = f", {_duration((order.total - arrived) / rate)} left" if rate > 0 else ""
        print(f"{share}% of {size_text(order.total)}, {size_text(int(rate))}/s{left}", end="\r", flush=True)


def _arrived(order: Order) -> int:
    present = order.present()
    whole = sum(order.files[path] for path in present)
    blobs = Path(constants.HF_HUB_CACHE, f"models--{order.name.replace('/', '--')}", "blobs")
    halves = 0
    for path in blobs.glob("*.incomplete*"):
        try:
            halves += path.stat().st_size
        except FileNotFoundError:  # it has just become whole
            continue
    return min(order.total, whole + halves)


def _folder(order: Order, present: Mapping[str, Path]) -> Path:
    path, place = next(iter(present.items()))
    for _ in range(path.count("/") + 1):
        place = place.parent
    return place


def _require_room(missing: int, name: str) -> None:
    place = Path(constants.HF_HUB_CACHE)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if missing + SPARE_BYTES > free:
        raise Refusal(
            f"{name} needs {size_text(missing)} in {constants.HF_HUB_CACHE}, where {size_text(free)} are free: make "
            "room, or name another HF_HOME",
            REFUSED,
        )


def _require_shards(folder: Path, name: str) -> None:
    """Whatever the list said: the weights' own index has the last word."""
    index = folder / _INDEX
    if not index.is_file():
        return
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError) as error:
        raise Refusal(f"{_INDEX} of {name} cannot be read: {error!r}", REFUSED) from error
    lost = sorted(shard for shard in shards if not (folder / str(shard)).is_file())
    if lost:
        raise Refusal(
            f"{name} is incomplete in the cache: {', '.join(lost[:3])} is missing (in all {len(lost)}); fetch it with "
            "the Hub in reach",
            REFUSED,
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


__all__ = ["Order", "fetch"]
