"""The statements kshell owns, as frozen values. Text that is none of them is DuckDB's and reaches it unchanged.

Positions count characters from the start of the statement's text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kshell.options.written import Lookup, Options, RawOption, Span, Typed, Value, Word

__all__ = [
    "AlterSink", "AlterSource", "Attach", "CheckSink", "ColumnDefinition", "CreateSecret", "CreateSink", "CreateSource", "Describe",
    "Detach", "DotCommand", "Drop", "DropSecret", "DuckStatement", "Flush", "Lookup", "NotBuilt", "Optimize", "Options", "Pause", "Print",
    "RawOption", "Refresh", "ReplayErrors", "Serve", "Set",
    "Show", "ShowCreate", "Span", "Statement", "StopServing", "Tail", "Target", "Typed", "Value", "Wait", "Word",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    text: str                                 # as typed, without the final semicolon


@dataclass(frozen=True, slots=True, kw_only=True)
class DuckStatement(Statement):
    """Anything kshell does not own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DotCommand(Statement):
    """`.name arguments`, one line. Read by the shell and by scripts."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach(Statement):
    kind: Literal["kafka", "iceberg"]
    uri: str
    name: str
    or_replace: bool = False
    if_not_exists: bool = False
    options: Options = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach(Statement):
    """Also a name that DuckDB owns may stand here; the session decides by what is attached."""

    name: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSecret(Statement):
    kind: str                                 # kafka, schema_registry, iceberg_catalog
    name: str
    or_replace: bool = False
    if_not_exists: bool = False
    persistent: bool = False
    options: Options = ()                     # without TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSecret(Statement):
    """Perhaps of DuckDB's: only the session knows the names."""

    name: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    name: str
    type: str                                 # as written
    span: Span
    path: str | None = None                   # '$.a.b', as written
    not_null: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSource(Statement):
    name: str
    name_span: Span
    or_replace: bool = False
    if_not_exists: bool = False
    columns: tuple[ColumnDefinition, ...] = ()
    cluster: str | None = None                # None: the only one attached
    cluster_is_address: bool = False          # FROM KAFKA 'host:9092'
    cluster_span: Span | None = None
    options: Options = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSink(Statement):
    name: str
    name_span: Span
    table: tuple[str, ...]                    # catalog, namespace..., name
    source: str | None = None                 # FROM source
    select: str | None = None                 # AS select
    or_replace: bool = False
    if_not_exists: bool = False
    explain: bool = False
    options: Options = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterSource(Statement):
    name: str
    action: Literal["set", "reset", "rename", "add_column", "drop_column", "seek"]
    if_exists: bool = False
    options: Options = ()
    keys: tuple[str, ...] = ()                # reset
    to: Value = None                          # rename: str; seek: position
    column: ColumnDefinition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterSink(Statement):
    name: str
    action: Literal["set", "reset", "rename", "skip", "replay", "accept_rollback", "accept_new_topic", "accept_new_cluster", "recover_data",
                    "recover_property", "resume_evolution"]
    if_exists: bool = False
    options: Options = ()
    keys: tuple[str, ...] = ()
    to: Value = None                          # rename: str; accept_new_cluster: the map
    partition: int | None = None              # skip, replay
    offset: int | None = None                 # skip TO, replay FROM


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Statement):
    kind: Literal["source", "sink"]
    name: str
    if_exists: bool = False
    cascade: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Statement):
    kind: Literal["source", "sink", "all"]
    name: str = ""
    resume: bool = False                      # RESUME


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush(Statement):
    sink: str | None = None                   # None: ALL
    timeout: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Statement):
    kind: Literal["source", "sink", "all"]
    name: str = ""
    rows: int | None = None                   # None: UNTIL CAUGHT UP
    timeout: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh(Statement):
    kind: Literal["source", "sink", "catalog"]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimize(Statement):
    sink: str
    timeout: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSink(Statement):
    name: str
    against_kafka: bool = False
    timeout: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayErrors(Statement):
    name: str
    where: Span | None = None                 # over the columns of the error table
    timeout: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Statement):
    what: Literal["topics", "sources", "sinks", "connections", "secrets", "servers", "consumer groups", "subjects"]
    cluster: str | None = None
    cluster_is_address: bool = False
    cluster_span: Span | None = None
    like: str | None = None
    extended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowCreate(Statement):
    kind: Literal["source", "sink", "connection"]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe(Statement):
    kind: Literal["source", "sink", "topic"]
    name: str
    name_span: Span | None = None
    cluster: str | None = None
    cluster_is_address: bool = False
    cluster_span: Span | None = None
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What a stream reads. name: `orders`, `k.orders`, `live.orders`; topic: `'orders'`; select: a query over one of them."""

    kind: Literal["name", "topic", "select"]
    parts: tuple[str, ...]                    # of the name; the topic; empty for a select
    span: Span                                # of a select in parentheses: without them


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream(Statement):
    target: Target
    start: Literal["end", "beginning", "since", "last"] = "end"
    since: Value = None                       # since: a time, or that long ago
    since_span: Span | None = None
    last: int | None = None                   # last: the newest rows
    limit: int | None = None                  # None: until somebody ends it


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail(_Stream):
    """Rows as they arrive; SUBSCRIBE and EMIT CHANGES are other words for it."""

    verb: Literal["TAIL", "SUBSCRIBE", "EMIT CHANGES"]
    where: Span | None = None                 # the condition's place in the text
    timeout: Value = None                     # None: no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Print(_Stream):
    """Records as text as they arrive, without a decoder: every nth."""

    every: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Set(Statement):
    """SET kshell_x = value, or RESET kshell_x (value None and `reset`)."""

    name: str
    value: Value = None
    reset: bool = False
    name_span: Span = field(default=Span(0, 0))
    value_span: Span = field(default=Span(0, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve(Statement):
    kind: str                                 # a key of declared.SERVERS
    kind_span: Span
    options: Options = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StopServing(Statement):
    kind: str
    kind_span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBuilt(Statement):
    """A statement of the grammar that this version does not carry out: refused by name, with what to type instead."""

    what: str
    hint: str | None = None
