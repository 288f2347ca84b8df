"""What the step client uses of vLLM below its public surface, found by name and checked before anything rests on it.

Read in 0.24, 0.26, 0.28, 0.32 and 0.33; a test holds every name against each of them. A version that has moved one of
them gets the public way instead.
"""

import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen
from tokenizers import Tokenizer

from engines.base import GenerationRequest, Sampling
from engines.detokenising import Detokeniser, proven
from engines.vllm.arguments import sampling_arguments
from engines.vllm.client import Parts

# Read of a step, and of each of its outputs.
STEP_FIELDS = ("outputs",)
OUTPUT_FIELDS = ("request_id", "new_token_ids", "finish_reason", "prefill_stats")
# vLLM's names for why a request ended, and its own words for them.
REASONS = {"STOP": "stop", "LENGTH": "length", "ABORT": "abort"}


class Unfit(Exception):
    """This version, or this set-up of it, cannot be driven step by step; says why."""


@frozen(kw_only=True)
class Builder:
    """Makes the library's requests out of ours, as its own front end does."""

    parts: Parts
    process_inputs: Callable[..., Any]
    supported_tasks: Sequence[str]

    def build(
        self, request: GenerationRequest, placement: Mapping[str, int] | None = None, *, detokenize: bool = False
    ) -> Any:
        """An `EngineCoreRequest` under the id of ours. Raises what the library finds wrong with it."""
        library = self.parts.library
        sampling = library.sampling_class(
            **sampling_arguments(request, self.parts.config), output_kind=library.delta_kind, detokenize=detokenize
        )
        prompt = library.tokens_input(list(request.prompt_ids))
        made = self.process_inputs(
            request.id, prompt, sampling, supported_tasks=self.supported_tasks, **(placement or {})
        )
        # The library's front end would add random characters to the id; ours is unique as it is.
        made.external_req_id = request.id
        return made


@frozen(kw_only=True)
class Internals:
    """`core`: the client of the engine's process. `queue`: where it puts each step. `stop`: why a reply ended there."""

    core: Any
    queue: Any
    builder: Builder
    stop: Any
    detokeniser: Detokeniser


async def find(parts: Parts) -> Internals:
    """Everything the step client needs, proven. Blocks for half a second.

    Raises `Unfit`, `Unproven`, or whatever a library raises that has changed.
    """
    engine = parts.engine
    if engine.log_stats:
        raise Unfit("vLLM's own statistics are on, which only its own front end keeps")
    names = importlib.import_module("vllm.v1.engine")
    _check(names)
    core = engine.engine_core
    for owner, name in (
        (core, "add_request_async"),
        (core, "abort_requests_async"),
        (core.outputs_queue, "put_nowait"),
    ):
        if not callable(getattr(owner, name)):
            raise Unfit(f"{type(owner).__name__}.{name} is no method")
    builder = Builder(
        parts=parts,
        process_inputs=engine.input_processor.process_inputs,
        supported_tasks=await engine.get_supported_tasks(),
    )
    return Internals(
        core=core,
        queue=core.outputs_queue,
        builder=builder,
        stop=names.FinishReason.STOP,
        detokeniser=_detokeniser(engine.get_tokenizer(), builder),
    )


def _check(names: Any) -> None:
    for record, needed in ((names.EngineCoreOutputs, STEP_FIELDS), (names.EngineCoreOutput, OUTPUT_FIELDS)):
        if missing := [name for name in needed if name not in record.__struct_fields__]:
            raise Unfit(f"{record.__name__} has no {', '.join(missing)}")
    for name, word in REASONS.items():
        if str(names.FinishReason[name]) != word:
            raise Unfit(f"FinishReason.{name} reads {names.FinishReason[name]!s}, not {word}")


def _detokeniser(tokenizer: Any, builder: Builder) -> Detokeniser:
    """Ours, as far as it gives what the library's front end would have streamed."""
    own = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(own, Tokenizer):
        raise Unfit(f"{type(tokenizer).__name__} is no tokenizer of the tokenizers library")
    kind = importlib.import_module("vllm.v1.engine.detokenizer").IncrementalDetokenizer

    def library(prompt_ids: Sequence[int], ids: Sequence[int]) -> list[str]:
        request = GenerationRequest(id="self-check", prompt_ids=prompt_ids, sampling=Sampling(), max_tokens=1)
        text = kind.from_new_request(tokenizer, builder.build(request, detokenize=True))
        pieces = []
        for one in ids:
            text.update([one], False)
            pieces.append(text.get_next_output_text(False, True))
        return pieces

    logger = logging.getLogger(kind.__module__)
    # It warns of replies that are no text, as most of those here are.
    disabled, logger.disabled = logger.disabled, True
    try:
        return proven(own, library)
    finally:
        logger.disabled = disabled


@define(eq=False)
class StepTap:
    """Takes each step as the library's reading task puts it, before the library's own queue.

    Only `put_nowait` of this one queue is replaced; no task of the library is stopped or started. Its own output
    handler keeps waiting and gets what ends it, so that `errored` and `shutdown` mean what they did.
    """

    queue: Any
    take: Callable[[Any], None]
    fail: Callable[[BaseException], None]
    _own: Callable[[Any], None] = field(init=False)

    def open(self) -> None:
        """From now on steps come here."""
        self._own = self.queue.put_nowait
        self.queue.put_nowait = self._put

    def close(self) -> None:
        """The library gets its steps again."""
        self.queue.put_nowait = self._own

    def _put(self, step: Any) -> None:
        if isinstance(step, BaseException):
            self.fail(step)
            self._own(step)
        else:
            self.take(step)


__all__ = ["OUTPUT_FIELDS", "REASONS", "STEP_FIELDS", "Builder", "Internals", "StepTap", "Unfit", "find"]
