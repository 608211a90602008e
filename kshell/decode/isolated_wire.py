"""What goes through the pipes between kshell and the process that decodes untrusted records.

To the child go pickles: it trusts us. From the child come JSON and Arrow alone, which are looked at before they are used, because whoever
takes the child over writes there.

Invariant: a message is whole or `Gone`; reading never waits beyond its deadline."""

from __future__ import annotations

import json
import os
import pickle
import select
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import IO, Any

import pyarrow as pa

from kshell.columns import Column
from kshell.decode.verdict import BadRecord, Verdict, bad

MOST_HEAD, MOST_BODY = 64_000_000, 1_000_000_000
_SIZES = struct.Struct("<QQ")
_CHUNK = 1 << 20


class Gone(Exception):
    """The other side closed its end."""


class Late(Exception):
    """Nothing came in time."""


# ---- to the child --------------------------------------------------------------------------------------------------

def order(fd: int, message: Any, deadline: float) -> None:
    """`fd` does not block. Raises OSError where the child is gone."""
    data = pickle.dumps(message)
    left = memoryview(_SIZES.pack(len(data), 0) + data)
    while left:
        time_left = deadline - time.monotonic()
        if time_left <= 0 or not select.select([], [fd], [], time_left)[1]:
            raise Late
        left = left[os.write(fd, left[:_CHUNK]):]


def ordered(pipe: IO[bytes]) -> Any:
    """In the child: the next message of kshell."""
    size, _ = _SIZES.unpack(_whole(pipe, _SIZES.size))
    return pickle.loads(_whole(pipe, size))    # our own parent wrote it


def _whole(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise Gone
    return data


# ---- from the child ------------------------------------------------------------------------------------------------

def answer(pipe: IO[bytes], head: dict[str, Any], table: pa.Table | None = None) -> None:
    text = json.dumps(head).encode()
    body = b"" if table is None else ipc(table)
    pipe.write(_SIZES.pack(len(text), len(body)) + text)
    pipe.write(body)
    pipe.flush()


def answered(fd: int, deadline: float) -> tuple[dict[str, Any], bytes]:
    """The next message of the child."""
    head, body = _SIZES.unpack(_by(fd, _SIZES.size, deadline))
    if head > MOST_HEAD or body > MOST_BODY:
        raise Gone
    try:
        said = json.loads(_by(fd, head, deadline))
    except ValueError:
        raise Gone from None
    if not isinstance(said, dict):
        raise Gone
    return said, _by(fd, body, deadline)


def _by(fd: int, size: int, deadline: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            raise Late
        piece = os.read(fd, min(_CHUNK, size - len(data)))
        if not piece:
            raise Gone
        data += piece
    return bytes(data)


# ---- values --------------------------------------------------------------------------------------------------------

def ipc(data: pa.Table | pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write(data)
    return bytes(sink.getvalue().to_pybytes())


def table_of(data: bytes, names: Sequence[str]) -> pa.Table:
    """Checked: its offsets and lengths are within its buffers, its texts are UTF-8, its columns have these names."""
    try:
        table = pa.ipc.open_stream(data).read_all()
        table.validate(full=True)
    except pa.ArrowException:
        raise Gone from None
    if table.column_names != list(names):
        raise Gone
    return table


def batch_of(data: bytes) -> pa.RecordBatch:
    table = pa.ipc.open_stream(data).read_all().combine_chunks()
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def written(columns: Iterable[Column]) -> list[dict[str, Any]]:
    return [asdict(column) for column in columns]


def columns_of(said: Any) -> tuple[Column, ...]:
    try:
        return tuple(_column(**column) for column in said)
    except (TypeError, KeyError, ValueError):
        raise Gone from None


def _column(*, name: str, type: str, path: list[str], json_text: bool, not_null: bool, declared: str | None, renames: list[Any]) -> Column:
    declared = str(declared) if declared is not None else None
    return Column(str(name), str(type), tuple(map(str, path)), bool(json_text), bool(not_null), declared,
                  tuple((tuple(map(str, keys)), str(field)) for keys, field in renames))


def records_of(said: Any, rows: int) -> list[BadRecord]:
    """Verdicts about rows of the batch, in their order."""
    try:
        found = [bad(int(index), Verdict(str(code)[:64], str(message)), None if id is None else int(id))
                 for index, code, message, id in said]
    except (TypeError, ValueError):
        raise Gone from None
    if any(not 0 <= record.index < rows for record in found):
        raise Gone
    return found
