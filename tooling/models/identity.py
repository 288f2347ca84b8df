"""What stands for a directory of this machine in a cache key: digests of what decides the result, not the weights.

Weights of many gigabytes are not read through. Of each safetensors file the header counts (names, types, shapes), the
size, and samples of its data, so that a model that was trained on in the same place is another one.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from tooling.refusal import REFUSED, Refusal

_WEIGHTS = ".safetensors"
# Configuration, tokenizer, template, and code that a model brings along.
_READ_WHOLE = (".json", ".jinja", ".model", ".tiktoken", ".txt", ".bpe", ".vocab", ".py")
_HEADER_LENGTH_BYTES = 8
_MAX_HEADER = 100_000_000  # the format's own limit
_SAMPLES, _SAMPLE_BYTES = 16, 4096


def fingerprint(directory: Path) -> Mapping[str, str]:
    """Digests by file name. Raises `Refusal` if a file cannot be read or is no safetensors file."""
    found = {}
    try:
        for path in sorted(directory.iterdir()):
            if path.name.endswith(_WEIGHTS):
                found[path.name] = _of_weights(path)
            elif path.name.endswith(_READ_WHOLE) and path.is_file():
                found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise Refusal(f"{error.filename or directory} cannot be read: {error.strerror or error}", REFUSED) from error
    return found


def _of_weights(path: Path) -> str:
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        length = int.from_bytes(stream.read(_HEADER_LENGTH_BYTES), "little")
        begin = _HEADER_LENGTH_BYTES + length
        if length > _MAX_HEADER or begin > size:
            raise Refusal(f"{path} is no whole safetensors file: copy it again", REFUSED)
        digest = hashlib.sha256(f"{size}\n".encode() + stream.read(length))
        for at in _places(begin, size):
            digest.update(_sample(stream, at))
    return digest.hexdigest()


def _places(begin: int, end: int) -> list[int]:
    """Where samples are taken: evenly, the last one at the end."""
    last = max(begin, end - _SAMPLE_BYTES)
    return [begin + (last - begin) * number // (_SAMPLES - 1) for number in range(_SAMPLES)]


def _sample(stream: BinaryIO, at: int) -> bytes:
    stream.seek(at)
    return stream.read(_SAMPLE_BYTES)


__all__ = ["fingerprint"]
