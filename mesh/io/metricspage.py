"""A node's numbers as the text that Prometheus scrapes, piece by piece: who makes it may rest between two."""

from collections.abc import Iterator

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric

from mesh.messages.health import NodeHealth
from mesh.metrics import COUNTER, Sample, samples_of

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
NAN = float("nan")


class _One:
    """A registry of one metric."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        """It."""
        yield self._metric


def page_of(health: NodeHealth, age_ns: int) -> Iterator[bytes]:
    """The text of one metric after the other."""
    for samples in samples_of(health, age_ns):
        yield generate_latest(_One(_metric(samples, {"node": health.node, "role": health.role})))


def _metric(samples: list[Sample], labels: dict[str, str]) -> Metric:
    family = samples[0].family
    metric = Metric(family.name.removesuffix("_total") if family.kind == COUNTER else family.name, family.help, family.kind)
    for sample in samples:
        value = NAN if sample.value is None else sample.value / family.per
        metric.add_sample(family.name, {**labels, **sample.labels}, value)
    return metric
