"""ALTER, DROP, PAUSE, RESUME, FLUSH, WAIT, REFRESH, CHECK: statements about what exists.

Invariant: every form of the grammar gives one value, and a form that is not in it is an error with the whole form as its hint."""

from __future__ import annotations

from typing import Literal

from kshell.lang import notbuilt
from kshell.lang.define import column
from kshell.lang.forms import FORMS
from kshell.lang.reader import Reader
from kshell.lang.statements import AlterSink, AlterSource, CheckSink, Drop, Flush, Optimize, Pause, Refresh, Statement, Wait
from kshell.lang.values import expect_options, read_key, read_timeout, read_value
from kshell.options import Lookup, Options, PositionOf, Value, canonical, read

SinkAction = Literal["skip", "replay", "accept_rollback", "accept_new_topic", "accept_new_cluster", "recover_data", "recover_property",
                     "resume_evolution"]


# ---- ALTER -----------------------------------------------------------------------------------------------------

def alter_source(text: str) -> Statement:
    reader = Reader(text, FORMS["ALTER SOURCE"])
    reader.expect("ALTER", "SOURCE")
    if_exists = reader.accept("IF", "EXISTS")
    name = reader.unqualified("the name of a source")
    found = _common(reader)
    if found is not None:
        action, options, keys, to = found
        reader.end()
        return AlterSource(text=text, name=name, action=action, if_exists=if_exists, options=options, keys=keys, to=to)
    if reader.accept("ADD", "COLUMN"):
        added = column(reader)
        reader.end()
        return AlterSource(text=text, name=name, action="add_column", if_exists=if_exists, column=added)
    if reader.accept("DROP", "COLUMN"):
        dropped = reader.name("the name of a column")
        reader.end()
        return AlterSource(text=text, name=name, action="drop_column", if_exists=if_exists, to=dropped)
    if reader.accept("SEEK", "TO"):
        to = _position(reader)
        reader.end()
        return AlterSource(text=text, name=name, action="seek", if_exists=if_exists, to=to)
    if reader.sees("RESUME"):
        reader.fail("SET, RESET, RENAME TO, ADD COLUMN, DROP COLUMN or SEEK TO",
                    hint="RESUME EVOLUTION is said to the sink behind the source: ALTER SINK s RESUME EVOLUTION; without a sink, "
                         "CREATE OR REPLACE SOURCE finds the columns anew")
    return reader.fail_word(("SET", "RESET", "RENAME", "ADD", "DROP", "SEEK"), "SET, RESET, RENAME TO, ADD COLUMN, DROP COLUMN or SEEK TO")


def _position(reader: Reader) -> Value:
    start = reader.token.start
    value = read_value(reader)
    if not isinstance(value, Lookup):
        read(PositionOf(), value, what="SEEK TO", span=reader.span_from(start))
    return value


Common = tuple[Literal["set", "reset", "rename"], Options, tuple[str, ...], Value]


def _common(reader: Reader) -> Common | None:
    """SET options, RESET (keys), RENAME TO name: the same for sources and sinks."""
    if reader.accept("SET"):
        return "set", expect_options(reader), (), None
    if reader.accept("RESET"):
        return "reset", (), _keys(reader), None
    if reader.sees("RENAME"):
        reader.expect("RENAME", "TO")
        return "rename", (), (), reader.unqualified("the new name")
    return None


def _keys(reader: Reader) -> tuple[str, ...]:
    reader.expect_op("(", "( and the names of options")
    keys = [canonical(read_key(reader))]
    while not reader.accept_op(")"):
        reader.expect_op(",", ", or )")
        keys.append(canonical(read_key(reader)))
    return tuple(keys)


def alter_sink(text: str) -> Statement:
    reader = Reader(text, FORMS["ALTER SINK"])
    reader.expect("ALTER", "SINK")
    if_exists = reader.accept("IF", "EXISTS")
    name = reader.unqualified("the name of a sink")
    found = _common(reader)
    if found is not None:
        action, options, keys, to = found
        reader.end()
        return AlterSink(text=text, name=name, action=action, if_exists=if_exists, options=options, keys=keys, to=to)
    cure, partition, offset, offsets = _cure(reader)
    reader.end()
    return AlterSink(text=text, name=name, action=cure, if_exists=if_exists, to=offsets, partition=partition, offset=offset)


