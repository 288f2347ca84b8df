"""Decides how TensorRT-LLM comes to serve a model; every complaint at once. Pure but for looks into the cache.

An engine is sought in this order: `TRT_ENGINE_DIR`, the cache, `trt-llm/engines/<label>` of the repository; only then
is one built, out of a checkpoint that is there (`TRT_CHECKPOINT_DIR`, the repository, the cache) or is made first.
"""

import enum
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from attrs import define, evolve, field

from engines.errors import EngineStartFailed
from engines.trt.directory import read_engine
from engines.trt.plan import check_machine
from runtime.settings import EngineName, Settings
from tooling.models import Kind, Model, require_suitable
from tooling.refusal import REFUSED, Refusal
from tooling.trt import demands
from tooling.trt.checkpoints import Checkpoint, find_checkpoint
from tooling.trt.compiling import engine_step, label_of, wanted_engine
from tooling.trt.decision import Decision, Need
from tooling.trt.finding import Engine, cached, in_repository
from tooling.trt.label import Label
from tooling.trt.recipes import sizes
from tooling.trt.surroundings import Surroundings

GUESSED_SM = "sm90"
"""What a plan goes on with where there is no GPU and `GPU_SM_ARCH` says none; it is told."""
AS_IT_IS = ("auto", "none")
AnyT = TypeVar("AnyT")


class Purpose(enum.Enum):
    """What a decision is for. SERVE builds nothing for a model that can be served as it is."""

    QUANTISE = "quantize-trt"
    BUILD = "build-trt"
    SERVE = "run-trt"


def decide(
    model: Model,
    settings: Settings,
    around: Surroundings,
    purpose: Purpose,
    *,
    repository: Model | None = None,
    planning: bool = False,
) -> Decision:
    """What has to be made. `repository`: that of `TRT_ENGINE_REPO`, looked up, where it is not the model's own.

    `planning`: nothing will be carried out, so a GPU and the library may be missing, and what would keep it from being
    carried out is in the decision (`refused`), if there is one at all. Raises `Refusal` (3) with every complaint, one a
    line.
    """
    own = around.gpus[0].own_sm if around.gpus else ""
    if own and purpose is Purpose.SERVE:
        raise Refusal(
            f"GPU_SM_ARCH is {around.sm} and the GPU here is {own}: to serve, it must be the machine's own; unset it",
            REFUSED,
        )
    named = settings.trt.engine_dir
    if named is not None and purpose is not Purpose.QUANTISE:
        notes = (_usable(named, around),) if purpose is Purpose.BUILD else ()
        return Decision(engine=Engine(origin="TRT_ENGINE_DIR", path=named), engine_dir=named, notes=notes)
    known = around if around.sm is not None else evolve(around, sm=GUESSED_SM)
    deciding = _Deciding(model, settings, known, purpose, repository or model, planning=planning)
    if around.sm is None and planning:
        deciding.notes.append(f"no GPU here and no GPU_SM_ARCH: planned for {GUESSED_SM}")
    return deciding.decide()


