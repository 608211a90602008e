"""SHOW SUBJECTS: what the schema registry of a cluster holds.

Invariant: EXTENDED asks for each subject that is shown, at most so many at a time that a large registry does not take minutes: LIKE
narrows first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kshell.errors import LimitError, NotFoundError
from kshell.lang.statements import Show
from kshell.query.result import Result
from kshell.schemas.asking import asking
from kshell.schemas.values import Schema, SchemaTooLarge, SchemaUnknown
from kshell.session.brokers import like
from kshell.session.connections import Connections

if TYPE_CHECKING:
    from kshell.schemas.registry import SchemaRegistry

MOST_EXTENDED = 2_000
_AT_ONCE = 8
_BRIEF = [("subject", "VARCHAR")]
_EXTENDED = [*_BRIEF, ("type", "VARCHAR"), ("versions", "INTEGER[]"), ("latest_id", "BIGINT"), ("compatibility", "VARCHAR")]
Row = tuple[Any, ...]


def subjects(connections: Connections, statement: Show, check: Callable[[], None]) -> Result:
    """`check` raises when the statement was cancelled."""
    registry = _registry(connections, statement)
    with asking(registry.secret):
        found = [name for name in registry.subjects() if statement.like is None or like(name, statement.like)]
        if not statement.extended:
            return Result.of_rows(_BRIEF, [(name,) for name in found])
        if len(found) > MOST_EXTENDED:
            raise LimitError(f"SHOW SUBJECTS EXTENDED asks for each of {len(found):,} subjects, and does so for {MOST_EXTENDED:,} at most",
                             hint="SHOW SUBJECTS LIKE 'orders%' EXTENDED")
        return Result.of_rows(_EXTENDED, _rows(registry, found, check))


def _registry(connections: Connections, statement: Show) -> SchemaRegistry:
    """Without FROM and without a cluster that of the configuration."""
    cluster = None
    if statement.cluster is not None or connections.cluster_names():
        cluster = connections.attached(statement.cluster, is_address=statement.cluster_is_address).cluster.name
    registry = connections.registry(None, cluster or "")
    if registry is None:
        raise NotFoundError("no schema registry is known" + (f" for cluster {cluster}" if cluster else ""),
                            hint="ATTACH 'kafka://host:9092' AS k (TYPE kafka, SCHEMA_REGISTRY 'http://host:8081'), "
                                 "or start with --schema-registry URL")
    return registry


def _rows(registry: SchemaRegistry, found: list[str], check: Callable[[], None]) -> list[Row]:
    from concurrent.futures import ThreadPoolExecutor

    rows: list[Row] = []
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="kshell-subjects") as pool:
        for begin in range(0, len(found), _AT_ONCE):
            check()
            rows += pool.map(lambda name: _row(registry, name), found[begin:begin + _AT_ONCE])
    return rows


def _row(registry: SchemaRegistry, name: str) -> Row:
    """One that is deleted while it is looked at has a row of its name alone."""
    try:
        newest: Schema | None = registry.latest(name)
    except SchemaTooLarge:
        newest = None
    except SchemaUnknown:
        return name, None, None, None, None
    try:
        versions = registry.versions(name)
    except SchemaUnknown:
        return name, None, None, None, None
    return (name, newest.kind if newest is not None else None, versions, newest.id if newest is not None else None,
            registry.compatibility(name))
