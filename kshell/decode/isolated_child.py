"""The process that decodes untrusted records: it waits for orders on standard input, and answers on standard output.

It has no environment, no secrets, no connection: schemas are asked of kshell, which asks the registry. It ends when kshell does.

Invariant: nothing is kept between two orders but decoders and schemas; standard output carries answers alone."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from kshell.decode import Decoder, infer, make
from kshell.decode.isolated_wire import Gone, answer, batch_of, ordered, written
from kshell.schemas.frame import FramesOnly
from kshell.schemas.values import Schema, SchemaSource, SchemaTooLarge, SchemaUnavailable, SchemaUnknown
from kshell.testing import failpoint

LONGEST_S = 60                                # of one order; kshell waits less
MEMORY_ENDED = 3                              # exit code: more memory than it may have


def main(memory_bytes: int) -> None:
    """`memory_bytes`: beyond what the libraries take by themselves."""
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)                             # whatever prints does not print into an answer
    _limit(memory_bytes)
    child = _Child(orders, answers)
    try:
        while True:
            child.turn()
    except (Gone, BrokenPipeError):
        os._exit(0)
    except MemoryError:
        os._exit(MEMORY_ENDED)


def _limit(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    statm = Path("/proc/self/statm")
    if statm.exists():                        # elsewhere the limit does not hold what the libraries map
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + memory_bytes, used + memory_bytes))


class _Child:
    def __init__(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        self._orders, self._answers = orders, answers
        self._decoder: Decoder | None = None

    def turn(self) -> None:
        signal.alarm(0)
        name, given = ordered(self._orders)
        signal.alarm(LONGEST_S)               # whatever it is lost in, it does not outlive kshell for long
        orders: dict[str, Callable[..., Any]] = {"make": self._make, "infer": self._infer, "prepare": self._prepare, "judge": self._judge}
        head, table = orders[name](**given)
        answer(self._answers, head, table)

    def _make(self, format: str, key_format: str, columns: Any, include: Any, sources: dict[str, Any], **asked: Any) -> Any:
        schemas, key_schemas = (self._source(part, sources[part]) for part in ("values", "keys"))
        self._decoder = make(format, key_format, columns, include, schemas=schemas, key_schemas=key_schemas, **asked)
        return {}, None

    def _source(self, part: str, kind: Any) -> SchemaSource | None:
        if kind is None:
            return None
        return FramesOnly() if kind == "frames" else _Remote(part, kind, self._ask)

    def _infer(self, batch: bytes, **how: Any) -> Any:
        records = _taken(batch)
        found = infer(records, **how)
        return {"columns": written(found.columns), "notices": found.notices}, None

    def _prepare(self, batch: bytes) -> Any:
        assert self._decoder is not None
        found = self._decoder.prepare(_taken(batch))
        return {"proposal": written(found.proposal), "waiting": list(found.waiting.items())}, None

    def _judge(self, batch: bytes) -> Any:
        assert self._decoder is not None
        table, bad = self._decoder.judge(_taken(batch))
        counters = dict(self._decoder.take_counters())
        return {"bad": [[r.index, r.code, r.message, r.schema_id] for r in bad], "counters": counters}, table

    def _ask(self, part: str, what: str, *arguments: Any) -> Schema:
        answer(self._answers, {"ask": [part, what, *arguments]})
        signal.alarm(0)
        kind, said = ordered(self._orders)
        signal.alarm(LONGEST_S)
        if kind == "schema":
            return said                       # type: ignore[no-any-return]
        raise {"unavailable": SchemaUnavailable, "unknown": SchemaUnknown, "too_large": SchemaTooLarge}[kind](*said)


def _taken(data: bytes) -> Any:
    batch = batch_of(data)
    failpoint("decode.in_child", lambda: b"".join(value or b"" for value in batch["value"].to_pylist()))
    return batch


class _Remote:
    """A source of schemas on the other side of the pipes."""

    def __init__(self, part: str, kind: tuple[bool, Schema | None], ask: Callable[..., Schema]) -> None:
        self.frames, self.unframed = kind
        self._part, self._ask = part, ask
        self._kept: dict[Any, Schema] = {}

    def _keep(self, what: str, *arguments: Any) -> Schema:
        key = (what, arguments)
        if key not in self._kept:
            self._kept[key] = self._ask(self._part, what, *arguments)
        return self._kept[key]

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        return self._keep("by_id", id, subject)

    def by_guid(self, guid: str) -> Schema:
        return self._keep("by_guid", guid)

    def latest(self, subject: str) -> Schema:
        return self._ask(self._part, "latest", subject)
