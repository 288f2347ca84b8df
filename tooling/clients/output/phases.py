"""Parts of a run that pass or fail on their own: a line each as they end, counts at the end."""

from collections.abc import Sequence

from tooling.clients.failures import ClientError
from tooling.clients.output.report import Report

NOT_RUN, PASSED, FAILED = "not_run", "passed", "failed"


class Phases:
    """The phases of a run, in the order in which they are told. One that an earlier failure keeps from running is
    neither passed nor failed. They stand in the document's summary from the beginning.
    """

    def __init__(self, report: Report, names: Sequence[str]) -> None:
        self.report = report
        self._entries: dict[str, dict[str, object]] = {name: {"name": name, "result": NOT_RUN} for name in names}
        report.summary["phases"] = list(self._entries.values())
        report.counts = self.tally()

    def passed(self, name: str, **figures: object) -> None:
        """It did. `figures`: what was measured, for the document."""
        self._entries[name].update(result=PASSED, **figures)
        self.report.counts = self.tally()
        self.report.line(f"✓ [{name}] PASS")

    def failed(self, name: str, error: ClientError, **figures: object) -> None:
        """It did not."""
        self._entries[name].update(result=FAILED, **figures)
        self.report.counts = self.tally()
        self.report.line(f"✗ [{name}] FAIL: {error}")
        self.report.failed(error, name)

    def tally(self) -> str:
        """The counts: `All 6 tests passed`, or `4 passed, 2 failed`, and how many were not run if any."""
        results = [entry["result"] for entry in self._entries.values()]
        if set(results) == {PASSED}:
            return f"All {len(results)} tests passed"
        left_out = f", {results.count(NOT_RUN)} not run" if NOT_RUN in results else ""
        return f"{results.count(PASSED)} passed, {results.count(FAILED)} failed{left_out}"


__all__ = ["Phases"]
