"""Uploads of what was made here to the Hub: what is demanded, what is uploaded, and the push as a step.

What is made, and how, is not known here: exports are `tooling.quantize`'s, checkpoints and engines `tooling.trt`'s;
they come as directories with what is written down about them. huggingface_hub is known to the worker alone.

A launch that pushes: `order_for` what it makes, its `push_step` after everything is made and before serving, and
`check` that step before anything long begins.
"""

from tooling.push.asking import PUSH, Listed, check, listed, push_step
from tooling.push.demands import Made, order_for
from tooling.push.order import Order, What

__all__ = ["PUSH", "Listed", "Made", "Order", "What", "check", "listed", "order_for", "push_step"]
