"""Readers that ask the union again and again, and judge every answer.

An answer is wrong when a record is missing or twice: per partition the rows, the distinct offsets and the greatest offset + 1 must be
one number, each row must be the record of its offset, and no greatest offset may be below one that an answer had before this question."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.flow import Flow

Ask = Callable[[str], Sequence[tuple[Any, ...]]]


def question(relation: str) -> str:
    return (f"SELECT _kafka_partition, count(*), count(DISTINCT _kafka_offset), max(_kafka_offset), bool_and(seq = _kafka_offset) "
            f"FROM {relation} WHERE _kafka_offset IS NOT NULL GROUP BY ALL")


@dataclass
class Verdicts:
    """What all readers of one union found."""

    flow: Flow
    reads: int = 0
    slowest_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    _seen: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, ask: Ask, relation: str) -> None:
        before = self.seen()
        began = time.monotonic()
        answer = ask(question(relation))
        self._judge(answer, before, time.monotonic() - began)

    def seen(self) -> dict[int, int]:
        with self._lock:
            return dict(self._seen)

    def _judge(self, answer: Sequence[tuple[Any, ...]], before: Mapping[int, int], seconds: float) -> None:
        faults = [fault for row in answer if (fault := self._fault(*row))]
        newest = {row[0]: row[3] for row in answer}
        faults += [f"[{p}] fell from {at} to {newest.get(p)}" for p, at in before.items() if newest.get(p, -1) < at]
        with self._lock:
            self.reads += 1
            self.slowest_s = max(self.slowest_s, seconds)
            self.wrong += ["; ".join(faults)] if faults else []
            for p, at in newest.items():
                self._seen[p] = max(at, self._seen.get(p, -1))

    def _fault(self, partition: int, rows: int, distinct: int, newest: int, as_sent: bool) -> str | None:
        if rows == distinct == newest + 1 <= self.flow.sent[partition] and as_sent:
            return None
        sent = self.flow.sent[partition]
        return f"[{partition}] {rows} rows, {distinct} offsets up to {newest}, {sent} sent{'' if as_sent else ', other records'}"


class Readers:
    """Threads, each with an `ask` of its own, until `stop`."""

    def __init__(self, verdicts: Verdicts, relation: str, asks: Sequence[Ask]) -> None:
        self.verdicts, self.failures = verdicts, []  # type: ignore[var-annotated]
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(ask, relation), name=f"reader-{i}", daemon=True)
                         for i, ask in enumerate(asks)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(30.0)
            assert not thread.is_alive(), f"{thread.name} does not end"
        assert not self.failures, self.failures

    def _run(self, ask: Ask, relation: str) -> None:
        try:
            while not self._ending.is_set():
                self.verdicts.ask(ask, relation)
        except Exception as error:  # noqa: BLE001 - a reader never fails: whatever it met is a finding
            self.failures.append(f"{type(error).__name__}: {error}")
