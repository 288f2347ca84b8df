"""What a replay amounts to: figures, lines for people, data for the document."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from tooling.clients.output.latencies import METRICS, summarised
from tooling.clients.output.percentiles import Summary, summarise
from tooling.clients.session.exchange import Exchange
from tooling.clients.tool.outcomes import CaseResult, StepResult, WrongResponse
from tooling.clients.tool.selection import Selection

WIDTH = 18  # columns of the names in the summary


@frozen
class Share:
    """So many of so many."""

    passed: int
    sent: int

    @property
    def accuracy(self) -> float | None:
        """0 to 1; None of nothing."""
        return self.passed / self.sent if self.sent else None

    def __str__(self) -> str:
        """`45 of 49 (91.83 %)`: rounded down, so that only all is 100 %."""
        return f"{self.passed} of {self.sent}" + (f" ({percent(self.accuracy)})" if self.accuracy is not None else "")


@frozen
class Tally:
    """The figures of a run, whole or not. A step without a decision counts as failed; one never sent does not count."""

    selection: Selection
    results: Sequence[CaseResult]

    @property
    def steps(self) -> Share:
        """Steps passed, of those that were sent."""
        return _share(self._sent())

    @property
    def cases_passed(self) -> int:
        """Cases all of whose steps passed."""
        return sum(result.passed for result in self.results)

    @property
    def unsent(self) -> int:
        """Steps of the selected cases that were not sent."""
        return self.selection.steps - self.steps.sent

    def wrong(self, said_yes: bool) -> int:
        """False yes, or false no."""
        return sum(isinstance(step.failure, WrongResponse) and step.said_yes is said_yes for step in self._sent())

    def kinds(self) -> dict[str, int]:
        """Failed steps by kind, most first."""
        return dict(Counter(step.failure.kind for step in self._sent() if step.failure is not None).most_common())

    def domains(self) -> dict[str, Share]:
        """The steps of each domain."""
        names = sorted({result.case.domain for result in self.results if result.steps})
        return {name: _share(self._sent(name)) for name in names}

    def latency(self) -> Summary | None:
        """Milliseconds from sending to the toolcall, of all that came."""
        return summarise(turn.meter.measured().tool_ms for turn in self._turns())

    def case_lines(self, *, successes: bool) -> list[str]:
        """One line for each failed case, with `successes` for all."""
        lines = ["=== Results ===" if successes else "=== Failures ==="]
        for result in self.results:
            if result.passed and successes:
                lines.append(f"✓ {result.case.key}: {len(result.steps)} steps")
            elif result.failed:
                unsent = f"; {result.unsent} not sent" if result.unsent else ""
                lines.append(f"✗ {result.case.key}: {'; '.join(step.told() for step in result.failed)}{unsent}")
        return lines if len(lines) > 1 else [*lines, "none"]

    def summary_lines(self) -> list[str]:
        """The figures."""
        rows = [
            ("steps", str(self.steps)),
            ("cases", f"{self.cases_passed} of {len(self.selection.cases)}"),
            ("accuracy", percent(self.steps.accuracy) if self.steps.accuracy is not None else "-"),
            ("false yes", str(self.wrong(said_yes=True))),
            ("false no", str(self.wrong(said_yes=False))),
            ("skipped", f"{self.selection.skipped} cases with too many steps"),
        ]
        if self.unsent:
            rows.append(("not sent", f"{self.unsent} steps"))
        latency = self.latency()
        lines = ["=== Summary ===", *_rows(rows)]
        lines += _group("failures by kind", self.kinds()) + _group("steps by domain", self.domains())
        if latency is not None:
            figures = (("p50", latency.p50), ("p90", latency.p90), ("p95", latency.p95))
            told = "  ".join(f"{name}={value:.0f}ms" for name, value in figures)
            lines.append(f"tool latency  {told}  (n={latency.n})")
        return lines

    def data(self) -> dict[str, object]:
        """The same for the document; latencies in ms with one decimal. `first`: of the turns that open a session."""
        turns = self._turns()
        return {
            "steps": self.selection.steps,
            "steps_sent": self.steps.sent,
            "steps_passed": self.steps.passed,
            "cases": len(self.selection.cases),
            "cases_passed": self.cases_passed,
            "cases_skipped": self.selection.skipped,
            "accuracy": _rounded(self.steps.accuracy),
            "false_yes": self.wrong(said_yes=True),
            "false_no": self.wrong(said_yes=False),
            "kinds": self.kinds(),
            "domains": {
                name: {"steps_sent": share.sent, "steps_passed": share.passed, "accuracy": _rounded(share.accuracy)}
                for name, share in self.domains().items()
            },
            "first": _latencies(turn for turn in turns if turn.kind == "start"),
            **_latencies(turn for turn in turns if turn.kind != "start"),
            "tool_latency_ms": None if (latency := self.latency()) is None else latency.rounded(),
        }

    def _sent(self, domain: str | None = None) -> list[StepResult]:
        results = (result for result in self.results if domain in (None, result.case.domain))
        return [step for result in results for step in result.steps]

    def _turns(self) -> list[Exchange]:
        return [step.turn for step in self._sent() if step.turn is not None]


def percent(share: float | None) -> str:
    """`91.83 %`, rounded down."""
    return f"{int((share or 0.0) * 10000 + 1e-9) / 100:.2f} %"


def _share(steps: Sequence[StepResult]) -> Share:
    return Share(sum(step.failure is None for step in steps), len(steps))


def _rows(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name:<{WIDTH}}{value}" for name, value in rows]


def _group(title: str, rows: Mapping[str, object]) -> list[str]:
    return (
        [f"{title}:", *(f"  {line}" for line in _rows((name, str(value)) for name, value in rows.items()))]
        if rows
        else []
    )


def _latencies(turns: Iterable[Exchange]) -> dict[str, object]:
    chosen = list(turns)
    summaries = {metric: summarised(chosen, metric) for metric in METRICS}
    return {metric: summary.rounded() for metric, summary in summaries.items() if summary is not None}


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


__all__ = ["Share", "Tally", "percent"]
