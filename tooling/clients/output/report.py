"""What a run has found so far and how it is told: lines for people as they come, one document at the end."""

import datetime
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from attrs import define, field, frozen

from tooling.clients.data.personas import Persona
from tooling.clients.failures import ClientError, Exit, Unwritable
from tooling.clients.output.blocks import closing, one_line, opening, title
from tooling.clients.output.document import Run, document, failure_record, turn_record
from tooling.clients.output.last_line import LastLine
from tooling.clients.session.exchange import Exchange

GREEN, RED, DIM, BOLD, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"
WIDEST = 100  # columns; longer lines are hard to read
USUAL = 80


@frozen
class Failure:
    """Something that keeps the run from passing, and where: a turn, a connection, a case, a phase."""

    error: ClientError
    where: str


@define(kw_only=True, eq=False)
class Report:
    """Gathers turns, failures and warnings, outside the tasks that find them: an interruption loses nothing.

    `as_json`: one document goes to stdout at the end and the lines for people to stderr. `quiet`: only the verdict.
    `records`: turns that come as data, from other processes. `summary`: the client's own numbers, in the document.
    `bar`: the progress that is shown now, if any; lines go above. `reason`: what to say behind FAIL, where that is not
    the first failure; `counts`: what stands before it.
    """

    client: str
    as_json: bool = False
    quiet: bool = False
    colours: bool = False
    turns: list[tuple[Exchange, int, str]] = field(factory=list)
    records: list[Mapping[str, object]] = field(factory=list)
    failures: list[Failure] = field(factory=list)
    warnings: list[str] = field(factory=list)
    summary: dict[str, object] = field(factory=dict)
    interrupted: bool = False
    bar: LastLine | None = None
    counts: str = ""
    reason: str = ""
    _gone: dict[int, Unwritable] = field(factory=dict)
    _noted: set[str] = field(factory=set)

    @property
    def stream(self) -> TextIO | None:
        """Where people read: looked up at each use, so that a test may put another stream in its place."""
        return sys.stderr if self.as_json else sys.stdout

    def head(self, name: str, server: str, persona: Persona | None = None) -> None:
        """The first lines: the client's name, where it goes, as whom it asks to be answered."""
        self.line(self.styled(title(name), BOLD))
        self.line(f"server   {server}")
        if persona is not None:
            self.line(f"persona  {persona.key} ({persona.gender}, {persona.personality})")

    def line(self, text: str = "") -> None:
        """One line, or several, of the report; shown at once. Raises `Unwritable`."""
        if self.quiet:
            return
        problem = self._write(text, self.stream)
        if problem is not None:
            raise problem

    def lines(self, texts: Sequence[str]) -> None:
        """Several of them."""
        for text in texts:
            self.line(text)

    def note(self, text: str, *, once: bool = False) -> None:
        """Something about the run that is no finding, on stderr. `once`: not again in the same words."""
        if once and text in self._noted:
            return
        self._noted.add(text)
        if not self.quiet:
            self._write(self._dimmed(text, sys.stderr), sys.stderr)

    def turn(self, turn: Exchange, *, connection: int = 0, session_id: str = "") -> None:
        """A turn was begun; what comes of it is filled into the same record."""
        self.turns.append((turn, connection, session_id))

    def failed(self, error: ClientError, where: str, *, tell: bool = True) -> None:
        """Something broke. The first failure is told at once, not at the end of a long run.

        `tell`: not if this ends the run, since then the verdict tells it.
        """
        if tell and not self.failures and not self.quiet:
            self._write(f"{where}: {one_line(str(error))}", sys.stderr)
        self.failures.append(Failure(error, where))

    def warn(self, text: str) -> None:
        """Something odd that breaks nothing; told once."""
        if text in self.warnings:
            return
        self.warnings.append(text)
        if not self.quiet:
            self._write(f"warning: {one_line(text)}", sys.stderr)

    def code(self) -> Exit:
        """The exit code: that of the failures if they share one, else plain failure.

        Without a connection is only who never had a turn acked.
        """
        if self.interrupted:
            return Exit.INTERRUPTED
        exits = {failure.error.exit for failure in self.failures}
        if not exits:
            return Exit.PASSED
        if exits == {Exit.NO_CONNECTION} and any(turn.acked for turn, _, _ in self.turns):
            return Exit.FAILED
        return exits.pop() if len(exits) == 1 else Exit.FAILED

    def verdict(self, passed: str = "") -> str:
        """The last line. `passed`: what to say behind PASS."""
        code = self.code()
        if code is Exit.PASSED:
            return self.styled(f"✓ PASS {passed}".rstrip(), GREEN)
        counts = f"{self.counts}: " if self.counts else ""
        if self.interrupted or self.reason:
            told, more = "interrupted" if self.interrupted else self.reason, 0
        else:
            told, more = str(self.failures[0].error), len(self.failures) - 1
        return self.styled(f"✗ FAIL {counts}{one_line(told)}" + (f" (and {more} more)" if more else ""), RED)

    def finish(self, passed: str, config: Mapping[str, object], started: datetime.datetime, duration_s: float) -> None:
        """Print the verdict, and the document if it is wanted; what cannot be written fails the run."""
        stream = self.stream if self.code() is not Exit.USAGE else sys.stderr
        problem = self._write(self.verdict(passed), stream)
        if problem is not None and not self.as_json:
            self._fail_at_last(problem)
        if self.as_json:
            problem = self._write(self._document(config, started, duration_s), sys.stdout)
            if problem is not None:
                self._fail_at_last(problem)

    def _fail_at_last(self, problem: Unwritable) -> None:
        """Where the verdict should stand nobody can read it."""
        if all(failure.error is not problem for failure in self.failures):
            self.failed(problem, self.client, tell=False)
        self._write(self.verdict(), sys.stderr)

    def _document(self, config: Mapping[str, object], started: datetime.datetime, duration_s: float) -> str:
        run = Run(
            client=self.client,
            server=str(config.get("server", "")),
            started_at=started,
            duration_s=duration_s,
            config=config,
        )
        return document(
            run,
            self.code(),
            turns=[*(turn_record(*entry) for entry in self.turns), *self.records],
            summary=self.summary,
            failures=[failure_record(failure.error, failure.where) for failure in self.failures],
            warnings=self.warnings,
        )

    def _write(self, text: str, stream: TextIO | None) -> Unwritable | None:
        """Print above the bar; returns why not, if so."""
        if stream is None:
            self._gone.setdefault(id(None), Unwritable("the report cannot be written: the output is closed"))
        if stream is None or id(stream) in self._gone:
            return self._gone[id(stream)]
        try:
            if self.bar is not None:
                self.bar.wipe()
            print(text, file=stream, flush=True)
        except (OSError, ValueError) as error:  # a reader that has gone, a full disk; a stream that is closed
            _abandon(stream)
            self._gone[id(stream)] = Unwritable(f"the report cannot be written: {error}")
            return self._gone[id(stream)]
        return None

    def width(self) -> int:
        """Columns to wrap at; 0 where no person looks on."""
        stream = self.stream
        if stream is None or not stream.isatty():
            return 0
        try:
            columns = os.get_terminal_size(stream.fileno()).columns
        except OSError:
            columns = 0
        return min(columns or USUAL, WIDEST)

    def styled(self, text: str, style: str) -> str:
        """In a colour, where a person looks on who wants colours."""
        return self._coloured(text, style, self.stream)

    def _dimmed(self, text: str, stream: TextIO | None) -> str:
        return self._coloured(text, DIM, stream)

    def _coloured(self, text: str, style: str, stream: TextIO | None) -> str:
        return f"{style}{text}{PLAIN}" if self.colours and stream is not None and stream.isatty() else text


