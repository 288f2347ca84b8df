"""What a push consists of: files of its directories, the base model's small files, a README where one is made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError

from tooling.models.worker.answers import Asked, refused
from tooling.models.worker.resolving import Hub
from tooling.models.worker.retrying import reason
from tooling.push import card
from tooling.push.contents import (
    CHECKPOINT_METADATA,
    ENGINE_METADATA,
    README,
    Contents,
    Item,
    collect,
    is_of_source,
    metadata,
)
from tooling.push.order import Order, What
from tooling.push.worker.speaking import Say
from tooling.quantize.worker.licence import UNKNOWN, Licence, front_matter
from tooling.refusal import FAILED, Refusal


@frozen(kw_only=True)
class Listing:
    """`contents`: all files; `readme`: the repository's, None where it keeps its own; `notes`: what to tell."""

    contents: Contents
    readme: str | None
    notes: tuple[str, ...]


def listing(order: Order, hub: Hub | None, say: Say) -> Listing:
    """Put a push together. `hub` None: without the network, from what is on this machine. Raises `Refusal`."""
    if order.what is What.ENGINE:
        return Listing(contents=collect(order, {}, None), readme=None, notes=())
    if order.export is not None:
        return _of_export(order, hub, say)
    notes: list[str] = []
    source = _source(order, hub, notes)
    contents = collect(order, source, _trt_readme(order, source, hub, say, notes))
    readme = next(item.text for item in contents.items if item.path == README)
    return Listing(contents=contents, readme=readme, notes=tuple(notes))


def _of_export(order: Order, hub: Hub | None, say: Say) -> Listing:
    """An export as it is. Where its README knew no licence, it is asked for once more."""
    contents = collect(order, {}, None)
    own = next(item for item in contents.items if item.path == README)
    assert own.place is not None
    readme = own.place.read_text(encoding="utf-8")
    said = front_matter(readme)
    if hub is not None and order.revision is not None and said.get("license_name") == UNKNOWN:
        found = _from_hub(order, hub, say)
        if found is not None:
            readme = _with_licence(readme, found)
            items = tuple(Item.of(README, readme) if item is own else item for item in contents.items)
            contents = Contents(items=items, left_out=contents.left_out)
    return Listing(contents=contents, readme=readme, notes=())


def _trt_readme(order: Order, source: Mapping[str, Path], hub: Hub | None, say: Say, notes: list[str]) -> str:
    if order.checkpoint is None:
        raise Refusal("there is no checkpoint to push: just quantize-trt makes one", FAILED)
    engines = [metadata(place, ENGINE_METADATA) for place in order.engines]
    base = f"{constants.ENDPOINT}/{order.source}" if order.revision is not None else None
    try:
        return card.text(
            card.Described(
                repository=order.repository,
                checkpoint=metadata(order.checkpoint, CHECKPOINT_METADATA),
                engines=engines,
                licence=_licence(order, source, hub, say, notes),
                base=base,
            )
        )
    except KeyError as error:
        raise Refusal(
            f"the metadata of {order.checkpoint} or its engine lacks {error}: make it again", FAILED
        ) from error


def _licence(order: Order, source: Mapping[str, Path], hub: Hub | None, say: Say, notes: list[str]) -> Licence:
    base = f"{constants.ENDPOINT}/{order.source}"
    if README in source:
        found = Licence.said_by(front_matter(source[README].read_text(encoding="utf-8", errors="replace")), base)
        if found is not None:
            return found
    if order.revision is None:
        return Licence.unknown(None)
    if hub is None:
        notes.append(f"the licence of {order.source} is looked up when it is pushed")
        return Licence("other", "looked up when it is pushed", base)
    return _from_hub(order, hub, say) or Licence.unknown(base)


def _from_hub(order: Order, hub: Hub, say: Say) -> Licence | None:
    """What the base model's card says, within the time that is given to it; nothing else waits for a licence."""
    try:
        info = HfApi(token=hub.token or False).model_info(
            order.source, revision=order.revision, timeout=order.licence_timeout_s
        )
    except Exception as error:
        say(f"the licence of {order.source} cannot be looked up: {reason(error)}")
        return None
    data: Any = info.card_data
    found = data.to_dict() if data is not None else {}
    return Licence.said_by(found, f"{constants.ENDPOINT}/{order.source}")


def _source(order: Order, hub: Hub | None, notes: list[str]) -> dict[str, Path]:
    """Small files of the base model by name: out of its directory, of the cache, or of the Hub."""
    place = Path(order.source) if order.revision is None else _cached(order)
    if place is not None and (place / "config.json").is_file():
        return {path.name: path for path in place.iterdir() if path.is_file()}
    if order.revision is None:
        raise Refusal(
            f"the files of {order.source}, which the checkpoint was made of, are not on this machine: name its "
            "directory as CHAT",
            FAILED,
        )
    if hub is None:
        notes.append(f"config.json, tokenizer and chat template of {order.source} are fetched when it is pushed")
        return {}
    try:
        model = hub.resolve(order.source, order.revision)
        names = [name for name, _ in model.listing if is_of_source(name) or name == README]
        return {name: hub.download(order.source, name, order.revision) for name in names}
    except Exception as error:
        refusal = refused(error, Asked(order.source, order.revision, hub.token is not None))
        if refusal is None:
            raise
        raise refusal from error


def _cached(order: Order) -> Path | None:
    try:
        return Path(snapshot_download(order.source, revision=order.revision, local_files_only=True, allow_patterns=[]))
    except LocalEntryNotFoundError:
        return None


def _with_licence(readme: str, licence: Licence) -> str:
    """A card with another licence in its front matter and at its end."""
    lines = readme.split("\n")
    end = lines.index("---", 1)
    kept = [line for line in lines[1:end] if not line.startswith("license")]
    said = [f"{key}: {json.dumps(value)}" for key, value in licence.lines().items()]
    return "\n".join(["---", *said, *kept, *lines[end:]])


__all__ = ["Listing", "listing"]
