"""What `quantize-vllm` tells: the plan, and what there is once it was made."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from tooling import cache
from tooling.preparing import Step
from tooling.refusal import FAILED, Refusal

METADATA = "awq_metadata.json"
MEGA = 1_000_000


@frozen(kw_only=True)
class Export:
    """An export that is there. Bytes of all its files and of the weights it was made of; `seconds`: it once took."""

    path: Path
    scheme: str
    method: str
    layers: int
    size_bytes: int
    seconds: float
    perplexity_before: float
    perplexity_after: float
    was_there: bool

    @classmethod
    def read(cls, path: Path, *, was_there: bool) -> "Export":
        """Out of its own files. Raises `Refusal` if they do not say it."""
        try:
            told = json.loads((path / METADATA).read_text(encoding="utf-8"))
            quality = told["quality"]
            return cls(
                path=path,
                scheme=str(told["scheme"]),
                method=str(told["method"]),
                layers=int(told["quantized_layers"]),
                size_bytes=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
                seconds=float(told["seconds"]),
                perplexity_before=float(quality["perplexity_before"]),
                perplexity_after=float(quality["perplexity_after"]),
                was_there=was_there,
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refusal(
                f"{path}/{METADATA} cannot be read: {error!r}; --force-rebuild makes the export anew", FAILED
            ) from error

    def as_json(self) -> dict[str, object]:
        """The same as JSON data."""
        return {
            "path": str(self.path),
            "scheme": self.scheme,
            "method": self.method,
            "layers": self.layers,
            "bytes": self.size_bytes,
            "seconds": self.seconds,
            "perplexity_before": self.perplexity_before,
            "perplexity_after": self.perplexity_after,
            "was_there": self.was_there,
        }

    def as_text(self) -> str:
        """What a person reads, and how to serve it."""
        worse = self.perplexity_after / self.perplexity_before - 1
        seconds = f"{self.seconds:.0f} s" + (", some time ago: it was there" if self.was_there else "")
        return "\n".join(
            [
                f"  export      {self.path}",
                f"  weights     {self.scheme}, {self.layers} layers",
                f"  size        {self.size_bytes / MEGA:,.1f} MB",
                f"  made in     {seconds}",
                f"  perplexity  {self.perplexity_before:.2f} before, {self.perplexity_after:.2f} after ({worse:+.1%})",
                "",
                "To serve it:",
                f"  just run-vllm {self.path}",
            ]
        )


def plan_json(step: Step, home: Path, refused: Sequence[str] = ()) -> dict[str, Any]:
    """A step as JSON data, without secrets: their names only. `refused`: what would keep it from being carried out."""
    place = step.makes(home)
    there = place is not None and cache.is_complete(place) and not step.anew
    return {
        "step": step.name,
        "title": step.title,
        "key": step.entry.key if step.entry else None,
        "path": str(place),
        "is_there": there,
        "program": list(step.program),
        "environment": sorted(step.environ),
        "secrets": list(step.secrets),
        "disk_bytes": step.disk_bytes,
        "needs_gpu": step.needs_gpu,
        "job": dict(step.job),
        "refused": list(refused),
    }


def plan_text(plan: Mapping[str, Any]) -> str:
    """The same for a person."""
    job, calibration = plan["job"], plan["job"]["calibration"]
    lines = [
        f"  {plan['title']}",
        f"  export      {plan['path']}" + (", which is there" if plan["is_there"] else ""),
        f"  weights     {job['scheme']}, all linear layers but {', '.join(job['ignore'])}",
    ]
    if calibration:
        seen = f"{calibration['samples']} texts of at most {calibration['tokens']} tokens"
        lines.append(f"  calibration {calibration['name']}, {seen}")
    if not plan["is_there"]:
        room = [f"{plan['disk_bytes'] / MEGA:,.0f} MB"] if plan["disk_bytes"] else []
        needs = ", and ".join((*room, *(["a GPU"] if plan["needs_gpu"] else [])))
        lines += [f"  room        {needs}"] if needs else []
    lines += ["It would be refused:", *(f"  {line}" for line in plan["refused"])] if plan["refused"] else []
    return "\n".join(lines)


__all__ = ["Export", "plan_json", "plan_text"]
