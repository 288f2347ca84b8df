"""The worker on a machine without a GPU: pinning memory, the one thing AWQ needs a GPU for, leaves memory as it is.

Run in place of `tooling.quantize.worker`, in its environment.
"""

import sys
from typing import Any

import torch

from tooling.quantize.worker.__main__ import main


def as_it_is(tensor: Any, *arguments: object) -> Any:
    """What `Tensor.pin_memory` returns here."""
    return tensor


if __name__ == "__main__":
    torch.Tensor.pin_memory = as_it_is
    sys.exit(main(sys.argv[1:]))
