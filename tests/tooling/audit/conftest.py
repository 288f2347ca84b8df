"""What the tests of the audit share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tooling.audit.advisory_server import Osv, serving
from tooling.audit.command import ROOT, run


@pytest.fixture
def osv() -> Iterator[Osv]:
    """A service that knows nothing yet but the old advisory that every one knows."""
    with serving() as made:
        yield made


@pytest.fixture
def audit(osv: Osv, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command, with that service asked; the machine's proxies have no part in it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def asked(*words: str, root: Path = ROOT) -> int:
        return run([*words, "--service", "osv", "--osv-url", osv.url], {}, root)

    return asked
