"""Where telemetry goes: one receiver, and an address that can be one."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from runtime.settings.rules.conflict import Conflict
from runtime.settings.sections import Sections

ENDPOINT, HEADERS, TOKEN = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "AXIOM_API_TOKEN"
SIGNAL_PATHS = ("/v1/traces", "/v1/metrics", "/v1/logs")


def conflicts(settings: Sections) -> Iterator[Conflict]:
    """Two receivers, headers for nobody, addresses that hold what belongs elsewhere."""
    wanted = settings.telemetry
    has_token, endpoint = wanted.axiom_api_token is not None, wanted.otel_exporter_otlp_endpoint
    if has_token and endpoint is not None:
        yield Conflict(ENDPOINT, f"is a receiver beside Axiom, which {TOKEN} names; unset one of the two", (TOKEN,))
    elif has_token and wanted.otel_exporter_otlp_headers is not None:
        yield Conflict(HEADERS, f"is not sent to Axiom, which {TOKEN} names; unset one of the two", (TOKEN,))
    elif endpoint is None and wanted.otel_exporter_otlp_headers is not None:
        yield Conflict(HEADERS, f"is for {ENDPOINT}, which is not set; set that, or unset this", (ENDPOINT,))
    if endpoint is not None:
        yield from _base(endpoint)
    yield from _plain("AXIOM_TRACES_ENDPOINT", wanted.axiom_traces_endpoint, f"in {TOKEN}")
    yield from _plain("AXIOM_METRICS_ENDPOINT", wanted.axiom_metrics_endpoint, f"in {TOKEN}")


def _base(endpoint: str) -> Iterator[Conflict]:
    yield from _plain(ENDPOINT, endpoint, f"in {HEADERS} (authorization=Basic%20...)")
    parts = urlsplit(endpoint)
    if parts.query:
        yield Conflict(ENDPOINT, "has a ? in it; paths are added at its end, so give the address without a query")
    for path in SIGNAL_PATHS:
        if parts.path.rstrip("/").endswith(path):
            yield Conflict(ENDPOINT, f"ends in {path}, which is added; give the address without it")


def _plain(name: str, url: str, where: str) -> Iterator[Conflict]:
    parts = urlsplit(url)
    if "@" in parts.netloc:
        yield Conflict(name, f"has a user name or password in it; it is no secret, so put them {where}")
    if parts.fragment:
        yield Conflict(name, "has a # in it; give the address without a fragment")


__all__ = ["conflicts"]
