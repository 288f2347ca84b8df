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

    `near_misses`: variables nobody reads that look like ones that are read. `short_keys`: how many keys can be guessed.
    `open_env_file`: a `.env` that other users can read. `quantises`: a format is asked for that may have to be made
    first; `names_model`: there is something to plan for; `push_without_token`: the repository to push to, where no
    token is set.
    """

    problems: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()
    open_env_file: str = ""
    short_keys: int = 0
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
    quantises: bool = False
    names_model: bool = False
    push_without_token: str = ""


@frozen(kw_only=True)
class Quantiser:
    """The environment that makes exports for vLLM. `inside`: None where it was never made; `pins`: as in `Facts`.

    `import_error`: why llmcompressor cannot be imported, empty if it can, None if that was not tried. `wanted`:
    whether the settings ask for something that is made there.
    """

    inside: Inside | None = None
    pins: Mapping[str, str] = field(factory=dict)
    import_error: str | None = None
    wanted: bool = False


@frozen(kw_only=True)
class Cache:
    """What lies below `YAP_HOME`. `sizes`: kind to GiB; `abandoned`: half-made entries whose makers are gone.

    `damaged`: entries that lack something they had when they were made; `making`: entries that somebody makes now.
    `trouble`: why nothing is known, or why this place cannot be it.
    """

    home: str = ""
    sizes: Mapping[str, float] = field(factory=dict)
    abandoned: tuple[str, ...] = ()
    abandoned_gib: float = 0.0
    damaged: tuple[str, ...] = ()
    making: tuple[str, ...] = ()
    trouble: str = ""


@frozen(kw_only=True)
class Launch:
    """A launch that was written down. `words`: what it is, in a few; `trouble`: why its state says nothing.

    `stale`: it claims to run, and none of its processes is there.
    """

    words: str = ""
    port: int = 0
    alive: bool = False
    stale: bool = False
    trouble: str = ""


@frozen(kw_only=True)
class Planned:
    """What a launch with these settings would do, where a model is named. `work`: titles of what would be made first.

    `refusals`: why it would be refused, room on the disks included; `trouble`: why there is no plan.
    """

    work: tuple[str, ...] = ()
    disk_gb: float = 0.0
    refusals: tuple[str, ...] = ()
    trouble: str = ""


@frozen(kw_only=True)
class Facts:
    """All of it. `engine`: whose checks are added; `gpu`: whether a GPU is asked about at all.

    `visible`: the GPUs that `CUDA_VISIBLE_DEVICES` (`chosen`) leaves. `pins`: distribution to the version that the
    project pins for this engine; `behind`: stages of its set-up that are not as the project wants them now.
    `planned`: None where no model is named.
    """

    engine: str | None = None
    gpu: bool = True
    nvidia: Nvidia = field(factory=Nvidia)
    chosen: str | None = None
    visible: tuple[Gpu, ...] = ()
    inside: Inside = Inside()
    attempts: Attempts = Attempts()
    pins: Mapping[str, str] = field(factory=dict)
    behind: tuple[str, ...] = ()
    quantiser: Quantiser = Quantiser()
    machine: Machine = Machine()
    cache: Cache = Cache()
    launches: tuple[Launch, ...] = ()
    planned: Planned | None = None
    choices: Choices = Choices()


__all__ = ["Attempts", "Cache", "Choices", "Facts", "Inside", "Launch", "Machine", "Planned", "Quantiser"]
