"""Reads an export back: what its config says of it, and whether its weights are what that says. No weight is loaded."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from tooling.quantize.worker.telling import Failure

CONFIG = "config.json"
_HEADER_BYTES = 8
_FLOATS = ("F64", "F32", "F16", "BF16")
_PACKED = ".weight_packed"
_EIGHT_BIT = "F8_E4M3"


@frozen
class Tensor:
    """One tensor of a safetensors file, by its header."""

    dtype: str
    shape: tuple[int, ...]


def tensors(place: Path) -> dict[str, Tensor]:
    """Every tensor in a directory's safetensors files. Raises `Failure`."""
    found: dict[str, Tensor] = {}
    for path in sorted(place.glob("*.safetensors")):
        try:
            with path.open("rb") as stream:
                header = json.loads(stream.read(int.from_bytes(stream.read(_HEADER_BYTES), "little")))
            found |= {
                name: Tensor(entry["dtype"], tuple(entry["shape"]))
                for name, entry in header.items()
                if name != "__metadata__"
            }
        except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError) as error:
            raise Failure(f"{path.name} cannot be read back: {error}") from error
    return found


def quantization_config(place: Path) -> dict[str, Any]:
    """What the export's config says of its weights. Raises `Failure` if it says nothing."""
    try:
        found = json.loads((place / CONFIG).read_text(encoding="utf-8"))["quantization_config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"the export's {CONFIG} has no quantization_config: {error!r}") from error
    if not isinstance(found, dict) or found.get("quant_method") != "compressed-tensors":
        raise Failure(f"the export's quantization_config is not compressed-tensors': {found}")
    return found


def require_packed(place: Path, *, linear: Sequence[str], plain: Sequence[str]) -> int:
    """How many layers are quantised. Raises `Failure` with those that should be and are not.

    `linear`: names of the source's linear layers outside `ignore`; `plain`: endings of modules whose two-dimensional
    weights are no linear layer's, such as embeddings. Names in files may differ from those of loaded modules, so what
    decides is that no matrix is left as it was but where that was meant.
    """
    ignored = [*quantization_config(place).get("ignore", ()), *(f"re:.*{re.escape(name)}$" for name in plain)]
    held = tensors(place)
    packed = {name for name, tensor in _modules(held) if _is_packed(name, held)}
    left = [
        name
        for name, tensor in _modules(held)
        if name not in packed and tensor.dtype in _FLOATS and len(tensor.shape) > 1 and not matches(name, ignored)
    ]
    if left or len(packed) < len(linear) or not packed:
        shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        raise Failure(
            f"{len(packed)} of {len(linear)} linear layers are quantised in what was written"
            + (f"; left as they were: {shown}" if left else "")
        )
    return len(packed)


def require_names(place: Path, *, source: Path) -> None:
    """Raises `Failure` where layers were written under names that the source does not have: vLLM reads the source's.

    Sources that keep all experts of a layer in one tensor are written otherwise, and read so.
    """
    held = tensors(source)
    if any(len(tensor.shape) > 2 for tensor in held.values()):
        return
    known = {name.removesuffix(".weight") for name in held}
    written = tensors(place)
    strange = [name for name, _ in _modules(written) if _is_packed(name, written) and name not in known]
    if strange:
        raise Failure(
            f"{len(strange)} layers were written under names that the model does not have ({', '.join(strange[:3])}), "
            "and vLLM would not find them: 4 bits cannot be made of this family; 8bit keeps all names"
        )


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether compressed-tensors' patterns name a module: as it is, or `re:` and an expression from its beginning."""
    return any(
        re.match(pattern.removeprefix("re:"), name) if pattern.startswith("re:") else name == pattern
        for pattern in patterns
    )


def bytes_of(place: Path) -> int:
    """What the files in a directory take."""
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _modules(held: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Modules with a weight of their own, by what is written of it."""
    for name, tensor in held.items():
        for ending in (_PACKED, ".weight"):
            if name.endswith(ending):
                yield name.removesuffix(ending), tensor
                break
        else:
            # Experts that are one tensor of three dimensions have no module of a linear layer, and no `.weight`.
            if len(tensor.shape) > 2 and tensor.dtype in _FLOATS:
                yield name, tensor


def _is_packed(name: str, held: Mapping[str, Tensor]) -> bool:
    weight = held.get(f"{name}.weight")
    is_small = f"{name}{_PACKED}" in held or (weight is not None and weight.dtype == _EIGHT_BIT)
    return is_small and f"{name}.weight_scale" in held


__all__ = ["Tensor", "bytes_of", "matches", "quantization_config", "require_names", "require_packed", "tensors"]
