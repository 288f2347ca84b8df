"""`ClassifierEngine`: the classifier contract over a `transformers` model, seen from trio."""

import contextlib
from collections.abc import Sequence

import trio

from engines.base import Progress
from engines.classifier.config import ClassifierConfig
from engines.classifier.contract import ClassifierInfo
from engines.classifier.loading import Loaded, load
from engines.classifier.worker import Worker
from engines.errors import EngineDead, EngineError, EngineStartFailed, TurnFailed, door

# An inference takes milliseconds; a thread that needs longer is left behind.
_CLOSE_TIMEOUT_S = 5.0
_MAX_WORDS = 200


class ClassifierEngine:
    """One tool model: opened once, closed once."""

    def __init__(self, config: ClassifierConfig) -> None:
        self._config = config
        self._worker = Worker("classifier", config.niceness)
        self._loaded: Loaded | None = None

    async def open(self, progress: Progress) -> ClassifierInfo:
        """Load the model; see `Classifier.open`. Blocks only the worker's thread."""
        assert self._loaded is None, "a classifier is opened once"
        token = trio.lowlevel.current_trio_token()

        def report(line: str) -> None:
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(progress, line)

        with door(EngineStartFailed, f"the tool model {self._config.model} did not start"):
            self._loaded = await self._worker.run(lambda: load(self._config, report))
        return self._loaded.info

    async def classify(self, texts: Sequence[str]) -> Sequence[float]:
        """See `Classifier.classify`."""
        if self._loaded is None:
            raise EngineDead("the classifier is not open")
        model = self._loaded.model
        try:
            return await self._worker.run(lambda: model.probabilities(texts))
        except EngineError:
            raise
        except Exception as error:  # the door: whatever torch, the tokenizer or a model's own code raises
            raise _translated(error) from error

    async def close(self) -> None:
        """See `Classifier.close`. The model's memory goes with its last inference."""
        self._loaded = None
        await self._worker.close(_CLOSE_TIMEOUT_S)


def _translated(error: Exception) -> EngineError:
    words = type(error).__name__
    if isinstance(error, RuntimeError | IndexError):
        # Torch's words are about shapes and memory; other errors may quote what the user said.
        words = f"{words}: {next(iter(str(error).splitlines()), '')}"[:_MAX_WORDS]
    if type(error).__name__ == "AcceleratorError" or "CUDA error" in words:
        return EngineDead(f"the tool model's GPU failed: {words}")  # every later call to it fails as well
    return TurnFailed(f"an inference of the tool model failed: {words}")


__all__ = ["ClassifierEngine"]
