"""Which of vLLM's processes the engine cannot live without."""

from engines.processes import Process, command_of


def is_worker(process: Process) -> bool:
    """Whether it is the core or a worker, not one of their compilers and probes.

    Those are multiprocessing children, which later call themselves `VLLM::EngineCore`, `VLLM::Worker`.
    Raises OSError if that cannot be looked at now.
    """
    command = command_of(process.pid)
    return b"--multiprocessing-fork" in command or b"::" in command[0]


__all__ = ["is_worker"]