def _cure(reader: Reader) -> tuple[SinkAction, int | None, int | None, Value]:
    """What resolves a stopped sink: (action, partition, offset, offsets of every partition)."""
    if reader.accept("SKIP"):
        return "skip", *_partition(reader, "TO"), None
    if reader.accept("REPLAY"):
        return "replay", *_partition(reader, "FROM"), None
    if reader.accept("ACCEPT"):
        return _accept(reader)
    if reader.sees("RECOVER"):
        reader.expect("RECOVER", "PROGRESS", "FROM")
        word = reader.one_of("DATA", "PROPERTY") or reader.fail("DATA or PROPERTY")
        return ("recover_data" if word == "DATA" else "recover_property"), None, None, None
    if reader.sees("RESUME"):
        reader.expect("RESUME", "EVOLUTION")
        return "resume_evolution", None, None, None
    return reader.fail_word(("SET", "RESET", "RENAME", "SKIP", "REPLAY", "ACCEPT", "RECOVER", "RESUME"),
                            "SET, RESET, RENAME TO, SKIP, REPLAY, ACCEPT, RECOVER or RESUME EVOLUTION")


def _partition(reader: Reader, word: str) -> tuple[int, int]:
    reader.expect("PARTITION")
    partition = reader.whole_number("the number of a partition")
    reader.expect(word)
    return partition, reader.whole_number("an offset")


def _accept(reader: Reader) -> tuple[SinkAction, None, None, Value]:
    if reader.accept("ROLLBACK"):
        return "accept_rollback", None, None, None
    if reader.accept("NEW", "TOPIC"):
        return "accept_new_topic", None, None, None
    if not reader.accept("NEW", "CLUSTER"):
        reader.fail("ROLLBACK, NEW TOPIC or NEW CLUSTER OFFSETS")
    reader.expect("OFFSETS")
    start = reader.token.start
    value = read_value(reader)
    offsets = read(PositionOf(("map",)), value, what="OFFSETS", span=reader.span_from(start))
    return "accept_new_cluster", None, None, dict(offsets.value)


# ---- DROP, PAUSE, FLUSH, WAIT, REFRESH, CHECK -------------------------------------------------------------------

def drop(text: str) -> Statement:
    reader = Reader(text, FORMS["DROP"])
    reader.expect("DROP")
    kind = _noun(reader.next().upper)
    if_exists = reader.accept("IF", "EXISTS")
    name = reader.unqualified(f"the name of a {kind}")
    cascade = reader.accept("CASCADE")
    if not cascade:
        reader.accept("RESTRICT")
    force = reader.accept("FORCE")
    reader.end(*(() if force else ("FORCE",) if cascade else ("CASCADE", "RESTRICT", "FORCE")))
    return Drop(text=text, kind=kind, name=name, if_exists=if_exists, cascade=cascade, force=force)


def _noun(word: str) -> Literal["source", "sink"]:
    return "source" if word == "SOURCE" else "sink"


def pause(text: str) -> Statement:
    reader = Reader(text)
    verb = reader.next().upper
    reader.form = FORMS[verb]
    resume = verb == "RESUME"
    if reader.accept("ALL"):
        reader.end()
        return Pause(text=text, kind="all", resume=resume)
    if reader.accept("ALERT"):
        return notbuilt.alert(text, verb)
    kind = _noun(reader.one_of("SOURCE", "SINK") or _bare_name(reader, verb))
    name = reader.unqualified(f"the name of a {kind}")
    reader.end()
    return Pause(text=text, kind=kind, name=name, resume=resume)


