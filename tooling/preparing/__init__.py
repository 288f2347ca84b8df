"""What has to be made before a server starts, as data, and the one executor that makes it.

A step says what it makes, under which key, by which worker and with which secrets; who decides which steps there are
lives beside what is made (`tooling.quantize`, `tooling.trt`, `tooling.push`), and no decision is taken here.
"""

from tooling.preparing.execution import StepRefused, carry_out
from tooling.preparing.step import Step

__all__ = ["Step", "StepRefused", "carry_out"]
