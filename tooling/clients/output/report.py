"""What a run has found so far and how it is told: lines for people as they come, one document at the end."""

import datetime
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from attrs import define, field, frozen

from tooling.clients.failures import ClientError, Exit
from tooling.clients.output.document import Run, document, failure_record, turn_record
from tooling.clients.session.exchange import Exchange

GREEN, RED, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"


@frozen
class Failure:
    """Something that keeps the run from passing, and where: a connection, a case, a phase."""

    error: ClientError
    where: str


@define(kw_only=True, eq=False)
class Report:
    """Gathers turns, failures and warnings, outside the tasks that find them: an interruption loses nothing.

    `as_json`: one document goes to stdout at the end and the lines for people to stderr. `quiet`: only the verdict.
    `summary`: the client's own numbers, in the document.
    """

    client: str
    as_json: bool = False
    quiet: bool = False
    colours: bool = False
    turns: list[tuple[Exchange, int, str]] = field(factory=list)
    failures: list[Failure] = field(factory=list)
    warnings: list[str] = field(factory=list)
    summary: dict[str, object] = field(factory=dict)
    interrupted: bool = False

    @property
    def stream(self) -> TextIO:
        """Where people read: looked up at each use, so that a test may put another stream in its place."""
        return sys.stderr if self.as_json else sys.stdout

    def line(self, text: str = "") -> None:
        """One line, or several, of the report; shown at once."""
        if not self.quiet:
            print(text, file=self.stream, flush=True)

    def lines(self, texts: Sequence[str]) -> None:
        """Several of them."""
        for text in texts:
            self.line(text)

    def turn(self, turn: Exchange, *, connection: int = 0, session_id: str = "") -> None:
        """A turn was begun; what comes of it is filled into the same record."""
        self.turns.append((turn, connection, session_id))

    def failed(self, error: ClientError, where: str) -> None:
        """Something broke. The first failure is told at once, not at the end of a long run."""
        if not self.failures:
            print(f"{where}: {error}", file=sys.stderr, flush=True)
        self.failures.append(Failure(error, where))

    def warn(self, text: str) -> None:
        """Something odd that breaks nothing."""
        self.warnings.append(text)
        print(f"warning: {text}", file=sys.stderr, flush=True)

    def code(self) -> Exit:
        """The exit code: that of the failures if they share one, else plain failure."""
        if self.interrupted:
            return Exit.INTERRUPTED
        exits = {failure.error.exit for failure in self.failures}
        if not exits:
            return Exit.PASSED
        return exits.pop() if len(exits) == 1 else Exit.FAILED

    def verdict(self, passed: str = "") -> str:
        """The last line. `passed`: what to say behind PASS."""
        code = self.code()
        if code is Exit.PASSED:
            return self._styled(f"✓ PASS {passed}".rstrip(), GREEN)
        reason = "interrupted" if self.interrupted else str(self.failures[0].error)
        more = f" (and {len(self.failures) - 1} more)" if len(self.failures) > 1 and not self.interrupted else ""
        return self._styled(f"✗ FAIL {reason}{more}", RED)

    def finish(self, last: str, config: Mapping[str, object], started: datetime.datetime, duration_s: float) -> None:
        """Print the verdict, and the document if it is wanted."""
        print(last, file=self.stream, flush=True)
        if not self.as_json:
            return
        run = Run(
            client=self.client,
            server=str(config["server"]),
            started_at=started,
            duration_s=duration_s,
            config=config,
        )
        turns = [turn_record(*entry) for entry in self.turns]
        failures = [failure_record(failure.error, failure.where) for failure in self.failures]
        text = document(run, self.code(), turns=turns, summary=self.summary, failures=failures, warnings=self.warnings)
        print(text, flush=True)

    def _styled(self, text: str, style: str) -> str:
        return f"{style}{text}{PLAIN}" if self.colours and self.stream.isatty() else text


__all__ = ["Failure", "Report"]
