"""Runs of bench in the test's own loop, with its real processes."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import frozen

from tooling.clients.bench.__main__ import BENCH
from tooling.clients.program import Interruption, conduct

ROOT = Path(__file__).parents[4]
KEY = "bench-key-of-a-test"
LIMIT_S = 90


@frozen
class Told:
    """What a run said: its exit code, the document, and what people read."""

    code: int
    document: Mapping[str, Any]
    lines: list[str]

    @property
    def turns(self) -> list[dict[str, Any]]:
        """Every turn of the document, by when it was sent."""
        return sorted(self.document["turns"], key=lambda turn: float(turn["sent_s"]))

    @property
    def summary(self) -> Mapping[str, Any]:
        """The client's own numbers."""
        summary: Mapping[str, Any] = self.document["summary"]
        return summary

    def failures(self) -> list[str]:
        """Their kinds."""
        return [failure["kind"] for failure in self.document["failures"]]


@frozen
class Bench:
    """Runs the client against a server, with nothing of this machine's environment but where its programs are."""

    output: pytest.CaptureFixture[str]

    async def __call__(
        self, server: str, flags: Sequence[str] = (), interruption: Interruption = trio.sleep_forever
    ) -> Told:
        """One run, to its end."""
        around = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "TEXT_API_KEY": KEY, "SERVER_WS_URL": server}
        with trio.fail_after(LIMIT_S):
            code = await conduct(BENCH, ["--json", *flags], around, interruption=interruption)
        written = self.output.readouterr()
        assert KEY not in written.out + written.err
        document = json.loads(written.out)
        assert (document["client"], document["exit_code"], document["ok"]) == ("bench", code, code == 0)
        return Told(code, document, written.err.splitlines())


__all__ = ["KEY", "Bench", "Told"]
