"""What has to be made before TensorRT-LLM serves a model: checkpoints and engines, decided, keyed, made and checked.

Decisions are pure and read nothing but settings, a model that was looked at and the cache; workers run in
TensorRT-LLM's own environment and are the only ones that import it. How steps are carried out is `tooling.preparing`'s,
uploads are `tooling.push`'s, and what a server does with an engine is `engines.trt`'s.
"""

from tooling.trt.deciding import Purpose, decide
from tooling.trt.decision import Decision, Need
from tooling.trt.label import Label
from tooling.trt.surroundings import Surroundings, look_around
from tooling.trt.versions import Versions, require_engines

__all__ = [
    "Decision",
    "Label",
    "Need",
    "Purpose",
    "Surroundings",
    "Versions",
    "decide",
    "look_around",
    "require_engines",
]
