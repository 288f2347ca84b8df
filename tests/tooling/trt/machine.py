"""A machine with an H100 and TensorRT-LLM, as far as commands and workers can tell: no GPU, no library, no weights.

`nvidia-smi`, `nvcc` and `trtllm-build` are programs on `PATH`, TensorRT-LLM is the stand-in of `tests/engines/trt`,
and the versions are empty distributions. What passes here has not been run on TensorRT-LLM.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.engines.trt.library import STANDIN
from tooling.gpus import Gpu
from tooling.trt import Surroundings, Versions

ROOT = Path(__file__).resolve().parents[3]
NVML = Path(__file__).with_name("nvml.py")
VERSIONS = {"tensorrt_llm": "1.2.1", "tensorrt": "10.14.1.48", "nvidia_modelopt": "0.37.0"}
FOUND = Versions(tensorrt_llm="1.2.1", tensorrt="10.14.1.48", modelopt="0.37.0", cuda="13.1")
H100 = Gpu(
    index=0,
    uuid="GPU-aa",
    name="NVIDIA H100 80GB HBM3",
    sm="sm90",
    total_gib=79.6,
    free_gib=79.0,
    driver="590.44.01",
    cuda="13.1",
)
LABEL = "sm90_trt-llm-1.2.1_cuda13.1"
_SMI = "0, GPU-aa, NVIDIA H100 80GB HBM3, 9.0, 81559, 81000, Disabled, 590.44.01"
_NVCC = "release 13.1, V13.1.80"
_SAID = "| NVIDIA-SMI 590.44.01   Driver Version: 590.44.01   CUDA Version: 13.1 |"


def machine(directory: Path, *, smi: str = _SMI, nvcc: str = _NVCC, **versions: str) -> dict[str, str]:
    """The environment of that machine, whose programs are put into `directory`."""
    programs, site = directory / "bin", directory / "site"
    _program(programs / "nvidia-smi", f'case "$1" in --query-gpu=*) echo "{smi}";; *) echo "{_SAID}";; esac')
    _program(programs / "nvcc", f'echo "Cuda compilation tools, {nvcc}"')
    _program(programs / "trtllm-build", f'exec "{sys.executable}" "{STANDIN}/tensorrt_llm/_build.py" "$@"')
    for name, version in {**VERSIONS, **versions}.items():
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    shutil.copy(NVML, site / "pynvml.py")
    # Its pynvml comes before the installed one, for the server asks nothing else.
    path = os.pathsep.join((str(site), str(ROOT), str(STANDIN)))
    return {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": path,
        "HOME": str(directory),
        "YAP_HOME": str(directory / "home"),
    }


def around(home: Path, **changes: Any) -> Surroundings:
    """The same machine as a decision sees it."""
    usual: dict[str, Any] = {"python": sys.executable, "versions": FOUND, "gpus": (H100,), "sm": "sm90", "cpus": 8}
    return Surroundings(home=home, **usual | changes)


def write_model(directory: Path, behaviour: dict[str, Any] | None = None, **config: Any) -> Path:
    """A float model, as far as files go. `behaviour`: of the stand-in."""
    directory.mkdir(parents=True, exist_ok=True)
    usual = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 8192}
    (directory / "config.json").write_text(json.dumps(usual | config))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (directory / name).write_text("{}")
    header = b'{"w":{"dtype":"F16","shape":[8],"data_offsets":[0,16]}}'
    (directory / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    if behaviour is not None:
        (directory / "standin.json").write_text(json.dumps(behaviour))
    return directory


def write_checkpoint(directory: Path, *, algorithm: str | None = "W4A16_AWQ", tp_size: int = 1, **config: Any) -> Path:
    """A TensorRT-LLM checkpoint, as far as files go."""
    directory.mkdir(parents=True, exist_ok=True)
    usual = {
        "architecture": "LlamaForCausalLM",
        "dtype": "float16",
        "quantization": {"quant_algo": algorithm, "group_size": 128},
        "mapping": {"world_size": tp_size, "tp_size": tp_size, "pp_size": 1},
    }
    (directory / "config.json").write_text(json.dumps(usual | config))
    header = b'{"w":{"dtype":"F16","shape":[8],"data_offsets":[0,16]}}'
    for rank in range(tp_size):
        (directory / f"rank{rank}.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    return directory


def _program(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


__all__ = ["FOUND", "H100", "LABEL", "ROOT", "around", "machine", "write_checkpoint", "write_model"]
