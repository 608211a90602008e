"""The shape of a source before it reads: its format, its schemas, its columns.

Invariant: what is decided here is written into the source's options and columns, so that SHOW CREATE makes the same source again without
a look at the topic or at a registry's subjects."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell import decode
from kshell.buffer import TP
from kshell.columns import Column, quote_if_needed
from kshell.decode.discovery import ONE_COLUMN, Asked, Reading, Registry, reading
from kshell.errors import RefusedError
from kshell.lang.statements import CreateSource
from kshell.options import Parsed
from kshell.query.recognise import value_format
from kshell.session.attached import Attached
from kshell.session.context import Context
from kshell.session.included import included
from kshell.session.placed import placed
from kshell.session.registries import Registries
from kshell.session.sample import sample

if TYPE_CHECKING:
    from kshell.decode.isolated import Isolation
    from kshell.kafka.cluster import Cluster


class Shaping:
    def __init__(self, context: Context, registries: Registries) -> None:
        self._context, self._registries = context, registries

    def shape(self, statement: CreateSource, attached: Attached, options: Parsed, topics: Sequence[str], tps: Sequence[TP]) -> Reading:
        """The decoder with its columns; `options["FORMAT"]` is settled too."""
        declared = _declared(statement, options)
        with placed(options.spans.get("SCHEMA_REGISTRY")):
            registry = self._registries.chosen(options, attached.options)

        @cache
        def newest() -> pa.RecordBatch:
            return sample(attached.cluster, tps, options["SAMPLE"], isolation=options["ISOLATION"], check=self._context.cancel.check,
                          headers=registry is not None or options["ENVELOPE"] is not None)

        asked = Asked(topics, options["FORMAT"], options["KEY_FORMAT"], options["SCHEMA"], options["MESSAGE"], registry, declared,
                      options["ENVELOPE"], _isolation(options))
        with placed(options.spans.get("SCHEMA")):
            found = reading(asked, newest, included(options))
        if not found.decoder.columns:
            raise _no_columns(statement.name, attached.cluster, newest(), options["ENVELOPE"], registry)
        if options["FORMAT"] is None and registry is not None:
            options.given |= {"FORMAT"}       # what SHOW CREATE prints asks nobody
        options["FORMAT"] = found.discovery.format
        for notice in found.notices:
            self._context.note(f"{statement.name}: {notice}")
        return found


def _isolation(options: Parsed) -> Isolation | None:
    if not options["UNTRUSTED"]:
        return None
    from kshell.decode.isolated import Isolation

    return Isolation()


def _no_columns(name: str, cluster: Cluster, batch: pa.RecordBatch, envelope: str | None, registry: Registry | None) -> RefusedError:
    """Why none were found, by what the records are instead."""
    if batch.num_rows == 0:
        return RefusedError(f"the topic of source {name} is empty, so its columns cannot be inferred",
                            hint=f"declare columns: CREATE SOURCE {quote_if_needed(name)} (id BIGINT, ...) FROM KAFKA {cluster.name} (...)")
    if envelope is not None:
        return RefusedError(f"no record of the {batch.num_rows} newest of source {name} has the envelope {envelope} and a field in it",
                            hint="leave ENVELOPE out, or name another: connect, debezium or cloudevents")
    found = value_format(batch["value"].to_pylist())
    if found.framed and registry is None:
        return RefusedError(f"the records of source {name} are {found.name}, and no registry is known",
                            hint="add SCHEMA_REGISTRY 'http://host:8081' to the options, or read the bytes: FORMAT raw")
    return RefusedError(f"no record of the {batch.num_rows} newest of source {name} is a JSON object with a field",
                        hint="declare columns, or read it as it is: FORMAT string or FORMAT raw")


def _declared(statement: CreateSource, options: Parsed) -> tuple[Column, ...] | None:
    """None: to be found."""
    if not statement.columns:
        return None
    if options["FORMAT"] in ONE_COLUMN:
        raise RefusedError(f"FORMAT {options['FORMAT']} has one column, value; it takes no column list",
                           hint="leave the columns out, or use FORMAT json", position=statement.columns[0].span.start)
    return decode.declare(statement.columns)
