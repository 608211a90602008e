"""Columns of a source that come later: those that records bring, those that its table has, those that ALTER SOURCE adds.

Invariant: the table first, then the source: no row is decoded to a column that the table of its sink could not take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kshell.buffer import TP
from kshell.buffer.widening import widens
from kshell.columns import Column
from kshell.decode import Decoder
from kshell.decode.discovery import newest, wanted_by
from kshell.session.context import Context
from kshell.session.evolution import additions, as_committed, merged, named, told
from kshell.session.included import included
from kshell.session.source import Source

Wanted = Callable[[Sequence[Column]], Sequence[Column]]      # what is wanted of a table that has these columns


class Growth:
    """`get` finds a source by its name. What sinks have to say is set by who has them."""

    def __init__(self, context: Context, get: Callable[[str], Source]) -> None:
        self._context, self._get = context, get
        self.on_evolve: Callable[[Source, Wanted], Sequence[Column] | None] = lambda source, wanted: None    # of its table; None: no table
        self.on_evolved: Callable[[Source], None] = lambda source: None
        self.resumes: Callable[[Source], str] = made_again

    # ---- asked for by records ----------------------------------------------------------------------------------------

    def evolve(self, name: str, before: Decoder, proposal: tuple[Column, ...]) -> Decoder | None:
        """From the decoding thread: the table first, then the source. An Error: the partition waits and asks again."""
        source = self._get(name)
        assert source.evolution is not None
        with source.evolution.lock:
            if source.decoder is not before:  # the columns have changed meanwhile: what the records want is asked of those
                return source.ingest.grow(before, source.decoder)
            if source.suspended():
                return None
            counted = source.columns
            table = self.on_evolve(source, lambda have: self._admitted(source, proposal, have))
            if table is None:
                self._admitted(source, proposal, ())
            if source.suspended():
                return source.take(source.columns)
            wanted = named(proposal, source.columns, table or ())
            after = source.take(merged(source.columns, wanted, table))
            source.evolution.added(additions(counted, source.columns))
        self.on_evolved(source)
        if change := told(counted, source.columns):
            self._context.note(f"source {name}: {change}")
        return after

    def _admitted(self, source: Source, proposal: Sequence[Column], table: Sequence[Column]) -> tuple[Column, ...]:
        """The proposal with the table's names; nothing when there were too many new columns."""
        assert source.evolution is not None
        wanted = named(proposal, source.columns, table)
        known = {c.name for c in table} - {c.name for c in source.columns}
        count = additions(source.columns, [c for c in wanted if c.name not in known])
        reason = source.evolution.refuses(count, len(table or source.columns)) if count else None
        if reason is None:
            return wanted
        source.evolution.suspended = True
        self._context.warn(f"SCHEMA_RUNAWAY: source {source.name}: {reason}; new fields {_kept(source)} until {self.resumes(source)}")
        return ()

    def ask_registry(self, source: Source) -> None:
        """Ask the registry for a newer schema, where columns may come later."""
        if source.evolution is not None:
            wanted = wanted_by(source.columns, newest(source.shape))
            if wanted:
                self.evolve(source.name, source.decoder, wanted)

    # ---- asked for by a table or a statement -------------------------------------------------------------------------

    def adopt(self, source: Source, columns: Sequence[Column], cut: Mapping[TP, int]) -> None:
        """Take the types of a sink's table: later records decode to them, and what the table lacks is read again."""
        with source.changing():
            types = {c.name: c.type for c in columns}
            payload = [as_committed(c, types[c.name]) for c in source.decoder.columns if c.name in types]
            source.take(payload)
            source.ingest.set_decoder(source.decoder, source.segment_columns, dict(cut))

    def follow(self, source: Source, table: Sequence[Column]) -> None:
        """Take types of the table that others have widened. What the table lacks is more recent here than there."""
        types = {c.name: c.type for c in table}
        if not any(_wider(c, types) for c in source.columns):
            return
        with source.changing():
            before = source.decoder
            columns = [as_committed(c, types[c.name]) if _wider(c, types) else c for c in source.columns]
            source.ingest.grow(before, source.take(columns))

    def resume(self, source: Source) -> bool:
        """False: it was not suspended."""
        if source.evolution is None or not source.evolution.suspended:
            return False
        with source.evolution.lock:
            source.evolution.resume()
            before = source.decoder
            source.ingest.grow(before, source.take(source.columns))
        return True

    def read_again(self, source: Source, columns: Sequence[Column]) -> None:
        """The columns stand there at once; their values follow as the buffer is read again."""
        before = source.decoder
        source.ingest.grow(before, source.take(columns))
        self.on_evolved(source)
        source.ingest.set_decoder(source.decoder, source.segment_columns, {})


def made_again(source: Source) -> str:
    return f"it is made again: CREATE OR REPLACE SOURCE {source.name} ..."


def _wider(column: Column, types: Mapping[str, str]) -> bool:
    theirs = types.get(column.name, column.type)
    return theirs != column.type and widens(column.type, theirs)


def _kept(source: Source) -> str:
    return "go to _kafka_rest" if "rest" in included(source.options) else "are counted"


__all__ = ["Growth", "Wanted", "made_again"]