def _bare_name(reader: Reader, verb: str) -> str:
    """`PAUSE orders`: the noun is missing."""
    name = reader.token
    hint = f"write {verb} SOURCE {name.text} or {verb} SINK {name.text}" if name.kind in ("word", "name") else None
    if name.upper in ("SOURCES", "SINKS"):
        hint = f"write {verb} ALL, or {verb} {name.upper[:-1]} name"
    reader.fail("SOURCE, SINK or ALL", hint=hint)


def flush(text: str) -> Statement:
    reader = Reader(text, FORMS["FLUSH"])
    reader.expect("FLUSH")
    sink = None
    if reader.accept("SINK"):
        sink = reader.unqualified("the name of a sink")
    elif not reader.accept("ALL") and not reader.sees("TIMEOUT") and not reader.done:
        name = reader.token
        reader.fail("SINK, ALL or TIMEOUT", hint=f"write FLUSH SINK {name.text}" if name.kind in ("word", "name") else None)
    timeout = read_timeout(reader)
    reader.end(*(() if timeout is not None else ("TIMEOUT",)))
    return Flush(text=text, sink=sink, timeout=timeout)


def wait(text: str) -> Statement:
    reader = Reader(text, FORMS["WAIT"])
    reader.expect("WAIT")
    kind: Literal["source", "sink", "all"] = "all"
    name, rows = "", None
    word = reader.one_of("SOURCE", "SINK", "ALL")
    if word in ("SOURCE", "SINK"):
        kind = _noun(word or "")
        name = reader.unqualified(f"the name of a {kind}")
    elif word is None and reader.token.upper not in ("UNTIL", "TIMEOUT") and not reader.done:
        _bare_name(reader, "WAIT")
    if reader.accept("UNTIL") and not reader.accept("CAUGHT", "UP"):
        if not reader.accept("ROWS"):
            reader.fail("CAUGHT UP or ROWS")
        rows = reader.whole_number("a number of rows")
    timeout = read_timeout(reader)
    reader.end(*(() if timeout is not None else ("UNTIL", "TIMEOUT")))
    return Wait(text=text, kind=kind, name=name, rows=rows, timeout=timeout)


def _with_noun(reader: Reader, verb: str, noun: str) -> str | None:
    """`CHECK orders_lake` with the noun that is missing; None where no name stands."""
    name = reader.token
    return f"write {verb} {noun} {name.text}" if name.kind in ("word", "name") else None


def refresh(text: str) -> Statement:
    reader = Reader(text, FORMS["REFRESH"])
    reader.expect("REFRESH")
    word = reader.one_of("SOURCE", "SINK", "CATALOG")
    if word is None:
        reader.fail("SOURCE, SINK or CATALOG", hint=_with_noun(reader, "REFRESH", "SOURCE"))
    kind: Literal["source", "sink", "catalog"] = "catalog" if word == "CATALOG" else _noun(word)
    name = reader.unqualified(f"the name of a {kind}")
    reader.end()
    return Refresh(text=text, kind=kind, name=name)


def optimize(text: str) -> Statement:
    reader = Reader(text, FORMS["OPTIMIZE"])
    reader.expect("OPTIMIZE")
    if not reader.accept("SINK"):
        reader.fail("SINK", hint=None if reader.sees("TABLE") else _with_noun(reader, "OPTIMIZE", "SINK"))
    sink = reader.unqualified("the name of a sink")
    timeout = read_timeout(reader)
    reader.end(*(() if timeout is not None else ("TIMEOUT",)))
    return Optimize(text=text, sink=sink, timeout=timeout)


def check(text: str) -> Statement:
    reader = Reader(text, FORMS["CHECK"])
    verb = reader.next().upper
    if not reader.accept("SINK"):
        reader.fail("SINK", hint=_with_noun(reader, verb, "SINK"))
    name = reader.unqualified("the name of a sink")
    against = reader.accept("AGAINST")
    if against:
        reader.expect("KAFKA")
    timeout = read_timeout(reader)
    reader.end(*(() if timeout is not None else ("TIMEOUT",) if against else ("AGAINST KAFKA", "TIMEOUT")))
    return CheckSink(text=text, name=name, against_kafka=against, timeout=timeout)


