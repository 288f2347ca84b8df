"""Where traces and metrics go, and what every request to there says."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from attrs import field, frozen

from runtime.settings import Settings
from runtime.settings.kinds import parse_headers

PACKAGE = "yap-text-inference"


@frozen
class Target:
    """Where one signal goes. `headers`: secrets among them. `check`: the variables to look at when it is refused."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    check: str


@frozen
class Destination:
    """Where both signals go."""

    traces: Target
    metrics: Target


def destination(settings: Settings) -> Destination:
    """The one receiver that the settings name, which is Axiom or another one."""
    wanted = settings.telemetry
    base = wanted.otel_exporter_otlp_endpoint
    if base is not None:
        given = wanted.otel_exporter_otlp_headers
        headers = dict(parse_headers(given.reveal())) if given is not None else {}
        check, root = "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS", base.rstrip("/")
        return Destination(
            Target(f"{root}/v1/traces", headers, check), Target(f"{root}/v1/metrics", dict(headers), check)
        )
    token = wanted.axiom_api_token
    assert token is not None, "no receiver is set"
    bearer = {"authorization": f"Bearer {token.reveal()}"}
    return Destination(
        Target(
            wanted.axiom_traces_endpoint,
            {**bearer, "x-axiom-dataset": wanted.axiom_dataset},
            "AXIOM_API_TOKEN, AXIOM_DATASET, AXIOM_TRACES_ENDPOINT",
        ),
        Target(
            wanted.axiom_metrics_endpoint,
            {**bearer, "x-axiom-metrics-dataset": wanted.axiom_metrics_dataset},
            "AXIOM_API_TOKEN, AXIOM_METRICS_DATASET, AXIOM_METRICS_ENDPOINT",
        ),
    )


def resource(settings: Settings, instance: str) -> dict[str, str]:
    """What all of this process's telemetry says of where it comes from: no host name, no command line.

    `instance`: unlike any other process's. Names: OpenTelemetry's conventions for resources.
    """
    wanted = settings.telemetry
    about = {
        "service.name": wanted.otel_service_name,
        "service.instance.id": instance,
        # The second name is the one from before the conventions of 2024; dashboards use either.
        "deployment.environment.name": wanted.axiom_environment,
        "deployment.environment": wanted.axiom_environment,
    }
    if wanted.cloud_platform is not None:
        about["cloud.platform"] = wanted.cloud_platform
    release = our_version()
    if release is not None:
        about["service.version"] = release
    return about


def our_version() -> str | None:
    """The version of this distribution; None where it runs from a directory that was never installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return None


__all__ = ["Destination", "Target", "destination", "our_version", "resource"]
