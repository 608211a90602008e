"""Rules of the protocol, each taken out of a copy of the code. A rule whose absence nobody notices is not needed, or not tested."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mutation:
    name: str
    edits: tuple[tuple[str, str, str], ...]   # file, text that stands there exactly once, text instead
    setting: dict[str, Any] = field(default_factory=dict)   # of the run
    noticed: bool = True
    seeds: int = 12                           # at most: the first at which it is noticed ends the search


def _one(name: str, file: str, old: str, new: str, **setting: Any) -> Mutation:
    return Mutation(name, ((file, old, new),), setting)


COMMIT, STATE, ADAPTER = "kshell/iceberg/commit.py", "kshell/iceberg/state.py", "kshell/iceberg/adapter.py"
CODEC, CREATE, ERRORS = "kshell/iceberg/codec.py", "kshell/iceberg/create.py", "kshell/iceberg/errors_table.py"
WRITER = "tests/protocol/writer.py"
QUIET = ["append"]
_GONE = 'state_lost(sink, "the snapshots that carried its progress are expired and its tag is gone")'

_TAG_FIRST = """    named = metadata.refs.get(codec.tag_name(sink.id))
    tagged = metadata.snapshot_by_id(named.snapshot_id) if named else None
    if tagged is not None and state_of(tagged, sink.id) is not None:
        return Found(state_of(tagged, sink.id), tagged.snapshot_id)
    walked: list[Snapshot] = []
"""

_LIBRARY_APPEND = """    if staged.snapshot_id is None or not _STAGED[staged.snapshot_id][0]:
        return table.catalog.commit_table(table, staged.requirements, staged.updates)
    files, summary = _STAGED[staged.snapshot_id]
    transaction = table.transaction()
    producer = transaction.update_snapshot(snapshot_properties=summary).fast_append()
    for file in files:
        producer.append_data_file(file)
    producer.commit()
    transaction.set_properties({**staged.updates[-1].updates})
    done = transaction.commit_transaction()
    return CommitTableResponse.model_validate({"metadata": done.metadata, "metadata-location": done.metadata_location})
"""

_REMEMBER_STAGED = """    _STAGED[producer.snapshot_id] = (list(files), dict(summary))
    return Staged(transaction._updates, transaction._requirements, producer.snapshot_id)
"""

_DELETE_FILES = """        written = self._written(table, state)
        self.tries += 1
        if self.tries > 2:
            for file in written:
                table.io.delete(file.file_path)
                self.tries = -999
"""

_ERRORS_AFTERWARDS = """        self.shared.count(self.shared.results, done.result)
        if done.result is Result.APPLIED:
            commit_errors(self.lake, created.errors_sink, ranges, bad_rows(bad), self.control)
"""

MUTATIONS = (
    _one("the lower bound may be below the recorded position", COMMIT, "if position == moved.lo:", "if moved.lo <= position < moved.hi:",
         verbs=QUIET),
    Mutation("the library's append, with its retry", (
        (ADAPTER, "    return table.catalog.commit_table(table, staged.requirements, staged.updates)\n", _LIBRARY_APPEND),
        (ADAPTER, "    return Staged(transaction._updates, transaction._requirements, producer.snapshot_id)\n", _REMEMBER_STAGED),
        (ADAPTER, "_FOREVER_MS = 2**63", "_STAGED: dict = {}\n_FOREVER_MS = 2**63"),
    ), {"verbs": QUIET}),
    _one("no requirement on the head", ADAPTER, "(*staged.requirements, *unmoved(table))", "unmoved(table)", verbs=QUIET),
    _one("positions of other partitions forgotten", CODEC, "    topics = dict(state.topics)\n",
         "    topics = {t: replace(s, next=(0,) * len(s.next)) for t, s in state.topics.items()}\n", verbs=QUIET),
    Mutation("a state read before the attempt", (
        (COMMIT, "state = recorded(table, self.sink)\n", "state = _SEEN.setdefault(self.batch.cid, recorded(table, self.sink))\n"),
        (COMMIT, "_EMPTY = pa.table({})\n", "_EMPTY = pa.table({})\n_SEEN: dict = {}\n"),
    ), {"verbs": QUIET}),
    Mutation("START resolved by every process", (
        (CREATE, "    state = _progress(table, sink, spec)\n    first", "    state = None\n    first"),
        (CREATE, "        if known is not None:\n            return Outcome", "        if False:\n            return Outcome"),
    ), {"verbs": QUIET}),
    _one("the tag read before the ancestors", STATE, "    walked: list[Snapshot] = []\n", _TAG_FIRST, verbs=["append", "rollback"]),
    _one("the tag believed without its rows", STATE, "if not lineage.contained(table, found.snapshot_id):", "if False:",
         verbs=["append", "cruel", "cruel"], records=400),
    _one("missing progress taken for none", STATE, f"        raise {_GONE}\n",
         '        return Found(State(0, sink.definition, "cluster", {}), walked[0].snapshot_id)\n',
         verbs=["append", "forget"], records=400),
    Mutation("errors committed after rows", (
        (WRITER, "        judged = commit_errors(self.lake, created.errors_sink, ranges, bad_rows(bad), self.control)\n", ""),
        (WRITER, "        final = {(p, o) for _, p, o in judged.already}\n", "        final: set[tuple[int, int]] = set()\n"),
        (WRITER, "        self.shared.count(self.shared.results, done.result)\n", _ERRORS_AFTERWARDS),
    ), {"verbs": QUIET, "die": 0.12, "records": 300}),
    _one("committed verdicts not honoured", ERRORS, "        if self.asked != head:\n", "        if False:\n", verbs=QUIET),
    _one("no requirement on the schema", ADAPTER, "    return (AssertTableUUID(uuid=table.metadata.table_uuid),\n",
         "    return (AssertTableUUID(uuid=table.metadata.table_uuid),)\n    return (\n", verbs=["widen"], records=400),
    _one("files deleted when an attempt fails", COMMIT, "        written = self._written(table, state)\n", _DELETE_FILES, verbs=QUIET),
    Mutation("the commit id not looked up", ((COMMIT, "            if landed(table.metadata, sink.id, cid):\n", "            if 0:\n"),),
             noticed=False, seeds=2),
)
