"""What has to be made so that TensorRT-LLM can serve a model, or that nothing has: plain data."""

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, field, frozen

from tooling.models import Model
from tooling.preparing import Step
from tooling.trt.finding import Engine

ENGINE_DIR = "TRT_ENGINE_DIR"


@frozen(kw_only=True)
class Need:
    """A model that has to be on this machine first. `parts`: folders that are fetched with it (`models.fetch`)."""

    model: Model = field(repr=False)
    parts: tuple[str, ...] = ()


@frozen(kw_only=True)
class Decision:
    """What will be done. `steps`: checkpoint and engine, as far as they are not there, in this order.

    `engine`: the one that is there, None if it is built or none is needed; `engine_dir`: where it is or will be, None
    where none is needed or while its repository is not fetched; `checkpoint_dir`: the same of the checkpoint.
    `label`: of the engine that is built. `notes`: what to tell, one sentence each; `refused`: of a plan, why it would
    not be carried out. Without an engine and without steps the PyTorch backend serves the model as it is.
    """

    needs: tuple[Need, ...] = ()
    steps: tuple[Step, ...] = ()
    engine: Engine | None = None
    engine_dir: Path | None = None
    checkpoint_dir: Path | None = None
    label: str = ""
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def located(self, places: Mapping[str, Path]) -> "Decision":
        """The same once the models of `needs` are fetched; `places`: the directory of each by its name."""
        changed = evolve(self, steps=tuple(evolve(step, job=_located(step.job, places)) for step in self.steps))
        engine = self.engine
        if engine is None or engine.path is not None or engine.repository is None:
            return changed
        return evolve(changed, engine_dir=places[engine.repository.name] / engine.folder)

    def environ(self) -> Mapping[str, str]:
        """What the server gets in addition: the engine, where there is one."""
        return {ENGINE_DIR: str(self.engine_dir)} if self.engine_dir is not None else {}


def _located(job: Mapping[str, object], places: Mapping[str, Path]) -> dict[str, object]:
    source = job.get("source")
    if not isinstance(source, Mapping) or source["directory"] is not None:
        return dict(job)
    place, folder = places[str(source["name"])], str(source["folder"])
    return {**job, "source": {**source, "directory": str(place / folder) if folder else str(place)}}


__all__ = ["ENGINE_DIR", "Decision", "Need"]
