"""GET /metrics: what `kshell.metrics` lists, as Prometheus reads it.

Invariant: no SQL and no broker is asked, so a scrape tells what there is while everything else hangs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.responses import Response

from kshell.session.metrics import METRICS, Sample, metric

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from kshell.serve.host import Host


class Metrics:
    def __init__(self, host: Host) -> None:
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = await self._host.in_worker(lambda: exposition(self._host.session.metrics()))
        await Response(text, media_type=CONTENT_TYPE_LATEST)(scope, receive, send)


def exposition(samples: Iterable[Sample]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(list(_metrics(samples))))
    return generate_latest(registry)


class _Once(Collector):
    """What is there, for a registry of one scrape."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


def _metrics(samples: Iterable[Sample]) -> Iterator[Metric]:
    for name, group in groupby(samples, key=lambda sample: metric(sample.name)):
        kind, told = METRICS[name]
        found = Metric(name.removesuffix("_total"), told, kind)
        for sample in group:
            found.add_sample(sample.name, dict(sample.labels), sample.value)
        yield found


__all__ = ["Metrics", "exposition"]
