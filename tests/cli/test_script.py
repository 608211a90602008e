"""Scripts from -c, -f and stdin: one session, rows on stdout, words on stderr, the exit code of the first error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.cli.conftest import Ran

Run = Callable[..., Ran]
BOX = "│"


def test_inputs_run_in_order_in_one_session(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("CREATE TABLE t AS SELECT getvariable('a') + 1 AS x;")
    ran = run("--var", "n=5", "-c", "SET VARIABLE a = 7", "-f", "q.sql", "-c", "SELECT getvariable('n') AS n, x FROM t")
    assert ran == Ran(0, "n,x\n5,8\n", "")


def test_into_a_pipe_rows_are_csv_and_results_are_apart(run: Run) -> None:
    ran = run("-c", "CREATE TABLE t (a INT); INSERT INTO t VALUES (1); FROM t; SELECT 2 AS b; SELECT 3 AS c WHERE false")
    assert ran == Ran(0, "a\n1\n\nb\n2\n\nc\n", "")
    assert len(run("-c", "FROM range(100)").out.splitlines()) == 101


@pytest.mark.parametrize("mode", ["--csv", "--json", "--tsv"])
def test_a_second_result_is_refused_before_anything_runs(run: Run, tmp_path: Path, mode: str) -> None:
    ran = run(mode, "-c", "COPY (SELECT 1) TO 'side.csv'; SELECT 1", "-c", "SELECT 2")
    assert (ran.code, ran.out) == (2, "")
    assert "one result" in ran.err
    assert "ndjson" in ran.err
    assert not (tmp_path / "side.csv").exists()


def test_a_second_result_that_only_running_shows_is_refused_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "two.sql").write_text("SELECT 1 AS a; SELECT 2 AS a;")
    ran = run("--csv", "-c", ".read two.sql")
    assert (ran.code, ran.out) == (2, "a\n1\n")


@pytest.mark.parametrize(("mode", "out"), [("--ndjson", '{"a":1}\n{"b":2}\n'),
    ("--markdown", "| a |\n| ---: |\n| 1 |\n| b |\n| ---: |\n| 2 |\n")])
def test_modes_that_hold_several_results_take_them(run: Run, mode: str, out: str) -> None:
    assert run(mode, "-c", "SELECT 1 AS a; SELECT 2 AS b").out == out


def test_nothing_runs_after_an_error_and_its_place_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text("SELECT 1 AS a;\n-- words\nSELECT a,\n  nope FROM range(1) t(a);\nSELECT 3 AS c;\n")
    ran = run("-f", "s.sql")
    assert (ran.code, ran.out) == (1, "a\n1\n")
    assert ran.err == ('error: s.sql:4: column "nope" not found in FROM clause\n'
                       "    nope FROM range(1) t(a);\n    ^^^^\nhint: columns here: a\n")


def test_with_json_an_error_is_one_object(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text("SELECT 1 AS a;\n\nFROM ordrs;\n")
    ran = run("--ndjson", "-f", "s.sql")
    assert json.loads(ran.err) == {"code": "not_found", "message": "Table ordrs does not exist", "position": 5, "length": 5,
                                   "hint": "SHOW ALL TABLES lists what there is", "statement": 2, "file": "s.sql", "line": 3, "exit": 1}
    assert json.loads(run("--json", "-c", "SELEC 1").err)["code"] == "syntax"
    assert json.loads(run("--json", "--nope").err)["code"] == "usage"


def test_going_on_after_an_error_keeps_its_exit_code(run: Run) -> None:
    ran = run("--on-error", "continue", "--ndjson", "-c", "SELECT 1 AS a; SELECT nope; SELECT 3 AS c")
    assert (ran.code, ran.out) == (1, '{"a":1}\n{"c":3}\n')


def test_a_query_that_fails_leaves_stdout_empty(run: Run) -> None:
    assert run("-c", "SELECT error('x' || range) FROM range(3)") == Ran(1, "", run("-c", "SELECT error('x' || range) FROM range(3)").err)


def test_a_limit_that_cuts_is_announced(run: Run) -> None:
    ran = run("--limit", "5", "-c", "FROM range(9)")
    assert len(ran.out.splitlines()) == 6
    assert ran.err == "note: 5 rows shown, more exist\n"
    assert run("--limit", "9", "-c", "FROM range(9)").err == ""
    assert run("--limit", "5", "-q", "-c", "FROM range(9)").err == ""


def test_header_and_nullvalue(run: Run) -> None:
    assert run("--no-header", "--nullvalue", "\\N", "--csv", "-c", "SELECT 1, NULL").out == "1,\\N\n"


def test_an_output_file_has_the_format_of_its_extension(run: Run, tmp_path: Path) -> None:
    assert run("-o", "x.parquet", "-c", "SELECT 1::BIGINT AS a") == Ran(0, "", "")
    assert pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pylist() == [{"a": 1}]
    assert run("-o", "x.txt", "--ndjson", "-c", "SELECT 1 AS a").code == 0
    assert (tmp_path / "x.txt").read_text() == '{"a":1}\n'
    ran = run("-o", "y.csv", "-c", "SELECT 1; SELECT 2")
    assert ran.code == 2


def test_an_error_before_the_first_row_leaves_no_file(run: Run, tmp_path: Path) -> None:
    assert run("-o", "x.csv", "-c", "FROM nowhere").code == 1
    assert not (tmp_path / "x.csv").exists()


def test_stats_are_one_json_object_a_statement(run: Run) -> None:
    lines = run("--stats", "-c", "CREATE TABLE t AS FROM range(3); FROM t").err.splitlines()
    told = [json.loads(line) for line in lines]
    assert [t["rows"] for t in told] == [3, 3]
    assert told[0].keys() == {"statement", "seconds", "rows", "live_rows", "snapshot_id", "freshness_seconds"}


@pytest.mark.parametrize(("argv", "words"), [(["-f", "missing.sql"], "missing.sql"),
    (["--format", "cvs", "-c", "SELECT 1"], "did you mean csv?")])
def test_what_cannot_be_read_or_written_is_said_before_anything_runs(run: Run, argv: list[str], words: str) -> None:
    ran = run(*argv)
    assert ran.code in (1, 2)
    assert words in ran.err


def test_a_script_that_is_not_text_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_bytes(b"SELECT '\xff'")
    ran = run("-f", "s.sql")
    assert (ran.code, "UTF-8" in ran.err) == (2, True)


def test_a_script_from_windows_runs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_bytes("\ufeff-- a; b\r\nCREATE TABLE t (a INT);\r\nINSERT INTO t VALUES (1);\r\nFROM t".encode())
    assert run("-f", "s.sql").out == "a\n1\n"


def test_dot_commands_work_in_scripts(run: Run) -> None:
    ran = run("-c", ".mode json\nSELECT 1 AS a;\n.print done\n")
    assert ran.code == 0
    assert '[{"a":1}]' in ran.out
    assert "done" in ran.out
    assert run("--csv", "-c", ".mode csv\n.timer off\nSELECT 1 AS a;").out == "a\n1\n"
    wrong = run("-c", ".modee csv")
    assert (wrong.code, "did you mean .mode?" in wrong.err) == (1, True)
    assert run("-c", ".exit 7\nSELECT 1;").code == 7


def test_the_init_file_runs_first_and_the_gate_closes_behind_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "i.sql").write_text("CREATE TABLE t AS SELECT 1 AS a;")
    ran = run("--read-only", "--init", "i.sql", "--ndjson", "-c", "FROM t; CREATE TABLE u (a INT)")
    assert (ran.code, ran.out) == (1, '{"a":1}\n')
    assert json.loads(ran.err)["code"] == "read_only"
    assert run("--init", "i.sql", "--no-init", "-c", "FROM t").code == 1


def test_a_cluster_that_cannot_be_reached_is_exit_3(run: Run) -> None:
    ran = run("--brokers", "127.0.0.1:1", "-c", "SHOW TOPICS")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error: ")


def test_the_budget_of_a_run_is_exit_4(run: Run) -> None:
    ran = run("--timeout", "300ms", "-c", "SELECT count(*) FROM range(3000000) a, range(3000000) b WHERE (a.range * b.range) % 7 = 3")
    assert (ran.code, ran.out) == (4, "")
    assert "--timeout" in ran.err


def test_control_statements_print_no_rows(run: Run) -> None:
    assert run("-c", "SET kshell_timeout = '5s'").out == ""


def test_names_of_python_are_not_tables(run: Run) -> None:
    for name in ("script", "piece", "context", "batch"):
        assert run("-c", f"FROM {name}").code == 1


def test_no_escape_reaches_stderr(run: Run) -> None:
    assert "\x1b" not in run("-c", "SELECT '\x1b[2J', nope").err
