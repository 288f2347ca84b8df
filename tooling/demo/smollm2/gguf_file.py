"""What a GGUF file of a Llama holds, in the words of a Hugging Face checkpoint: shapes, tokenizer, weights.

GGUF's names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from tooling.demo.progress import Report, steps

Array = NDArray[np.float32]
CONTROL = 3  # llama.cpp's LLAMA_TOKEN_TYPE_CONTROL
# llama.cpp's name of a way to split texts before the merges; the tokenizer written by us does just this one.
SPLIT = "smollm"
WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
OF_A_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class GgufFile:
    """An open file. Raises `ValueError` for an architecture or tokenizer that this reader does not know."""

    def __init__(self, path: Path) -> None:
        self._reader = gguf.GGUFReader(str(path))
        kind, tokenizer = self["general.architecture"], (self["tokenizer.ggml.model"], self["tokenizer.ggml.pre"])
        if kind != "llama" or tokenizer != ("gpt2", SPLIT):
            raise ValueError(
                f"{path.name} holds a {kind} with the tokenizer {tokenizer}: only Llamas of SmolLM2's kind"
            )

    def __getitem__(self, name: str) -> Any:
        field = self._reader.get_field(name)
        if field is None:
            raise ValueError(f"the file says nothing of {name}")
        return field.contents()

    def config(self) -> dict[str, object]:
        """The content of `config.json`, in the words that transformers 4 and 5 both read."""
        hidden, heads = self["llama.embedding_length"], self["llama.attention.head_count"]
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": len(self["tokenizer.ggml.tokens"]),
            "hidden_size": hidden,
            "intermediate_size": self["llama.feed_forward_length"],
            "num_hidden_layers": self["llama.block_count"],
            "num_attention_heads": heads,
            "num_key_value_heads": self["llama.attention.head_count_kv"],
            "head_dim": hidden // heads,
            "max_position_embeddings": self["llama.context_length"],
            "rope_theta": self["llama.rope.freq_base"],
            "rms_norm_eps": round(self["llama.attention.layer_norm_rms_epsilon"], 12),  # kept as a 32-bit float
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": all(tensor.name != "output.weight" for tensor in self._reader.tensors),
            "bos_token_id": self["tokenizer.ggml.bos_token_id"],
            "eos_token_id": self["tokenizer.ggml.eos_token_id"],
            "pad_token_id": self["tokenizer.ggml.padding_token_id"],
            "torch_dtype": "bfloat16",
        }

    def vocabulary(self) -> dict[str, int]:
        """Id by token, in the byte-level alphabet."""
        return {token: id_ for id_, token in enumerate(self["tokenizer.ggml.tokens"])}

    def merges(self) -> list[tuple[str, str]]:
        """The merges of the BPE, the first to be tried first."""
        return [(left, right) for left, _, right in (line.partition(" ") for line in self["tokenizer.ggml.merges"])]

    def control_tokens(self) -> list[str]:
        """Tokens that are no text, in the order of their ids."""
        kinds = self["tokenizer.ggml.token_type"]
        return [token for token, kind in zip(self["tokenizer.ggml.tokens"], kinds, strict=True) if kind == CONTROL]

    def named_tokens(self) -> dict[str, str]:
        """The tokens that end a turn, fill a batch and so on, by their short names in a checkpoint."""
        tokens = self["tokenizer.ggml.tokens"]
        names = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
        return {short: tokens[self[f"tokenizer.ggml.{long}_token_id"]] for short, long in names.items()}

    def weights(self, report: Report) -> Iterator[tuple[str, Array]]:
        """Every tensor by its name in a checkpoint, as 32-bit floats, matrices as (out, in)."""
        heads = {"attn_q": self["llama.attention.head_count"], "attn_k": self["llama.attention.head_count_kv"]}
        for index in steps(len(self._reader.tensors), "converting the weights", report):
            tensor = self._reader.tensors[index]
            # What needs no arithmetic would be a window into the file, read-only.
            values = np.require(gguf.dequantize(tensor.data, tensor.tensor_type), requirements="W")
            if tensor.name in WHOLE:
                yield WHOLE[tensor.name], values
                continue
            _, layer, part, kind = tensor.name.split(".")
            if part in heads:
                values = in_halves(values, heads[part])
            yield f"model.layers.{layer}.{OF_A_LAYER[part]}.{kind}", values


def in_halves(matrix: Array, heads: int) -> Array:
    """Undo the order in which GGUF keeps the rows of q and k.

    It turns neighbours by an angle (rows 2i and 2i + 1 of a head), a checkpoint the two halves (i and i + head / 2).
    """
    rows, columns = matrix.shape
    return matrix.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


__all__ = ["GgufFile", "in_halves"]
