"""Records nobody vouches for are decoded in a process of their own: UNTRUSTED true.

The child has an empty environment and a limit on memory; a batch has ten seconds. When it dies or is late, the batch is halved until one
record is found that does it alone: `Undecodable`, which is no verdict on the record but stops its partition by name.

Invariant: one child per source, started again when it is gone; what it answers is checked, and its values are those of the same decoder
in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from kshell.columns import Column
from kshell.decode.isolated_wire import Gone, Late, answered, columns_of, ipc, order, records_of, table_of
from kshell.decode.values import Inference, Prepared, Schemas
from kshell.decode.verdict import BadRecord, Undecodable
from kshell.errors import RefusedError
from kshell.schemas.frame import FramesOnly
from kshell.schemas.values import SchemaSource, SchemaTooLarge, SchemaUnavailable, SchemaUnknown
from kshell.testing import child_environment

MEMORY_BYTES = 1_000_000_000                  # of the child, beyond its libraries
BATCH_S, LEAST_S = 10.0, 2.0                  # what a batch may take, and at least its pieces
START_S = 30.0
_MOST_QUESTIONS = 10_000                      # of a child while it decodes one batch
_MEMORY_ENDED = 3
_MAIN = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from kshell.decode.isolated_child import main; main(int(sys.argv[2]))"


class _Lost(Exception):
    """The child was ended, or ended itself."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


class Isolation:
    """The child of one source. Whoever decodes holds the lock."""

    def __init__(self, *, memory_bytes: int = MEMORY_BYTES, batch_s: float = BATCH_S) -> None:
        self.batch_s = batch_s
        self.lock = threading.RLock()
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._made: object = None             # the decoder that the child has
        self._shut = False

    def infer(self, batch: pa.RecordBatch, **how: Any) -> Inference:
        with self.lock:
            try:
                said, _ = self.call("infer", {"batch": ipc(batch), **how}, self.batch_s)
            except _Lost as lost:
                raise RefusedError(f"a record of the sample cannot be looked at: {lost.code}: {lost.message}",
                                   hint="declare the columns: CREATE SOURCE s (id BIGINT, ...) FROM KAFKA ...") from None
            return Inference(columns_of(said.get("columns")), [str(notice) for notice in said.get("notices", ())])

    def call(self, name: str, given: dict[str, Any], limit_s: float, schemas: Schemas | None = None) -> tuple[dict[str, Any], bytes]:
        """One order and its answer. `_Lost`: the child is gone afterwards."""
        if self._shut:
            raise _Lost("DECODER_CRASHED", "the source has ended")
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        deadline = time.monotonic() + limit_s
        try:
            order(process.stdin.fileno(), (name, given), deadline)
            for _ in range(_MOST_QUESTIONS):
                said, body = answered(process.stdout.fileno(), deadline)
                if "ask" not in said:
                    return said, body
                asked_at = time.monotonic()
                found = _asked(schemas, said["ask"])
                deadline += time.monotonic() - asked_at
                order(process.stdin.fileno(), found, deadline)
            raise Gone
        except Late:
            self.close()
            raise _Lost("DECODE_STUCK", f"decoding takes longer than {limit_s:g} s") from None
        except (Gone, OSError):
            raise self._ended(process) from None

    def made(self, decoder: IsolatedDecoder, given: dict[str, Any]) -> None:
        """The child has this decoder."""
        if self._made is not decoder or self._process is None or self._process.poll() is not None:
            self.call("make", given, START_S, decoder.schemas)
            self._made = decoder

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._made = None
            self._process = subprocess.Popen([sys.executable, "-I", "-c", _MAIN, json.dumps(sys.path), str(self._memory_bytes)],
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
                                             env=child_environment(), start_new_session=True, bufsize=0)
            assert self._process.stdin is not None
            os.set_blocking(self._process.stdin.fileno(), False)
        return self._process

    def _ended(self, process: subprocess.Popen[bytes]) -> _Lost:
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
        code = process.poll()
        self.close()
        if code == _MEMORY_ENDED:
            return _Lost("DECODER_CRASHED", f"decoding needs more than {self._memory_bytes // 1_000_000:,} MB of memory")
        how = f"by signal {-code}" if code is not None and code < 0 else "by itself"
        return _Lost("DECODER_CRASHED", f"the decoding process ended {how}")

    def shut(self) -> None:
        """The source has ended: no child any more."""
        self._shut = True
        self.close()

    def close(self) -> None:
        """End the child. The next order starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()


def _asked(schemas: Schemas | None, question: Any) -> tuple[str, Any]:
    """What the child may know of schemas: those that the source's own registry or file has."""
    try:
        part, what, *arguments = question
        source = getattr(schemas, {"values": "values", "keys": "keys"}[part])
        return "schema", _QUESTIONS[what](source, *arguments)
    except SchemaUnavailable as error:
        return "unavailable", (error.reason, error.cause)
    except SchemaUnknown as error:
        return "unknown", (str(error),)
    except SchemaTooLarge as error:
        return "too_large", (str(error),)
    except (TypeError, ValueError, KeyError, AttributeError):
        raise Gone from None


