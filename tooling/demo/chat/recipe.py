"""The numbers of the demo chat model: everything that decides its weights, apart from the texts it learns."""

from attrs import asdict, frozen

BUILDER_VERSION = 2
PAD, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL_TOKENS = (PAD, TURN_START, TURN_END)
TEMPLATE = (
    "{%- for message in messages -%}\n"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' -}}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}\n"
    "{{- '<|im_start|>assistant\\n' -}}\n"
    "{%- endif -%}\n"
)


@frozen(kw_only=True)
class Recipe:
    """Shapes and schedule. All widths are multiples of 128, so that every quantisation path takes the model.

    `rows` x `row_tokens` tokens make one step; every `long_every`-th step has `long_rows` x `long_row_tokens` instead,
    with long system prompts. `positions`: the longest context, reached in training by skipping positions.
    The rates are the best of about a hundred runs of equal cost; two layers beat three and four in this little time.
    """

    seed: int = 20
    vocabulary: int = 4096
    hidden: int = 256
    intermediate: int = 512
    layers: int = 2
    heads: int = 4
    kv_heads: int = 4
    positions: int = 8192
    rope_theta: float = 10000.0
    steps: int = 320
    rows: int = 8
    row_tokens: int = 256
    long_every: int = 8
    long_rows: int = 2
    long_row_tokens: int = 1024
    matrix_rate: float = 0.02
    embedding_rate: float = 0.06
    output_rate: float = 0.014
    vector_rate: float = 0.006
    second_moment: float = 0.98
    warmup_steps: int = 8
    skipped_positions: int = 6000

    def facts(self) -> dict[str, object]:
        """Return the numbers as plain data."""
        return asdict(self)


__all__ = ["BUILDER_VERSION", "PAD", "SPECIAL_TOKENS", "TEMPLATE", "TURN_END", "TURN_START", "Recipe"]
