"""A real Prometheus of the test's own: it scrapes what it is told on loopback and answers PromQL."""

import http.client
import json
import math
import re
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from attrs import frozen

from tooling.parts.store import program

START_S = 60.0
PATIENCE_S = 30.0
SCRAPE_INTERVAL_S = 1.0  # as long a scrape may take as well, on a busy machine
_LISTENING = re.compile(r'msg="Listening on".* address=127\.0\.0\.1:(\d+)')
CONFIGURATION = """\
global:
  scrape_interval: {interval_ms}ms
  scrape_timeout: {interval_ms}ms
scrape_configs:
  - job_name: yap
    static_configs:
      - targets: {targets}
"""


class QueryRefused(Exception):
    """Prometheus answered a query with an error; the message is its own."""


@frozen
class Series:
    """One series of an answer: its labels, and its values as (Unix time in seconds, value)."""

    labels: dict[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1][1]


class Prometheus:
    """A running Prometheus with its data in `directory`. `targets`: `host:port` of what it scrapes at `/metrics`.

    A context manager; the process is ended on the way out. Its own log is part of what a failed wait says.
    """

    def __init__(
        self, directory: Path, targets: Sequence[str], *, scrape_interval_s: float = SCRAPE_INTERVAL_S
    ) -> None:
        self.targets = tuple(targets)
        self.scrape_interval_s = scrape_interval_s
        configuration = directory / "prometheus.yml"
        text = CONFIGURATION.format(interval_ms=round(scrape_interval_s * 1000), targets=json.dumps(self.targets))
        configuration.write_text(text, "utf-8")
        self._log: list[str] = []
        self._more = threading.Condition()
        self._process = subprocess.Popen(
            [
                program("prometheus", "prometheus"),
                f"--config.file={configuration}",
                f"--storage.tsdb.path={directory / 'data'}",
                "--web.listen-address=127.0.0.1:0",
                # What has not been scraped for this long is gone from answers, so a test sees it go.
                "--query.lookback-delta=5s",
            ],
            cwd=directory,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        try:
            self.port = self._wait_port()
            self.wait(lambda: self._get("/-/ready", {})[0] == 200, "ready", START_S)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End the process; nothing of it is left afterwards."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def query(self, expression: str) -> list[Series]:
        """What an expression is now; a scalar is one series without labels. Raises `QueryRefused`."""
        data = self._ask("/api/v1/query", {"query": expression})
        if data["resultType"] in ("scalar", "string"):
            return [Series({}, (_point(data["result"]),))]
        return [
            Series(each["metric"], tuple(map(_point, each.get("values", [each.get("value")]))))
            for each in data["result"]
        ]

    def query_range(self, expression: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        """What it was between two Unix times, a value every `step_s` seconds. Raises `QueryRefused`."""
        span = {"start": f"{start_s}", "end": f"{end_s}", "step": f"{step_s}"}
        data = self._ask("/api/v1/query_range", {"query": expression, **span})
        return [Series(each["metric"], tuple(map(_point, each["values"]))) for each in data["result"]]

    def value(self, expression: str) -> float:
        """The one value of an expression; not a number when it has no series. Raises `QueryRefused`."""
        found = self.query(expression)
        assert len(found) <= 1, f"{expression} has {len(found)} series"
        return found[0].value if found else math.nan

    def wait_scraped(self, times: int = 1) -> None:
        """Return when every target has been scraped so many times from now on."""
        began = time.time()
        for target in self.targets:
            up = f'up{{instance="{target}"}}'
            seen: set[float] = set()

            def scraped(stamp: str = f"timestamp({up}) and {up} == 1", seen: set[float] = seen) -> bool:
                seen.update(series.value for series in self.query(stamp) if series.value >= began)
                return len(seen) >= times

            self.wait(scraped, f"scraping {target}")

    def wait(self, done: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
        """Return when `done()` holds."""
        deadline = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline, f"Prometheus is not {what}:\n{''.join(self._log[-20:])}"
            time.sleep(0.05)  # noqa: TID251 - no trio here

    def _ask(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        _, body = self._get(path, parameters)
        answer = json.loads(body)
        if answer["status"] != "success":
            raise QueryRefused(f"{answer['errorType']}: {answer['error']}")
        data: dict[str, Any] = answer["data"]
        return data

    def _get(self, path: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", f"{path}?{urlencode(parameters)}")
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _wait_port(self) -> int:
        deadline = time.monotonic() + START_S
        with self._more:
            while True:
                for line in self._log:
                    if found := _LISTENING.search(line):
                        return int(found.group(1))
                assert time.monotonic() < deadline and self._process.poll() is None, (
                    f"Prometheus did not start:\n{''.join(self._log)}"
                )
                self._more.wait(0.2)

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._more:
                self._log.append(line)
                self._more.notify_all()


def check_metrics(page: str) -> str:
    """What `promtool check metrics` has against a page; empty when it finds nothing."""
    done = subprocess.run(
        [program("prometheus", "promtool"), "check", "metrics"],
        input=page,
        env={},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 or said, f"promtool ended with {done.returncode} and said nothing"
    return said


def _point(raw: Sequence[Any]) -> tuple[float, float]:
    return float(raw[0]), float(raw[1])


__all__ = ["Prometheus", "QueryRefused", "Series", "check_metrics"]
