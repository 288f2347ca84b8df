"""The page for Prometheus, read by its own parser."""

from attrs import frozen
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.plain import fetch

Labels = dict[str, str]


@frozen
class Page:
    """One scrape: name, labels and value of each sample, `text_inference_` left out."""

    samples: tuple[tuple[str, Labels, float], ...]

    def sum(self, name: str, **labels: str) -> float:
        """Of the samples with this name and these labels."""
        return sum(value for each, own, value in self.samples if each == name and labels.items() <= own.items())

    def by(self, name: str, label: str) -> dict[str, float]:
        """What is not nothing, by a label."""
        values: dict[str, float] = {}
        for each, own, value in self.samples:
            if each == name and value:
                values[own[label]] = values.get(own[label], 0) + value
        return values


async def read_page(port: int) -> Page:
    """Scrape `/metrics`."""
    reply = await fetch(port, "/metrics")
    assert reply.status == 200, reply
    families = text_string_to_metric_families(reply.body.decode())
    return Page(
        tuple(
            (sample.name.removeprefix("text_inference_"), dict(sample.labels), sample.value)
            for family in families
            for sample in family.samples
        )
    )


__all__ = ["Page", "read_page"]
