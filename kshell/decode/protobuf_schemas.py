"""Schemas as messages: each compiled once in a process, whoever asks.

Invariant: what is remembered is a function of the schema alone: its message, or why it cannot be used. An outage is not remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from kshell.columns import KEY, Column
from kshell.decode import protobuf_messages as messages
from kshell.decode.protobuf_compile import descriptors
from kshell.decode.protobuf_indexes import read as read_indexes
from kshell.decode.protobuf_messages import Message
from kshell.decode.schema_types import column, inferred
from kshell.decode.unusable import Unusable
from kshell.decode.values import Inference
from kshell.decode.verdict import Verdict
from kshell.errors import Error, NotFoundError, RefusedError, UnreachableError, did_you_mean
from kshell.schemas.values import Schema, SchemaUnavailable

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FileDescriptor

MOST_COMPILED = 200
_lock = threading.Lock()
_files: OrderedDict[Schema, FileDescriptor | Unusable] = OrderedDict()


def compiled(schema: Schema) -> FileDescriptor:
    """Unusable, SchemaUnavailable."""
    with _lock:
        found = _files.get(schema)
        if found is not None:
            _files.move_to_end(schema)
    if found is None:
        try:
            found = _compiled(schema)
        except Unusable as unusable:
            found = unusable
        with _lock:
            _files[schema] = found
            while len(_files) > MOST_COMPILED:
                _files.popitem(last=False)
    if isinstance(found, Unusable):
        raise found
    return found


def _compiled(schema: Schema) -> FileDescriptor:
    if schema.kind != "protobuf":
        raise Unusable("TYPE_UNSUPPORTED", f"it is a schema of {schema.kind}, not of Protobuf", hint=f"FORMAT {schema.kind}")
    return descriptors(schema)


def title(schema: Schema) -> str:
    name = f'Schema "{schema.subject}"' if schema.subject else "The schema"
    return f"{name} (id {schema.id})" if schema.id is not None else name


def selected(file: FileDescriptor, indexes: tuple[int, ...] | None, wanted: str | None) -> Message:
    """The message of a record. Its indexes select the wanted one, or it is bad; without a name the first of the schema is wanted."""
    mine = messages.named(file, wanted) if wanted else messages.first(file)
    there = messages.at(file, indexes) if indexes is not None else mine
    if mine is None or there is None or there.full_name != mine.full_name:
        said = f"message indexes {list(indexes)}" if indexes is not None else "the first message"
        what = f"select {there.full_name}" if there is not None else "select no message"
        raise Verdict("PROTO_INDEX", f"{said} {what}, which is not {wanted or 'the first of the schema'}")
    return messages.message_of(mine)


def message_named(schema: Schema, data: bytes, at: int) -> str | None:
    """The full name of the message that the indexes of a record select, which stand there. None: none of the schema."""
    found, _ = read_indexes(data, at)
    try:
        there = messages.at(compiled(schema), found) if isinstance(found, tuple) else None
    except (Unusable, SchemaUnavailable):
        return None
    return str(there.full_name) if there is not None else None


def first_message(schema: Schema) -> str | None:
    """The full name of the message that records are where nobody names one."""
    try:
        return str(messages.first(compiled(schema)).full_name)
    except (Unusable, SchemaUnavailable):
        return None


def infer(schema: Schema, wanted: str | None) -> Inference:
    """The columns of a message. RefusedError: no table can hold it; UnreachableError: the compiler gave no answer."""
    try:
        file = compiled(schema)
        mine, notices = _message(file, wanted, title(schema))
        fields = [(f.key, f.type) for f in messages.message_of(mine).fields]
        if not fields:
            raise Unusable("TYPE_UNSUPPORTED", f"message {mine.full_name} has no fields", hint="MESSAGE names one that has")
        return inferred(fields, notices)
    except (Unusable, SchemaUnavailable) as error:
        raise refusal(schema, error) from None


def infer_key(schema: Schema) -> Column:
    """The key as one column: a struct of the fields of the first message."""
    try:
        message = messages.message_of(messages.first(compiled(schema)))
    except (Unusable, SchemaUnavailable) as error:
        raise refusal(schema, error, "KEY_FORMAT raw") from None
    return column(KEY, KEY, messages.struct_of(message))


def _message(file: FileDescriptor, wanted: str | None, schema: str) -> tuple[Descriptor, list[str]]:
    every = messages.every(file)
    if wanted is None:
        first = messages.first(file)
        others = len(every) - 1
        return first, [f"records are of the message {first.full_name}, the first of {others + 1}; MESSAGE names another"] if others else []
    found = messages.named(file, wanted)
    if found is None:
        names = [m.full_name for m in every]
        known = names if "." in wanted else [name.rpartition(".")[2] for name in names]
        raise NotFoundError(f"{schema} has no message {wanted}", hint=did_you_mean(wanted, known) or f"it has {', '.join(names[:10])}")
    return found, []


def refusal(schema: Schema, error: Unusable | SchemaUnavailable, raw: str = "FORMAT raw") -> Error:
    """What is said at CREATE."""
    if isinstance(error, SchemaUnavailable):  # of the compiler: nobody else is asked here
        return UnreachableError(f"{title(schema)}: {error.reason}", hint=f"try again, or keep the bytes: {raw}")
    dot = "" if error.message.endswith(".") else "."
    return RefusedError(f"{error.code}: {title(schema)}: {error.message}{dot}", hint=error.hint.replace("FORMAT raw", raw))