def _by_id(source: SchemaSource, id: int, subject: str | None = None) -> Any:
    return source.by_id(int(id), str(subject) if subject is not None else None)


def _by_guid(source: SchemaSource, guid: str) -> Any:
    return source.by_guid(str(guid))


def _latest(source: SchemaSource, subject: str) -> Any:
    return source.latest(str(subject))


_QUESTIONS: dict[str, Callable[..., Any]] = {"by_id": _by_id, "by_guid": _by_guid, "latest": _latest}


class IsolatedDecoder:
    """The decoder `own` as the child runs it; `own` itself never sees a record."""

    sql, framed, asks_all = False, False, True

    def __init__(self, isolation: Isolation, own: Any, format: str, key_format: str, columns: Sequence[Column], include: Iterable[str],
                 schemas: Schemas) -> None:
        self.columns, self.metadata, self.key_type = own.columns, own.metadata, own.key_type
        own_form = own.description if format in ("avro", "protobuf") else "exact"      # of the others each record is read by itself
        self.description = f"{own_form}, in a process of its own: UNTRUSTED"
        self.schemas = schemas
        self._isolation = isolation
        self._counters: Counter[str] = Counter()
        self._given = {"format": format, "key_format": key_format, "columns": tuple(columns), "include": tuple(include),
                       "message": schemas.message, "key": schemas.key, "evolves": schemas.evolves, "envelope": schemas.envelope,
                       "sources": {"values": _kind(schemas.values), "keys": _kind(schemas.keys)}}

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        """A record that ends the child wants nothing: `judge` says which it is."""
        with self._isolation.lock:
            try:
                said, _ = self._call("prepare", batch, self._isolation.batch_s)
            except _Lost:
                return Prepared()
        try:
            waiting = {int(row): str(why)[:1000] for row, why in said.get("waiting", ()) if 0 <= int(row) < batch.num_rows}
        except (TypeError, ValueError):
            waiting = {}
        return Prepared(columns_of(said.get("proposal", ())), waiting)

    def judge(self, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
        """Undecodable: the first record that ends the child by itself."""
        with self._isolation.lock:
            return self._judged(batch, batch.num_rows)

    def _judged(self, batch: pa.RecordBatch, whole: int) -> tuple[pa.Table, list[BadRecord]]:
        rows, limit_s = batch.num_rows, self._isolation.batch_s
        share = limit_s if rows in (1, whole) else max(min(LEAST_S, limit_s), limit_s * rows / whole)
        try:
            said, body = self._call("judge", batch, share)
            found = table_of(body, [c.name for c in (*self.columns, *self.metadata)]), records_of(said.get("bad"), rows)
            if found[0].num_rows + len(found[1]) != rows:
                raise Gone
            self._counters.update({str(name)[:64]: int(count) for name, count in dict(said.get("counters", {})).items()})
            return found
        except Gone:
            self._isolation.close()
            lost = _Lost("DECODER_CRASHED", "the decoding process answered what no decoder does")
        except _Lost as error:
            lost = error
        if rows == 1:
            raise Undecodable(0, lost.code, lost.message)
        return self._halved(batch, whole)

    def _halved(self, batch: pa.RecordBatch, whole: int) -> tuple[pa.Table, list[BadRecord]]:
        at = batch.num_rows // 2
        first, bad = self._judged(batch.slice(0, at), whole)
        try:
            second, more = self._judged(batch.slice(at), whole)
        except Undecodable as found:
            raise Undecodable(at + found.index, found.code, found.message) from None
        return pa.concat_tables([first, second]), [*bad, *(BadRecord(at + r.index, r.code, r.message, r.schema_id) for r in more)]

    def _call(self, name: str, batch: pa.RecordBatch, limit_s: float) -> tuple[dict[str, Any], bytes]:
        self._isolation.made(self, self._given)
        return self._isolation.call(name, {"batch": ipc(batch)}, limit_s, self.schemas)

    def take_counters(self) -> Counter[str]:
        counters, self._counters = self._counters, Counter()
        return counters

    # ---- it has no SQL ---------------------------------------------------------------------------------------------

    def regular(self, batch: str) -> str | None:
        return None

    def look(self, batch: str, *, careful: bool) -> str | None:
        return None

    def stray(self, batch: str) -> str | None:
        return None


def _kind(source: SchemaSource | None) -> Any:
    if source is None or isinstance(source, FramesOnly):
        return None if source is None else "frames"
    return source.frames, source.unframed
