"""The tables of a sink: found, judged, made, and given the columns they lack.

Invariant: an existing table is only ever added to, and a table that carries another sink's progress is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder

from kshell.columns import OFFSET, PARTITION, TIMESTAMP, Column
from kshell.errors import BadValueError, ConflictError, NotFoundError, RefusedError
from kshell.iceberg import codec, layout
from kshell.iceberg.evolve import add_columns
from kshell.iceberg.fileio import DURABLE_PROPERTY
from kshell.iceberg.mapping import mapped
from kshell.iceberg.schema import Fit, new_schema, reconcile, require_version
from kshell.iceberg.state import other_ids, read_state
from kshell.iceberg.values import ERROR_COLUMNS, RESOLUTION_COLUMNS, Control, Identifier, Sink, SinkSpec, Unset
from kshell.places import lies_under

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

KEEP_SNAPSHOTS = 100                          # a commit writes, and a query reads, about 1 KB of metadata for each
ALL = "all"
DEFAULTS = {
    "format-version": "2",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "100",
    # Other engines keep statistics for the first 100 columns only, and these stand last.
    **{f"write.metadata.metrics.column.{c}": "full" for c in (PARTITION, OFFSET, TIMESTAMP)},
}


def sink_of(spec: SinkSpec, table: Table, identifier: Identifier) -> Sink:
    return Sink(name=spec.name, id=spec.id, table=identifier, table_uuid=str(table.metadata.table_uuid), definition=spec.definition)


def sink_table(lake: Lake, spec: SinkSpec, notes: list[str], control: Control) -> tuple[Table, tuple[Column, ...]]:
    table = lake.find(spec.table)
    _require_within(lake, spec, spec.table, table)
    if table is None:
        _require_creation(lake, spec)
        table = _make(lake, spec)
        # Somebody may have been faster: what is there is looked at like any other table.
    name = lake.qualified(spec.table)
    found = fit(table, spec, name, notes)
    if found.missing:
        table = add_columns(lake, spec.table, found.missing, control)
    return table, found.columns


def _require_within(lake: Lake, spec: SinkSpec, identifier: Identifier, table: Table | None) -> None:
    """A table whose files DuckDB may not read would never show its rows."""
    place = table.location() if table is not None else lake.would_lie(identifier) if spec.within is not None else None
    if spec.within is None or (place is not None and lies_under(place, spec.within)):
        return
    where = f"lies in {place}" if place is not None else "would get a place of its own"
    raise RefusedError(f"OUTSIDE_ALLOWED: table {lake.qualified(identifier)} {where}, and serving has closed all but the tables that were "
                       "in use when it began", hint="create the sink, or read the table once, before the first CALL kshell_serve")


def _require_creation(lake: Lake, spec: SinkSpec) -> None:
    if not spec.create_table:
        raise NotFoundError(f"Table {lake.qualified(spec.table)} does not exist and CREATE_TABLE is false.",
                            hint="create it, or leave CREATE_TABLE out")
    reserved = [k for k in spec.properties if k.startswith("kshell.")]
    if reserved:
        raise BadValueError(f"PROPERTIES: {reserved[0]} is kshell's own", hint="leave it out")


def require_makeable(lake: Lake, spec: SinkSpec) -> None:
    """What making the table would refuse, without making it."""
    _require_creation(lake, spec)
    schema = new_schema(spec.columns)
    layout.partition_spec(spec.partition_by or (), schema)
    layout.sort_order(spec.sort_by or (), schema)


def _make(lake: Lake, spec: SinkSpec) -> Table:
    schema = new_schema(spec.columns)
    return _create(lake, spec.table, schema, {**DEFAULTS, **spec.properties, **own_properties(spec, KEEP_SNAPSHOTS, made=True)},
                   layout.partition_spec(spec.partition_by or (), schema), layout.sort_order(spec.sort_by or (), schema))


def _create(lake: Lake, identifier: Identifier, schema: Schema, properties: dict[str, str],
            partitions: PartitionSpec = UNPARTITIONED_PARTITION_SPEC, order: SortOrder = UNSORTED_SORT_ORDER) -> Table:
    with mapped(f"creating table {lake.qualified(identifier)}"):
        make_namespace(lake, identifier[:-1])
        try:
            return lake.catalog.create_table(identifier, schema, properties=properties, partition_spec=partitions, sort_order=order)
        except Exception:                     # as above: a table that is there is used, whoever made it
            table = lake.find(identifier)
            if table is None:
                raise
            return table


def own_properties(spec: SinkSpec, default_keep: int | None = None, *, made: bool = False) -> dict[str, str]:
    """Options that live in the table, so that a restart keeps them. `default_keep`: where KEEP_SNAPSHOTS is not written down. `made`: the
    table is kshell's making; others are neither expired nor compacted unless it is written down."""
    written_down = spec.keep_snapshots is not Unset.UNSET
    keep = spec.keep_snapshots if written_down else default_keep
    compact = made if spec.compact is None else spec.compact
    durable = {} if spec.durable else {DURABLE_PROPERTY: "false"}
    kept = {keep_key(spec.id): ALL if keep is None else str(keep)} if keep is not None or written_down else {}
    omits = {leaves_out_key(spec.id): str(spec.leaves_out).lower()} if spec.leaves_out or spec.replace else {}
    return durable | kept | omits | ({compact_key(spec.id): str(compact).lower()} if made or spec.compact is not None else {})


