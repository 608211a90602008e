"""The protocol's own statements are told from those that DuckDB gets, whose text is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.errors import Error, ReadOnlyError, StatementSyntaxError
from kshell.serve.pgwire import commands
from kshell.serve.pgwire.commands import Query
from kshell.serve.pgwire.parser import command
from kshell.serve.pgwire.sqlstate import StateError, sqlstate
from kshell.serve.pgwire.types.copy import CopyForm


@pytest.mark.parametrize(("text", "meant"), [
    ("", commands.Empty()),
    ("  -- nothing\n", commands.Empty()),
    ("; ;", commands.Empty()),
    ("BEGIN", commands.Begin("BEGIN")),
    ("begin work", commands.Begin("BEGIN")),
    ("START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE", commands.Begin("START TRANSACTION")),
    ("BEGIN TRANSACTION READ WRITE", commands.Begin("BEGIN")),
    ("COMMIT", commands.End(True)),
    ("END TRANSACTION", commands.End(True)),
    ("COMMIT AND CHAIN", commands.End(True, True)),
    ("ABORT", commands.End(False)),
    ("ROLLBACK AND NO CHAIN", commands.End(False)),
    ('SAVEPOINT "_pg3_1"', commands.Savepoint("SAVEPOINT", "_pg3_1")),
    ("RELEASE SAVEPOINT Sp", commands.Savepoint("RELEASE", "sp")),
    ("ROLLBACK TO sp", commands.Savepoint("ROLLBACK", "sp")),
    ("ROLLBACK WORK TO SAVEPOINT sp", commands.Savepoint("ROLLBACK", "sp")),
    ("DECLARE c CURSOR FOR SELECT 1", commands.Declare("c", Query("SELECT 1", 21))),
    ('DECLARE "C" INSENSITIVE NO SCROLL CURSOR WITH HOLD FOR FROM n', commands.Declare("C", Query("FROM n", 55), hold=True)),
    ("FETCH c", commands.Fetch("c", 1)),
    ("FETCH NEXT FROM c", commands.Fetch("c", 1)),
    ("FETCH FORWARD 100 FROM c", commands.Fetch("c", 100)),
    ("fetch 5 in c", commands.Fetch("c", 5)),
    ("FETCH FORWARD ALL FROM c", commands.Fetch("c", None)),
    ("MOVE ALL IN c", commands.Fetch("c", None, move=True)),
    ("CLOSE c", commands.CloseCursor("c")),
    ("CLOSE ALL", commands.CloseCursor(None)),
    ("DEALLOCATE PREPARE p", commands.Deallocate("p")),
    ("DEALLOCATE ALL", commands.Deallocate(None)),
    ("UNLISTEN *", commands.Unlisten()),
    ("COPY (SELECT ')' AS a) TO STDOUT", commands.CopyOut(Query("SELECT ')' AS a", 6), CopyForm())),
    ("COPY (FROM n) TO STDOUT (FORMAT csv, HEADER, DELIMITER ';', NULL 'null', QUOTE '''', ESCAPE '!')",
     commands.CopyOut(Query("FROM n", 6), CopyForm("csv", ";", "null", True, "'", "!"))),
    ("COPY (FROM n) TO STDOUT WITH CSV HEADER DELIMITER AS ';'", commands.CopyOut(Query("FROM n", 6), CopyForm("csv", ";", header=True))),
    ("COPY (FROM n) TO STDOUT (FORMAT binary)", commands.CopyOut(Query("FROM n", 6), CopyForm("binary"))),
    ("COPY (FROM n) TO STDOUT (HEADER false, FORCE_QUOTE (a, B), FORMAT 'csv', ENCODING 'utf-8')",
     commands.CopyOut(Query("FROM n", 6), CopyForm("csv", force_quote=frozenset({"a", "b"})))),
    ("COPY live.orders TO STDOUT", commands.CopyOut(Query("FROM live.orders", 5), CopyForm())),
    ("COPY orders (id, name) TO STDOUT CSV", commands.CopyOut(Query("SELECT id, name FROM orders", 5), CopyForm("csv"))),
])
def test_a_command_is_what_it_says(text: str, meant: commands.Command) -> None:
    assert command(text) == meant


@pytest.mark.parametrize("text", [
    "SELECT 1", "FROM n", "(SELECT 1)", "SHOW SOURCES", "EXPLAIN SELECT 1", "INSERT INTO n VALUES (1)", "COPY n TO '/tmp/x.csv'",
    "COPY (SELECT 1) TO PROGRAM 'cat'", "COPY DATABASE a TO b", "COPY (SELECT 1", "PREPARE p AS SELECT 1", "WITH a AS (SELECT 1) FROM a",
])
def test_what_is_no_command_of_the_protocol_is_left_alone(text: str) -> None:
    assert command(text) == Query(text)


@pytest.mark.parametrize("text", ["COPY n FROM STDIN", "COPY n (i) FROM '/etc/passwd' CSV", "copy n from program 'cat'"])
def test_copy_from_would_write(text: str) -> None:
    with pytest.raises(ReadOnlyError):
        command(text)


@pytest.mark.parametrize(("text", "state"), [
    ("LISTEN c", "0A000"), ("NOTIFY c, 'x'", "0A000"), ("PREPARE TRANSACTION 'x'", "0A000"), ("COMMIT PREPARED 'x'", "0A000"),
    ("ROLLBACK PREPARED 'x'", "0A000"), ("DECLARE c SCROLL CURSOR FOR SELECT 1", "55000"), ("FETCH BACKWARD 1 FROM c", "55000"),
    ("FETCH PRIOR FROM c", "55000"), ("FETCH -5 FROM c", "55000"), ("FETCH ABSOLUTE 3 FROM c", "55000"),
    ("DECLARE c BINARY CURSOR FOR SELECT 1", "0A000"), ("COPY (FROM n) TO STDOUT (FORMAT parquet)", "0A000"),
    ("COPY (FROM n) TO STDOUT (ENCODING 'LATIN1')", "0A000"),
])
def test_what_the_protocol_has_and_this_server_has_not_says_so(text: str, state: str) -> None:
    with pytest.raises(StateError) as refused:
        command(text)
    assert sqlstate(refused.value) == state


@pytest.mark.parametrize(("text", "position"), [
    ("BEGIN ISOLATION LEVEL SERIALISABLE", 22), ("COMMIT NOW", 7), ("SAVEPOINT", 9), ("DECLARE c CURSOR SELECT 1", 17), ("CLOSE", 5),
    ("COPY (FROM n) TO STDOUT (FORMAT csv, QUOT '''')", 37), ("COPY (FROM n) TO STDOUT (DELIMITER 'ab')", 35), ("FETCH 3 FROM", 12),
])
def test_a_mistake_has_its_place(text: str, position: int) -> None:
    with pytest.raises(StatementSyntaxError) as wrong:
        command(text)
    assert wrong.value.position == position


words = st.sampled_from(["BEGIN", "COPY", "DECLARE", "FETCH", "CLOSE", "(", ")", "TO", "STDOUT", "FROM", "c", "'x'", "$$", ",", "5", "-",
                         "CURSOR", "FOR", "ALL", "'", '"', "/*", "COMMIT", "ROLLBACK", "WITH", "CSV", "NULL", ";"])


@given(st.lists(words, max_size=8).map(" ".join))
def test_no_text_is_anything_but_a_command_or_an_error_of_ours(text: str) -> None:
    position = None
    try:
        command(text)
    except Error as error:
        position = error.position
    assert position is None or 0 <= position <= len(text)