@define
class _Deciding:
    """One decision on its way."""

    model: Model
    settings: Settings
    around: Surroundings
    purpose: Purpose
    repository: Model
    planning: bool = field(kw_only=True)
    is_final: bool = False
    complaints: list[str] = field(factory=list)
    notes: list[str] = field(factory=list)

    def decide(self) -> Decision:
        """Raises `Refusal` with all complaints."""
        self.notes += self._tried(lambda: require_suitable(self.model, EngineName.TRT, self.asked)) or ()
        found = decision = self._tried(self._decided)
        # What is served as it is asks nothing of versions and of the GPU here.
        if decision is None or decision.steps or decision.engine or self.purpose is not Purpose.SERVE:
            self._ask_versions()
        decision = decision or Decision()
        if decision.steps and not self.planning and not self.around.gpus:
            self.complaints.append(demands.NO_GPU)
        if decision.steps:
            self.notes += demands.of_room(self.around.gpus)
        complaints = tuple(dict.fromkeys(self.complaints))
        if complaints and (found is None or self.is_final or not self.planning):
            raise Refusal("\n".join(complaints), REFUSED)
        return evolve(decision, notes=tuple(dict.fromkeys((*self.notes, *decision.notes))), refused=complaints)

    def _ask_versions(self) -> None:
        told = list(demands.of_versions(self.around.versions, planning=self.planning))
        final = [said.text for said in told if said.is_final or not self.planning]
        self.complaints = [*final, *self.complaints]
        self.is_final = any(said.is_final for said in told)
        self.notes += [said.text for said in told if said.text not in final]

    @property
    def asked(self) -> str:
        """The word for the format."""
        return self.settings.deployment.chat_quantization.value

    def _decided(self) -> Decision:
        model = self.model
        if model.kind is Kind.TRT_ENGINE:
            raise Refusal(
                f"{model.name} is a compiled engine: name its directory in TRT_ENGINE_DIR, and as the model the one it "
                "was built from, whose tokenizer and chat template are used",
                REFUSED,
            )
        if model.kind is Kind.HF and model.made is not None and self.settings.trt.checkpoint_dir is None:
            return _of_a_quantised(model, self.purpose)
        checkpoint = find_checkpoint(model, self.settings, self.around)
        self.notes += [checkpoint.note] if checkpoint.note else []
        if self.purpose is Purpose.QUANTISE:
            self.complaints += demands.of_checkpoint(model, self.settings, checkpoint)
            return _checkpoint_only(checkpoint)
        found = None if self.settings.quantising.force_rebuild else self._found(checkpoint)
        if found is not None:
            return found
        if self.purpose is Purpose.SERVE and self.asked in AS_IT_IS and checkpoint.is_float(model):
            return Decision(notes=("no engine of it is there: served as it is, by TensorRT-LLM's PyTorch backend",))
        return self._built(checkpoint)

    def _found(self, checkpoint: Checkpoint) -> Decision | None:
        trt = self.settings.trt
        sized = sizes(self.settings, trt.max_batch_size or 0, checkpoint.ranks)
        wanted = wanted_engine(self.model, self.around, checkpoint, sized)
        engine = None
        if trt.engine_label is None:
            engine = cached(wanted, self.around.home, trt.max_batch_size, trt.batch_size)
        if engine is None:
            own = Label.parse(str(label_of(self.around)))
            engine, told = in_repository(self.repository, self.settings, own, self.asked)
            self.notes += told
        if engine is None:
            return None
        if engine.path is not None or engine.repository is None:
            return Decision(engine=engine, engine_dir=engine.path, checkpoint_dir=checkpoint.path)
        # Nothing else of that repository is wanted, least of all its weights.
        alone = evolve(engine.repository, listing=engine.repository.below(engine.folder))
        return Decision(engine=engine, needs=(Need(model=alone, parts=(engine.folder,)),))

    def _built(self, checkpoint: Checkpoint) -> Decision:
        size = self.settings.trt.max_batch_size
        self.complaints += demands.of_checkpoint(self.model, self.settings, checkpoint)
        self.complaints += demands.of_engine(self.settings, self.around, checkpoint)
        needs = () if checkpoint.need is None else (checkpoint.need,)
        if size is None:  # there is a complaint, and nobody knows which engine it would be
            return Decision(needs=needs, steps=tuple(filter(None, [checkpoint.step])), checkpoint_dir=checkpoint.path)
        sized = sizes(self.settings, size, checkpoint.ranks)
        step = engine_step(self.model, self.settings, self.around, checkpoint, sized)
        return Decision(
            needs=needs,
            steps=tuple(filter(None, (checkpoint.step, step))),
            engine_dir=step.makes(self.around.home),
            checkpoint_dir=checkpoint.path,
            label=str(label_of(self.around)),
        )

    def _tried(self, call: Callable[[], AnyT]) -> AnyT | None:
        try:
            return call()
        except Refusal as refused:
            self.complaints.append(str(refused))
            return None


def _usable(named: Path, around: Surroundings) -> str:
    """What to tell who wants to build and names an engine. Raises `Refusal` where that one cannot run here."""
    try:
        compiled = read_engine(named)
        if around.gpus and around.versions.tensorrt_llm:
            gpu = around.gpus[0]
            check_machine(compiled, version=around.versions.tensorrt_llm, gpu_arch=gpu.own_sm or gpu.sm)
    except EngineStartFailed as error:
        raise Refusal(str(error), REFUSED) from error
    return "TRT_ENGINE_DIR is set, so nothing is built; unset it to build one"


def _checkpoint_only(checkpoint: Checkpoint) -> Decision:
    if checkpoint.step is None:
        said = f"the checkpoint is there already: {checkpoint.where}"
        return Decision(checkpoint_dir=checkpoint.path, notes=(said,))
    needs = () if checkpoint.need is None else (checkpoint.need,)
    return Decision(needs=needs, steps=(checkpoint.step,), checkpoint_dir=checkpoint.path)


def _of_a_quantised(model: Model, purpose: Purpose) -> Decision:
    """A Hugging Face checkpoint that is quantised: no engine can be built from it."""
    made = model.made.value if model.made else ""
    if purpose is Purpose.SERVE:
        return Decision(notes=(f"quantised already ({made}): served as it is, by TensorRT-LLM's PyTorch backend",))
    raise Refusal(
        f"{model.name} is quantised already ({made}), and engines are built from float models and TensorRT-LLM "
        "checkpoints: name the float model it was made from, or serve it as it is (just run-trt auto, just run-vllm)",
        REFUSED,
    )


__all__ = ["GUESSED_SM", "Purpose", "decide"]
