"""Runs of the tool regression in the test's own loop, and servers that decide as a test wants."""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import frozen

from tests.tooling.clients.standin import KEY, USAGE, Frame, Session
from tooling.clients.data.tool_cases import load_cases
from tooling.clients.program import Interruption, conduct
from tooling.clients.tool.__main__ import CLIENT

CASES = load_cases()
FIRST = CASES[0]
LABELS = {step.text: step.yes for case in CASES for step in case.steps}
NAMED = [{"name": "take_screenshot"}]
Said = Callable[[Session, Frame], Awaitable[None]]


@frozen
class Told:
    """What a run said: its exit code, the document, and what people read."""

    code: int
    document: Mapping[str, Any]
    lines: list[str]

    @property
    def kinds(self) -> list[str]:
        """The kinds of its failures."""
        return [failure["kind"] for failure in self.document["failures"]]

    @property
    def summary(self) -> Mapping[str, Any]:
        """The client's own numbers."""
        summary: Mapping[str, Any] = self.document["summary"]
        return summary


@frozen
class Regression:
    """Runs the client against a server, with its own directory and nothing else of this machine's environment."""

    home: Path
    output: pytest.CaptureFixture[str]

    async def __call__(
        self,
        server: str,
        *flags: str,
        environ: Mapping[str, str] | None = None,
        interruption: Interruption = trio.sleep_forever,
    ) -> Told:
        """One run, to its end."""
        around = {"TEXT_API_KEY": KEY, "SERVER_WS_URL": server, "YAP_HOME": str(self.home), "RECV_TIMEOUT_SEC": "30"}
        with trio.fail_after(120):
            code = await conduct(
                CLIENT, ["--json", "--timeout", "30", *flags], around | dict(environ or {}), interruption=interruption
            )
        written = self.output.readouterr()
        assert KEY not in written.out + written.err
        document = json.loads(written.out)
        assert (document["client"], document["exit_code"], document["ok"]) == ("tool", code, code == 0)
        return Told(code, document, written.err.splitlines())

    def kept(self) -> list[str]:
        """The copies of reports that were kept."""
        return [path.read_text("utf-8") for path in sorted((self.home / "results").glob("tool_*.log"))]


async def decide(session: Session, frame: Frame, *, yes: bool) -> None:
    """Ack and a good toolcall."""
    await session.send("ack", frame, **{"for": frame["type"], "ok": True})
    await session.send("toolcall", frame, status="yes" if yes else "no", raw=NAMED if yes else [], score=0.5)


async def finish(session: Session, frame: Frame, *words: str) -> None:
    """The rest of a turn; without words as a server without a chat model ends it."""
    for word in words:
        await session.send("token", frame, text=word)
    await session.send("final", frame, normalized_text="".join(words))
    await session.send("done", frame, usage=USAGE, finish_reason="stop" if words else "tool", timings={})


async def right(session: Session, frame: Frame) -> None:
    """A whole turn with the labelled decision."""
    await decide(session, frame, yes=LABELS[frame["payload"]["user_utterance"]])
    await finish(session, frame, "Of ", "course.")


async def right_without_chat(session: Session, frame: Frame) -> None:
    """The same of a server without a chat model."""
    await decide(session, frame, yes=LABELS[frame["payload"]["user_utterance"]])
    await finish(session, frame)


def once(fault: Said, text: str = FIRST.steps[1].text) -> Said:
    """All turns are good but the one with this text."""

    async def behaves(session: Session, frame: Frame) -> None:
        await (fault if frame["payload"]["user_utterance"] == text else right)(session, frame)

    return behaves


__all__ = [
    "CASES",
    "FIRST",
    "LABELS",
    "NAMED",
    "Regression",
    "Said",
    "Told",
    "decide",
    "finish",
    "once",
    "right",
    "right_without_chat",
]
