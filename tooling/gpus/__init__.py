"""The GPUs of a machine as every command sees them, and which format of weights an engine takes on them.

What the driver tells (NVML, else nvidia-smi), which devices count, and the table of formats. Nothing is decided here
about a model, and no device is ever changed.
"""

from tooling.gpus.formats import Chosen, chosen_format
from tooling.gpus.gpu import Gpu, Holder, Nvidia
from tooling.gpus.selection import architecture, facts, require_gpus

__all__ = ["Chosen", "Gpu", "Holder", "Nvidia", "architecture", "chosen_format", "facts", "require_gpus"]
