"""Token ids to text, once per engine step: the same pieces as the engine library's own, for a fraction of the time."""

from engines.detokenising.byte_level import ByteTable
from engines.detokenising.contract import Detokeniser, ReplyText
from engines.detokenising.controls import Pieces, deltas
from engines.detokenising.proof import Unproven, proven
from engines.detokenising.runs import Runs, byte_tokens
from engines.detokenising.streamed import DecodeStreams

__all__ = [
    "ByteTable",
    "DecodeStreams",
    "Detokeniser",
    "Pieces",
    "ReplyText",
    "Runs",
    "Unproven",
    "byte_tokens",
    "deltas",
    "proven",
]
