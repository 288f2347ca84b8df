"""What the worker is asked to make: decided by the launcher, read by the worker. Needs attrs alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

# AWQ: scales sought with calibration data, then 4-bit weights. ROUND: 4-bit weights as they are. FP8: 8-bit floats.
AWQ, ROUND, FP8 = "awq", "round", "fp8"
FP8_SCHEME = "FP8_DYNAMIC"


@frozen(kw_only=True)
class Calibration:
    """The texts that AWQ looks at. `requested`: as it was asked for; `name`: a registered data set, or a file's name.

    `path`: a local file, None for a registered data set; `digest`: SHA-256 of that file. `samples`: how many are
    taken; `tokens`: how many of each, already no more than the model takes; `tokens_requested`: as the setting says.
    """

    requested: str
    name: str
    path: str | None = None
    digest: str | None = None
    samples: int
    tokens: int
    tokens_requested: int
    seed: int = 0

    @property
    def recipe(self) -> Mapping[str, object]:
        """Its part of a cache key: what changes the result, not where it lies or how it was called."""
        data = {"file": self.digest} if self.path else {"name": self.name}
        return {**data, "samples": self.samples, "tokens": self.tokens, "seed": self.seed}


@frozen(kw_only=True)
class Job:
    """One export. `model`: Hub id, or the path of a directory; `revision`: its commit, None for a directory.

    `method`: `awq`, `round` or `fp8`; `scheme`: its name in compressed-tensors; `ignore`: modules that keep their
    weights, names or `re:` patterns; `awq`: the numbers of the search for scales. `tools`: package versions that must
    be there. `output`: the directory to write into, which the executor adds.
    """

    model: str
    revision: str | None
    method: str
    scheme: str
    ignore: tuple[str, ...]
    awq: Mapping[str, Any] | None
    calibration: Calibration | None
    is_moe: bool
    trust_remote_code: bool
    tools: Mapping[str, str]
    key: str
    output: str = ""

    def as_json(self) -> dict[str, object]:
        """The same as JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Job":
        """Read what `as_json` wrote."""
        calibration = data["calibration"]
        read = {
            **data,
            "ignore": tuple(data["ignore"]),
            "calibration": Calibration(**calibration) if calibration else None,
        }
        return cls(**read)

    @property
    def directory(self) -> Path | None:
        """The model's directory where it is one of this machine."""
        return None if self.revision else Path(self.model)

    @property
    def shown(self) -> str:
        """How it is called to others: of a directory its name, not where it lies on this machine."""
        return self.model if self.revision else Path(self.model).name


__all__ = ["AWQ", "FP8", "FP8_SCHEME", "ROUND", "Calibration", "Job"]
