"""The command lines and calls, word by word, and each of their names against the contract of TensorRT-LLM 1.2.

The contract is all there is: neither program nor function was ever run here.
"""

import json
from pathlib import Path

import pytest

from tooling.trt.building import build_command, quantise_arguments, script_command
from tooling.trt.recipes import Quantising, Sizes

CONTRACT = json.loads((Path(__file__).parents[2] / "contract" / "tensorrt_contract.json").read_text())["tensorrt_llm"]
KNOWN = CONTRACT["1.2"]
SCRIPT = "examples/quantization/quantize.py"
SIZES = Sizes(max_batch_size=32, max_input_len=5025, max_seq_len=5175, max_num_tokens=8192)
NUMBERS = Quantising(
    qformat="fp8",
    kv_cache_dtype="fp8",
    dtype="float16",
    awq_block_size=128,
    calib_dataset="cnn_dailymail",
    calib_size=64,
    calib_batch_size=16,
    calib_seqlen=5175,
    tp_size=2,
    pp_size=1,
)


def test_the_builder_is_called_as_the_specification_has_it() -> None:
    assert " ".join(build_command("trtllm-build", "C", "E.partial", SIZES, 1)) == (
        "trtllm-build --checkpoint_dir C --output_dir E.partial --max_batch_size 32 --max_input_len 5025 "
        "--max_seq_len 5175 --max_num_tokens 8192 --gemm_plugin auto --gpt_attention_plugin auto --context_fmha enable "
        "--use_paged_context_fmha enable --kv_cache_type paged --remove_input_padding enable --workers 1 "
        "--log_level warning"
    )


def test_the_quantiser_is_called_with_every_argument() -> None:
    assert quantise_arguments("M", "C.partial", NUMBERS) == {
        "model_dir": "M",
        "device": "cuda",
        "device_map": "auto",
        "dtype": "float16",
        "qformat": "fp8",
        "kv_cache_dtype": "fp8",
        "calib_dataset": "cnn_dailymail",
        "calib_size": 64,
        "batch_size": 16,
        "calib_max_seq_length": 5175,
        "tokenizer_max_seq_length": 5175,
        "awq_block_size": 128,
        "output_dir": "C.partial",
        "tp_size": 2,
        "pp_size": 1,
        "cp_size": 1,
        "seed": 1234,
        "export_format": "tensorrt_llm",
    }


def test_a_script_gets_the_same_as_flags_and_nothing_that_is_none() -> None:
    command = script_command("python", "/src", quantise_arguments("M", "C", NUMBERS))
    assert command[:2] == ["python", f"/src/{SCRIPT}"]
    flags = dict(zip(command[2::2], command[3::2], strict=True))
    assert flags["--tokenizer_max_seq_length"] == "5175"
    assert flags["--kv_cache_dtype"] == "fp8"
    assert "--kv_cache_dtype" not in script_command("python", "/src", {"kv_cache_dtype": None})


@pytest.mark.parametrize(
    ("member", "given"),
    [
        ("cli:trtllm-build", set(build_command("", "", "", SIZES, 1)[1::2])),
        (
            "cli:examples/quantization/quantize.py",
            set(script_command("", "", quantise_arguments("", "", NUMBERS))[2::2]),
        ),
        ("tensorrt_llm.quantization.quantize_and_export", set(quantise_arguments("", "", NUMBERS))),
    ],
)
def test_the_library_knows_every_name(member: str, given: set[str]) -> None:
    assert given <= set(KNOWN[member])
    assert member not in CONTRACT["1.3rc"]
