"""What `just push` pushes: one thing out of the cache, and the order for it. Pure but for looks into the cache."""

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from runtime.settings.sections import Sections
from tooling.models import Reference
from tooling.push import finding
from tooling.push.demands import TOKENS_PAGE
from tooling.push.finding import Found, Kind
from tooling.push.order import Order, What
from tooling.refusal import NOTHING_THERE, USAGE, Refusal

CHECKPOINTS, ENGINES = "trt/checkpoints", "trt/engines"
SHOWN = 10


@frozen(kw_only=True)
class Asked:
    """`model`: as it was typed; `word`: 4bit, 8bit or a format; `engine`: vllm or trt."""

    what: What
    model: str | None
    word: str | None = None
    engine: str | None = None


@frozen(kw_only=True)
class Chosen:
    """`order`: the push, with `repository` "" where none is named; `complaints`: why it would be refused; `notes`."""

    order: Order
    complaints: tuple[str, ...]
    notes: tuple[str, ...]


def choose(asked: Asked, settings: Sections, home: Path, cwd: Path) -> Chosen:
    """Raises `Refusal`: 5 nothing there, 2 several of which one has to be named."""
    found = _candidates(asked, settings, home, cwd)
    main = _only(asked, found)
    engines = _engines(asked, main, home)
    complaints = [*_of_settings(asked, settings, main), *_of_origin(asked, main)]
    own = main.source if asked.what is What.ENGINE and main.revision is not None else ""
    order = Order(
        what=asked.what,
        repository=settings.quantising.hf_push_repo_id or own,
        private=settings.quantising.hf_push_private,
        must_exist=asked.what is What.ENGINE,
        source=_source(asked, main, cwd),
        revision=main.revision,
        export=main.place if main.kind is Kind.EXPORT else None,
        checkpoint=main.place if main.kind is Kind.CHECKPOINT else None,
        engines=(main.place,) if main.kind is Kind.ENGINE else tuple(each.place for each in engines),
        form="" if main.kind is Kind.ENGINE else str(main.told.get("scheme") or main.method),
        licence_timeout_s=settings.quantising.hf_license_fetch_timeout_s,
    )
    left = _left_out(main, engines, home)
    return Chosen(order=order, complaints=tuple(complaints), notes=left)


def _candidates(asked: Asked, settings: Sections, home: Path, cwd: Path) -> tuple[Found, ...]:
    kinds: tuple[Kind, ...] = (Kind.ENGINE,) if asked.what is What.ENGINE else (Kind.EXPORT, Kind.CHECKPOINT)
    if asked.engine == "vllm":
        kinds = tuple(kind for kind in kinds if kind is Kind.EXPORT)
    elif asked.engine == "trt":
        kinds = tuple(kind for kind in kinds if kind is not Kind.EXPORT)
    reference = Reference.parse(asked.model, cwd) if asked.model else None
    named = finding.at(reference.directory) if reference is not None and reference.directory is not None else None
    if named is not None:
        if named.kind not in kinds:
            raise Refusal(f"{named.place} holds an {named.kind.value}: --{_flag_of(named)} pushes it", USAGE)
        return (named,)
    places = (settings.quantising.awq_cache_dir.expanduser(), home / CHECKPOINTS, home / ENGINES)
    there = tuple(each for each in finding.entries(places) if each.kind in kinds)
    found = finding.of(there, reference, asked.word)
    if not found:
        raise Refusal(_nothing(asked, there), NOTHING_THERE)
    return found


def _only(asked: Asked, found: Sequence[Found]) -> Found:
    if len(found) == 1:
        return found[0]
    shown = "\n".join(f"    {each.described()}" for each in found[:SHOWN])
    more = f"\n    and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    raise Refusal(
        f"{len(found)} things could be meant; name the directory of one (just push --{asked.what.value} DIRECTORY):\n"
        f"{shown}{more}",
        USAGE,
    )


def _engines(asked: Asked, main: Found, home: Path) -> tuple[Found, ...]:
    """Engines built from a checkpoint, of each label the newest."""
    if asked.what is not What.QUANT or main.kind is not Kind.CHECKPOINT:
        return ()
    newest: dict[str, Found] = {}
    for each in _built_from(main, home):
        newest.setdefault(str(each.told.get("engine_label")), each)
    return tuple(newest.values())


def _built_from(main: Found, home: Path) -> list[Found]:
    return [each for each in finding.entries([home / ENGINES]) if main.key and each.checkpoint_key == main.key]


def _left_out(main: Found, engines: Sequence[Found], home: Path) -> tuple[str, ...]:
    if main.kind is not Kind.CHECKPOINT:
        return ()
    taken = {each.place for each in engines}
    older = [each for each in _built_from(main, home) if each.place not in taken]
    if not older:
        return () if engines else ("no engine of this checkpoint is in the cache: the checkpoint is pushed alone",)
    return tuple(f"left out, a newer engine has its label: {each.place}" for each in older)


def _of_settings(asked: Asked, settings: Sections, main: Found) -> list[str]:
    complaints = []
    if settings.deployment.hf_token is None:
        complaints.append(f"HF_TOKEN is not set: a token with write access ({TOKENS_PAGE})")
    repository = settings.quantising.hf_push_repo_id
    if repository is None and (asked.what is What.QUANT or main.revision is None):
        complaints.append("HF_PUSH_REPO_ID is not set: the repository to push to, owner/name (or --repo)")
    if asked.what is What.QUANT and repository == main.source:
        complaints.append(
            f"{repository} is the base model itself, whose files would be replaced: name another repository"
        )
    return complaints


def _of_origin(asked: Asked, main: Found) -> list[str]:
    if asked.what is What.ENGINE and main.checkpoint_key is not None:
        return [
            f"{main.place} was built from a checkpoint that was made here: --quant pushes both together, --engine adds "
            "to a repository that has the checkpoint"
        ]
    return []


def _source(asked: Asked, main: Found, cwd: Path) -> str:
    """The base model; of a directory its path where CHAT says it, because metadata keeps its last name alone."""
    if main.revision is not None or asked.model is None:
        return main.source
    directory = Reference.parse(asked.model, cwd).directory
    return str(directory) if directory is not None and directory != main.place else main.source


def _nothing(asked: Asked, there: Sequence[Found]) -> str:
    kind = "engine" if asked.what is What.ENGINE else "export or checkpoint"
    make = "just build-trt" if asked.what is What.ENGINE else "just quantize-vllm, just quantize-trt"
    of = f" of {asked.model}" if asked.model else ""
    others = "".join(f"\n    {each.described()}" for each in there[:SHOWN])
    return f"there is no {kind}{of} in the cache: {make} makes one" + (f"; there is\n{others[1:]}" if others else "")


def _flag_of(found: Found) -> str:
    return "engine" if found.kind is Kind.ENGINE else "quant"


__all__ = ["Asked", "Chosen", "choose"]
