"""The tool router's classifier: any sequence-classification checkpoint of `transformers`, read by one worker thread.

`ClassifierEngine` is opened with a `ClassifierConfig`; nothing of torch or transformers is imported before that.
"""

from engines.classifier.config import ClassifierConfig
from engines.classifier.contract import Classifier, ClassifierInfo
from engines.classifier.engine import ClassifierEngine
from engines.classifier.limits import Batching
from engines.classifier.measure import TextMeasure
from engines.classifier.warmup import warm_up

__all__ = [
    "Batching",
    "Classifier",
    "ClassifierConfig",
    "ClassifierEngine",
    "ClassifierInfo",
    "TextMeasure",
    "warm_up",
]
