"""What is refused before anything long begins, and without asking the Hub: every complaint at once. Pure."""

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from runtime.settings import EngineName, Settings
from tooling.models import Kind, Model
from tooling.push.order import Order, What
from tooling.refusal import REFUSED, Refusal

TOKENS_PAGE = "https://huggingface.co/settings/tokens"


@frozen(kw_only=True)
class Made:
    """What a launch makes of a model, or found made before; the directories need not be there yet.

    `export`: for vLLM; `checkpoint`: for TensorRT-LLM, made here; `engine`: built here or to be built; `engine_origin`:
    where an engine comes from that was not built here. `form`: the format of what is made, "" where it is unknown.
    """

    export: Path | None = None
    checkpoint: Path | None = None
    engine: Path | None = None
    engine_origin: str | None = None
    form: str = ""


def order_for(what: What, model: Model | None, settings: Settings, made: Made) -> Order:
    """The push that `--push-quant` or `--push-engine` asks for. `model`: the chat model, None where none is served.

    Raises `Refusal` (3) with every complaint that needs no network.
    """
    complaints = [*_of_settings(what, model, settings), *_of_model(what, model, settings, made)]
    if complaints or model is None:
        raise Refusal("\n".join(complaints), REFUSED)
    quantising = settings.quantising
    engines = () if made.engine is None or settings.deployment.inference_engine is EngineName.VLLM else (made.engine,)
    return Order(
        what=what,
        repository=quantising.hf_push_repo_id or model.name,
        private=quantising.hf_push_private,
        must_exist=what is What.ENGINE,
        source=model.name,
        revision=model.revision,
        export=made.export if what is What.QUANT else None,
        checkpoint=made.checkpoint if what is What.QUANT else None,
        engines=engines,
        form=made.form if what is What.QUANT else "",
        licence_timeout_s=quantising.hf_license_fetch_timeout_s,
    )


def _of_settings(what: What, model: Model | None, settings: Settings) -> Iterator[str]:
    flag, quantising = f"--push-{what.value}", settings.quantising
    if settings.deployment.hf_token is None:
        yield f"{flag} needs HF_TOKEN, a token with write access ({TOKENS_PAGE}); it is not set"
    repository = quantising.hf_push_repo_id
    if repository is None and what is What.QUANT:
        yield f"{flag} needs HF_PUSH_REPO_ID=owner/name, the repository to push to (made if missing); it is not set"
    if repository is None and what is What.ENGINE and model is not None and model.directory is not None:
        yield f"{flag} of {model.name}, a directory, needs HF_PUSH_REPO_ID=owner/name, the repository it belongs to"
    if what is What.QUANT and model is not None and repository == model.name:
        yield f"HF_PUSH_REPO_ID={repository} is the base model itself, whose files would be replaced: name another"


def _of_model(what: What, model: Model | None, settings: Settings, made: Made) -> Iterator[str]:
    flag, engine = f"--push-{what.value}", settings.deployment.inference_engine
    if model is None or not settings.deployment.deploy_mode.chats:
        yield f"{flag} in mode tool: tool models run in float precision, so there is nothing to push"
    elif engine is EngineName.VLLM:
        yield from _of_vllm(what, model, made)
    elif engine is EngineName.TRT:
        yield from _of_trt(what, model, made)
    else:
        yield f"{flag}: the engine {engine.value} makes nothing that could be pushed"


def _of_vllm(what: What, model: Model, made: Made) -> Iterator[str]:
    if what is What.ENGINE:
        yield "--push-engine is TensorRT-LLM's: vLLM has no engines; --push-quant uploads its export"
    elif made.export is None:
        yield _nothing_made(model)


def _of_trt(what: What, model: Model, made: Made) -> Iterator[str]:
    if what is What.QUANT:
        if made.checkpoint is None:
            yield _nothing_made(model)
            if model.kind is Kind.TRT_CHECKPOINT:
                yield "an engine that is built from it here is pushed by --push-engine"
        return
    if model.kind is not Kind.TRT_CHECKPOINT:
        yield (
            f"--push-engine adds an engine to a repository of a TensorRT-LLM checkpoint, and {model.name} is none: "
            "--push-quant uploads checkpoint and engine together"
        )
    if made.engine_origin is not None:
        yield f"--push-engine: the engine was not built here, it comes from {made.engine_origin}"
    elif made.engine is None:
        yield "--push-engine: no engine is built here"


def _nothing_made(model: Model) -> str:
    if model.made is not None:
        return f"--push-quant: {model.name} is quantised already ({model.made.value}) and nothing is made of it here"
    return f"--push-quant: nothing is made of {model.name} here; 4bit or 8bit says what to make"


__all__ = ["TOKENS_PAGE", "Made", "order_for"]
