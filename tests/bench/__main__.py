"""`python -m tests.bench`: everything, in about half an hour. BENCH_EVENTS=500000 is a quick run, which is printed and not written down.

BENCH_ONLY=start,ingest takes some of the items, BENCH_ROUNDS=1 fewer rounds, BENCH_FOLDER=dir keeps the broker's records for later runs."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from tests.bench import report
from tests.bench.scene import EVENTS, ROUNDS, opened
from tests.parts import jars

ITEMS = ("ingest", "avro", "protobuf", "hot", "latency", "serve", "start")


def main() -> None:
    if reason := jars.missing():
        sys.exit(f"the bench needs a real broker: {reason}")
    events = int(os.environ.get("BENCH_EVENTS", EVENTS))
    rounds = int(os.environ.get("BENCH_ROUNDS", ROUNDS))
    items = os.environ.get("BENCH_ONLY", ",".join(ITEMS)).split(",")
    kept = os.environ.get("BENCH_FOLDER")
    rows = []
    with opened(events, rounds, Path(kept) if kept else None) as scene:
        for item in items:
            rows += importlib.import_module(f"tests.bench.items.{item}").measure(scene)
        text = report.written(scene, rows)
    print(text)
    if (events, rounds, items) == (EVENTS, ROUNDS, list(ITEMS)):
        print(f"written to {report.keep(text)}")


if __name__ == "__main__":
    main()
