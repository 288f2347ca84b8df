"""Servers, what scrapes them, and a browser."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.conformance.interpreter import find
from tests.e2e.program import Program, scripted
from tests.parts.prometheus import Prometheus
from tests.parts.visitor import PATIENCE_MS, launch
from tooling.refusal import Refusal


def pytest_report_header() -> str:
    """Whether the fuzzing client of `test_conformance.py` can run here."""
    try:
        return f"autobahn: {find(None, os.environ).path}"  # noqa: TID251  # where programs are on this machine
    except Refusal as refused:
        return f"autobahn: its cases are not run: {refused}"


@pytest.fixture(scope="module")
def served() -> Iterator[Program]:
    """A server process with the scripted engine that shows its metrics."""
    running = Program(scripted(METRICS_ENABLED="1"))
    try:
        yield running.wait_ready()
    finally:
        running.bury()


@pytest.fixture(scope="module")
def prometheus(served: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes that server."""
    with Prometheus(tmp_path_factory.mktemp("prometheus"), [f"127.0.0.1:{served.port}"]) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all pages."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = launch(playwright)
        try:
            yield running
        finally:
            running.close()
