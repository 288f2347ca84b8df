"""What a classifier is opened with: resolved values only, nothing is looked up later."""

from attrs import frozen


@frozen(kw_only=True)
class ClassifierConfig:
    """Resolved settings of the tool model; None leaves a value to the model, as the settings' tables say.

    `model`: hub id or local directory. `positive_label`: name or index of the yes label. `max_length`: input tokens,
    special ones included. `history_tokens`: user-text tokens of one input. `batch_max_size`: requests an inference.
    `batch_max_delay_ms`: longest wait for companions. `compile`: with torch's compiler, at the start. `graphs`: CUDA
    graphs, where there is a GPU. `gpu_frac`: share of the device's memory that the allocator may take. `device`: a
    torch device; None is the first GPU, else the CPU. `threads`: CPU threads of an inference; None is torch's choice,
    every core, which is right only where nothing else computes on this CPU. `niceness`: how far its thread stands back
    behind others. `verbose`: the libraries' records below WARNING and their progress bars are shown while it loads.
    """

    model: str
    revision: str | None = None
    trust_remote_code: bool = False
    positive_label: str | None = None
    max_length: int | None = None
    history_tokens: int | None = None
    batch_max_size: int | None = None
    batch_max_delay_ms: float | None = None
    compile: bool = False
    graphs: bool = True
    gpu_frac: float = 0.90
    device: str | None = None
    threads: int | None = None
    niceness: int = 0
    verbose: bool = False


__all__ = ["ClassifierConfig"]