@define
class Block:
    """One turn of a report, shown in two halves: what was said, and what came of it. Not `shown`: nothing."""

    report: Report
    turn: Exchange
    shown: bool = True
    _begun: bool = False

    def begin(self) -> None:
        """The upper half, if it is not there yet."""
        if self.shown and not self._begun:
            first, *rest = opening(self.turn, self.report.width())
            self.report.lines([self.report.styled(first, BOLD), *rest])
        self._begun = True

    def end(self, remarks: Callable[[Exchange], Sequence[str]]) -> None:
        """The lower half, with what the client says of the turn beneath the metrics."""
        self.begin()
        if self.shown:
            *upper, metrics, last = closing(self.turn, self.report.width())
            styled = [
                self.report.styled(line, DIM) for line in (metrics, *(f"  {each}" for each in remarks(self.turn)))
            ]
            self.report.lines([*upper, *styled, self.report.styled(last, BOLD)])


def _abandon(stream: TextIO) -> None:
    """Nobody reads it any more: what is still buffered goes nowhere, else the interpreter would complain at its end."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # no file, or a closed one
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def prepare_streams(*, as_json: bool) -> None:
    """Whatever a server sends can be printed, on any terminal; a document is UTF-8 wherever it goes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = "utf-8" if as_json and stream is sys.stdout else stream.encoding
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


__all__ = ["Block", "Failure", "Report", "prepare_streams"]
