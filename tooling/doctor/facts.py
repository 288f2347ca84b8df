"""Everything that the checks look at, as plain values: gathered once, and written down by hand in tests."""

from collections.abc import Mapping

from attrs import field, frozen

from tooling.gpus import Gpu, Nvidia


@frozen(kw_only=True)
class Inside:
    """What the interpreter that would serve says of itself.

    `packages`: installed distribution (canonical name) to version. `owners`: each of our five packages to the
    distributions that claim it; `roots`: the directories they would be imported from; `unmet`: requirements of the
    engine that what is installed does not meet. `torch_cuda`: the CUDA torch was built for, empty for none.
    `trouble`: why it said nothing.
    """

    executable: str = ""
    python: tuple[int, int] = (0, 0)
    packages: Mapping[str, str] = field(factory=dict)
    owners: Mapping[str, tuple[str, ...]] = field(factory=dict)
    roots: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()
    torch_cuda: str = ""
    torchvision_cuda: str = ""
    trouble: str = ""


@frozen(kw_only=True)
class Attempts:
    """What was tried in children of that interpreter, None where it was not. Texts are errors, empty for success.

    `devices`: GPUs that torch sees, or its error. `mpi`: the library's own words, or empty; `mpi_error`: why it could
    not be loaded. `mpi_packages`: installed package to version; `mpi_held`: those the package manager will not move.
    """

    engine_import: str | None = None
    devices: int | str | None = None
    mpi: str = ""
    mpi_error: str = ""
    mpi_packages: Mapping[str, str] = field(factory=dict)
    mpi_held: frozenset[str] = frozenset()
    libpython_error: str | None = None
    build_tool: bool | None = None
    compiler: str = ""
    toolkit: str = ""


@frozen(kw_only=True)
class Machine:
    """What the machine offers. Sizes in GiB, None where unknown; `descriptors` and `locked_gib`: None is unlimited.

    `port_trouble`: why the port cannot be listened on.
    """

    port_trouble: str = ""
    descriptors: int | None = None
    locked_gib: float | None = None
    home: str = ""
    disk_gib: float | None = None
    shm_gib: float | None = None
    memory_gib: float | None = None


@frozen(kw_only=True)
class Choices:
    """The settings. `problems`: what is set and cannot be used; `unset`: what has to be named to serve.

    `near_misses`: variables nobody reads that look like ones that are read. `open_env_file`: a `.env` that other users
    can read.
    """

    problems: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()
    open_env_file: str = ""
    chats: bool = True
    connections: int = 8
    host: str = "0.0.0.0"  # noqa: S104  # a default to compare with, not bound to
    port: int = 8000
    chat_fraction: float = 0.9
    tool_fraction: float = 0.0
    devices_used: int = 1
    kv_dtype: str = "auto"
    attention_backend: str | None = None
    mpi_pin: str = ""
    compiled: bool = False


@frozen(kw_only=True)
class Facts:
    """All of it. `engine`: whose checks are added; `gpu`: whether a GPU is asked about at all.

    `visible`: the GPUs that `CUDA_VISIBLE_DEVICES` (`chosen`) leaves. `pins`: distribution to the version that the
    project pins for this engine.
    """

    engine: str | None = None
    gpu: bool = True
    nvidia: Nvidia = field(factory=Nvidia)
    chosen: str | None = None
    visible: tuple[Gpu, ...] = ()
    inside: Inside = Inside()
    attempts: Attempts = Attempts()
    pins: Mapping[str, str] = field(factory=dict)
    machine: Machine = Machine()
    choices: Choices = Choices()


__all__ = ["Attempts", "Choices", "Facts", "Inside", "Machine"]
