"""The name under which an engine stands in a repository: what it runs on, and nothing else."""

import re

from attrs import frozen

_LABEL = re.compile(
    r"(?P<sm>sm[0-9]{2,3})_trt-llm-(?P<version>[0-9]+\.[0-9]+\.[0-9]+[a-z0-9.]*)_cuda(?P<cuda>[0-9]+\.[0-9]+)"
)


@frozen(kw_only=True)
class Label:
    """`sm90_trt-llm-1.2.1_cuda13.1`. Two engines are exchangeable where all three parts are equal.

    A part that is not known is empty, and such a label cannot be parsed again.
    """

    sm: str
    version: str
    cuda: str

    @classmethod
    def parse(cls, text: str) -> "Label | None":
        """Read a label strictly; None for any other name."""
        found = _LABEL.fullmatch(text)
        return cls(**found.groupdict()) if found else None

    def __str__(self) -> str:
        return f"{self.sm or '?'}_trt-llm-{self.version or '?'}_cuda{self.cuda or '?'}"

    def differences(self, other: "Label") -> str:
        """What keeps an engine with this label from running where `other` is built; empty if nothing does."""
        pairs = (
            ("GPU", self.sm, other.sm),
            ("TensorRT-LLM", self.version, other.version),
            ("CUDA", self.cuda, other.cuda),
        )
        return ", ".join(f"{what} {own} instead of {its}" for what, own, its in pairs if own != its)


__all__ = ["Label"]
