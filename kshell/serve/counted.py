"""What servers count, as measurements of the session: clients, statements by how they ended, and how long they took.

Invariant: `via` is the kind of a server and `result` one of three words: no statement, no name and no address of a client is in a label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from kshell.serve.host import BUCKETS_S
from kshell.session.metrics import Sample

if TYPE_CHECKING:
    from kshell.serve.host import Host


def samples(hosts: Iterable[Host]) -> list[Sample]:
    return [sample for host in hosts for sample in _of(host)]


def _of(host: Host) -> Iterator[Sample]:
    with host.lock:
        counts, clients = host.counts, len(host.clients)
        results = {"ok": counts.done, "failed": counts.failed, "refused": counts.refused}
        durations, seconds = list(counts.durations), counts.seconds
    via = {"via": host.kind}
    yield Sample("kshell_sessions", float(clients), via)
    yield from (Sample("kshell_queries_total", float(count), via | {"result": result}) for result, count in results.items())
    for at_most, count in zip([*map(str, BUCKETS_S), "+Inf"], accumulate(durations), strict=True):
        yield Sample("kshell_query_seconds_bucket", float(count), via | {"le": at_most})
    yield Sample("kshell_query_seconds_sum", seconds, via)
    yield Sample("kshell_query_seconds_count", float(sum(durations)), via)


__all__ = ["samples"]
