"""One seeded run, from outside: `python -m tests.protocol.run '{"seed": 1, "seconds": 9}'` prints its findings as one JSON object."""

from __future__ import annotations

import json
import math
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from kshell.iceberg import tiers
from kshell.iceberg.head import load_head
from kshell.iceberg.values import State
from tests.protocol import faulty, verify
from tests.protocol.outsider import Outsider
from tests.protocol.world import World, spec
from tests.protocol.writer import Gate, Shared, Writer

WRITERS = 3
REWINDING = {"rollback", "cruel", "forget"}
VERBS = ("append", "append", "delete", "expire", "expire", "rollback", "widen", "cruel", "forget")


def run(seed: int, seconds: float = 60.0, work: float = math.inf, verbs: Sequence[str] = VERBS, records: int = 80,
        die: float = 0.015) -> dict[str, Any]:
    """Ends with the last record, or after `seconds`, or after `work` seconds of processor time, which a busy machine does not shorten.
    `verbs`: what the neighbour does, each as likely as it is often; `records` of a partition; `die`: chance of a kill, twice a request.

    `clean` is the verdict of the verifiers; `reached`, that everything was committed in time."""
    with tempfile.TemporaryDirectory() as folder:
        history, shared = faulty.History(), Shared(World(seed, records=records), Gate(WRITERS))
        faulty.lake(folder, history).close()                       # makes the tables of the database
        chances = faulty.Chances(die_before=die, die_after=die)
        writers = [Writer(n, faulty.lake(folder, history, chances, seed * 31 + n), shared) for n in range(WRITERS)]
        outsider = Outsider(faulty.lake(folder, history), shared, seed, verbs)
        began, worked = time.monotonic(), time.process_time()
        for thread in (*writers, outsider):
            thread.start()
        while not shared.stop.wait(0.05) and time.monotonic() - began < seconds and time.process_time() - worked < work:
            pass
        reached = shared.stop.is_set() and not shared.surprises
        shared.stop.set()
        for thread in (*writers, outsider):
            thread.join(20)
        took = time.monotonic() - began
        found = _verify(folder, history, shared)
        found.unreadable += history.stale
        if shared.stops and not REWINDING & set(verbs):
            found.chain.append(f"stopped although nobody touched the history: {shared.stops}")
        return {"seed": seed, "clean": found.clean() and not shared.surprises, "reached": reached, **asdict(found),
                "surprises": shared.surprises[:3], "stops": shared.stops, "results": shared.results, "outsider": outsider.done,
                "requests": history.sent, "seconds": round(took, 1)}


def _verify(folder: str, history: faulty.History, shared: Shared) -> verify.Findings:
    found = verify.Findings()
    lake = faulty.lake(folder, history)
    try:
        writer = Writer(-1, lake, replace(shared, stop=threading.Event()))
        state = _resolved(writer)
        table, errors = lake.load(spec().table), lake.load(spec().errors_table or ())
        rows, failed = verify.positions_of(table, with_seq=True), verify.positions_of(errors, with_seq=False)
        positions = verify.verify_chain(history, table.metadata.current_snapshot_id, found)
        verify.verify_chain(history, errors.metadata.current_snapshot_id, found)
        start = {tp: _started(history, tp) for tp in positions}
        verify.verify_rows(rows, failed, shared.world.logs, start, state, found)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - a table that cannot be read is the finding
        found.unreadable.append(repr(error)[:300])
    return found


def _resolved(writer: Writer) -> State:
    """The state that stands in the table. A rollback in the last moment is resolved first, as a person would."""
    for table in (spec().errors_table, spec().table):
        assert table is not None
        writer.repair(writer.sink(table))
    state = load_head(writer.lake, writer.sink(spec().table)).state
    assert state is not None
    return state


def _started(history: faulty.History, tp: tuple[str, int]) -> int:
    """Where the run's first commit recorded that this partition begins."""
    from kshell.iceberg import codec

    for snapshot, (parent, summary) in history.snapshots.items():
        text = summary.get(codec.commit_key(verify.SINK)) if history.tables[snapshot] == spec().table[-1] else None
        for jump in codec.decode_commit(text).jumps if text and parent is None else ():
            if jump.kind == "START" and (jump.topic, jump.partition) == tp:
                return jump.hi
    return 0


if __name__ == "__main__":
    tiers.FAN = 2                             # a run makes a few dozen files; here only, since the module is imported too
    warnings.simplefilter("ignore")
    print(json.dumps(run(**json.loads(sys.argv[1]))))