def keep_key(sink_id: str) -> str:
    return f"kshell.{sink_id}.keep-snapshots"


def leaves_out_key(sink_id: str) -> str:
    return f"kshell.{sink_id}.leaves-out"


def compact_key(sink_id: str) -> str:
    return f"kshell.{sink_id}.compact"


def make_namespace(lake: Lake, namespace: Identifier) -> None:
    for depth in range(1, len(namespace) + 1):
        if not lake.catalog.namespace_exists(namespace[:depth]):
            try:
                lake.catalog.create_namespace(namespace[:depth])
            except Exception:                 # somebody else made it meanwhile, or the answer was lost: what is there decides
                if not lake.catalog.namespace_exists(namespace[:depth]):
                    raise


def fit(table: Table, spec: SinkSpec, name: str, notes: list[str]) -> Fit:
    require_version(table.metadata.format_version, name)
    others = other_ids(table.metadata, spec.id)
    if others:
        raise ConflictError(f"Table {name} carries the progress of sink id {sorted(others)[0]}; one sink id per table.",
                            hint=f"use that one: ID '{sorted(others)[0]}', or another table")
    before = _schema_of_last_commit(table, spec)
    found = reconcile(spec.columns, table.schema(), inferred=spec.inferred, table=name, sink=spec.name, before=before,
                      evolves=spec.evolves)
    _layout(table, spec, name, notes)
    notes.extend(found.notes)
    return found


def _schema_of_last_commit(table: Table, spec: SinkSpec) -> Schema | None:
    found = read_state(table.metadata, sink_of(spec, table, spec.table))
    snapshot = table.snapshot_by_id(found.snapshot_id) if found.snapshot_id is not None else None
    return table.schemas().get(snapshot.schema_id) if snapshot is not None and snapshot.schema_id is not None else None


def _layout(table: Table, spec: SinkSpec, name: str, notes: list[str]) -> None:
    """Another layout than the table's is an error before the first commit; later another engine may have changed it."""
    differs = []
    if spec.partition_by is not None and not layout.same_spec(layout.partition_spec(spec.partition_by, table.schema()), table.spec()):
        differs.append("PARTITION_BY")
    if spec.sort_by is not None and not layout.same_order(layout.sort_order(spec.sort_by, table.schema()), table.sort_order()):
        differs.append("SORT_BY")
    for option in differs:
        if codec.state_key(spec.id) not in table.properties:
            raise BadValueError(f"{option} differs from the layout of the existing table {name}",
                                hint=f"leave {option} out: the table keeps its own")
        notes.append(f"{option} differs from the table's layout, which is kept")


# ---- the error table ---------------------------------------------------------------------------------------------

def errors_table(lake: Lake, spec: SinkSpec, identifier: Identifier) -> Table:
    table = lake.find(identifier)
    _require_within(lake, spec, identifier, table)
    if table is None:
        schema = new_schema((*ERROR_COLUMNS, *RESOLUTION_COLUMNS))
        table = _create(lake, identifier, schema, {**DEFAULTS, **own_properties(spec, KEEP_SNAPSHOTS, made=True)})
    name = lake.qualified(identifier)
    require_version(table.metadata.format_version, name)
    reconcile(ERROR_COLUMNS, table.schema(), inferred=False, table=name, sink=spec.name)
    return table
