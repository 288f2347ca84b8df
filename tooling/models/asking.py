"""Asks for models: directories are read here, the Hub is asked by a worker that has the token and its own library."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from tooling.models.model import Model, read_directory
from tooling.models.reference import Reference
from tooling.preparing import Step, StepRefused, carry_out
from tooling.refusal import Refusal

ROOT = Path(__file__).parents[2]
WORKER = (sys.executable, "-m", "tooling.models.worker")
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
PATIENCE_S = 6.0
"""How long a plan waits for the Hub."""
Say = Callable[[str], None]


def hub_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What a worker that speaks with the Hub gets besides the environment: where our modules are, and silence."""
    path = [str(ROOT), *filter(None, [environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": ":".join(path),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PYTHONUNBUFFERED": "1",
    }


def resolve(reference: Reference, *, environ: Mapping[str, str], say: Say, patience_s: float | None = None) -> Model:
    """Look a model up, without its weights. Pinned: a model of the Hub has the commit of the moment.

    `environ`: of the launch, which says where the Hub and its cache are and has the token. Raises `Refusal`: 3 for a
    model that is not there or not to be had, with its id, the status and whether a token was sent; 1 where the Hub
    cannot be asked and there is no copy. `patience_s`: as long as that it may take; without, it is
    tried again for about half a minute.
    """
    if reference.directory is not None:
        return read_directory(reference.directory)
    job = {"task": "resolve", "name": reference.name, "revision": reference.revision, "patience_s": patience_s}
    step = Step(
        name="resolve",
        title=f"looking up {reference}",
        program=WORKER,
        job=job,
        secrets=TOKENS,
        environ=hub_environ(environ),
    )
    told = _answer(step, environ, say)["model"]
    listing = tuple((str(path), int(size)) for path, size in told["listing"])
    return Model(
        name=told["name"],
        revision=told["revision"],
        files=told["files"],
        listing=listing,
        from_cache=told["from_cache"],
        note=told["note"],
    )


def resolve_to_plan(reference: Reference, *, environ: Mapping[str, str], say: Say) -> tuple[Model, Refusal | None]:
    """The same within seconds. Where the Hub cannot be asked, a model of which its name alone is known, and why."""
    try:
        return resolve(reference, environ=environ, say=say, patience_s=PATIENCE_S), None
    except StepRefused as away:
        if not away.told.get("unreachable"):
            raise
        model = Model(name=reference.name, revision=reference.revision)
        format_ = f"quantised ({model.made.value})" if model.made is not None else "with float weights"
        note = (
            f"the Hub could not be asked for {reference}: planned by the name alone, as a model {format_}; its commit "
            "and sizes are not known, and keys of what would be made of it are not the final ones"
        )
        return evolve(model, note=note), away


def fetch(
    model: Model,
    *,
    environ: Mapping[str, str],
    say: Say,
    parts: tuple[str, ...] = (),
    tick: Say | None = None,
) -> Path:
    """Where the model is on this machine, fetched if need be: weights as safetensors and the texts beside them.

    `parts`: folders that are fetched whole as well, such as `trt-llm/checkpoints`. `tick`: told how far it is, for a
    terminal; `say` is so now and then. Raises `Refusal` with what the Hub or the disk said.
    """
    if model.directory is not None:
        return model.directory
    return Path(_answer(fetch_step(model, environ, parts), environ, say, tick)["path"])


def fetch_step(model: Model, environ: Mapping[str, str], parts: tuple[str, ...] = ()) -> Step:
    """The same as data; the result has `path`, or `refusal` and `code` (`require_answer`)."""
    files = dict(model.wanted) | {path: size for part in parts for path, size in model.below(part)}
    return Step(
        name="fetch",
        title=f"fetching {model.name}",
        program=WORKER,
        job={"task": "fetch", "name": model.name, "revision": model.revision, "files": files},
        secrets=TOKENS,
        environ=hub_environ(environ),
        disk_bytes=sum(files.values()),
    )


def require_answer(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a worker answered. Raises `Refusal` if that was a refusal."""
    if "refusal" in result:
        raise Refusal(str(result["refusal"]), int(result["code"]))
    return result


def _answer(step: Step, environ: Mapping[str, str], say: Say, tick: Say | None = None) -> Mapping[str, Any]:
    _, result = carry_out(step, ROOT, environ, say, tick)
    return require_answer(result)


__all__ = ["ROOT", "TOKENS", "fetch", "fetch_step", "hub_environ", "require_answer", "resolve", "resolve_to_plan"]
