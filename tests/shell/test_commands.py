"""Dot commands: one suite for all of them, then what each promises. Everything here runs as in a script, without a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest

from kshell import lang
from kshell.errors import BadValueError, Error, NotFoundError, ReadOnlyError, RefusedError, UnreachableError, UsageError
from kshell.lang.forms import EXAMPLES, FORMS
from kshell.lang.statements import Serve
from kshell.output._width import width
from kshell.query.result import Result
from kshell.session.doctor import Check
from kshell.session.status import Names
from kshell.shell import commands
from kshell.shell.commands import _habits
from kshell.shell.completer import dot_candidates
from kshell.shell.context import Context, ExitAsked
from tests.shell.fakes import FakeSession

REPOSITORY = Path(__file__).parents[2]
NAMES = commands.names()


class Script:
    """A context over the fake session; `out` and `said` hold what was written."""

    def __init__(self, session: FakeSession, **choices: object) -> None:
        self.bytes, self.said = BytesIO(), list[str]()
        self.context = Context(session, self.script, out=self.bytes, say=self.said.append, **choices)  # type: ignore[arg-type]

    def script(self, text: str, file: str) -> None:
        for piece in lang.split(text):
            self.type(piece.text)

    def type(self, line: str) -> str:
        """Run a line; what it has written to the output."""
        before = len(self.out)
        if line.startswith((".", "\\")):
            commands.run(self.context, *commands.split(line))
        else:
            self.context.run(lang.parse(line))
        return self.out[before:]

    @property
    def out(self) -> str:
        return self.bytes.getvalue().decode()


@pytest.fixture
def script(session: FakeSession) -> Iterator[Script]:
    made = Script(session)
    yield made
    made.context.close()


# ---- all commands --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", NAMES)
def test_a_command_says_what_it_takes_and_does(name: str) -> None:
    module = commands.module(name)
    assert isinstance(module.USAGE, str)
    assert 10 <= len(module.HELP) <= 56
    assert module.COMPLETES in {"", "path", "onoff", "mode", "table", "topic", "source", "sink", "query", "statement", "command",
                                "profile", "chart", "large", "server"}
    assert module.__doc__.startswith(f"`.{name}")


@pytest.mark.parametrize("name", NAMES)
def test_help_knows_every_command(name: str, script: Script) -> None:
    assert commands.module(name).HELP in script.type(f".help {name}")
    assert f".{name} " in script.type(".help")


# not these two: .watch runs until it is stopped, .shell does what it is told
@pytest.mark.parametrize("name", sorted(set(NAMES) - {"watch", "shell"}))
def test_a_command_answers_hostile_arguments_with_an_error_of_ours_or_not_at_all(name: str, script: Script, tmp_path: Path,
                                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with suppress(Error, ExitAsked):
        script.type(f".{name} 'a;b\" \x1b[2J")
    assert "\x1b" not in script.out


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_name_is_always_understood(name: str) -> None:
    assert commands.resolve(f".{name}") == (name, "")


def test_no_command_needs_a_terminal_library() -> None:
    code = ("import sys; from kshell.shell import commands, context\n"
            "for name in commands.names(): commands.module(name)\n"
            "print([m for m in ('prompt_toolkit', 'rich', 'pyiceberg', 'confluent_kafka') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60)
    assert "prompt_toolkit" not in done.stdout
    assert "rich" not in done.stdout


# ---- names ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("typed", "meant"), [
    (".ti", "timer"), (".tab", "tables"), (".VERSION", "version"), ("\\dt", "tables"), ("\\q", "quit"), ("\\timing", "timer"),
    ("\\?", "help"), ("\\i", "read"), ("\\o", "output"), ("\\d+", "describe")])
def test_prefixes_and_psql_habits(typed: str, meant: str) -> None:
    assert commands.resolve(typed)[0] == meant


def test_an_ambiguous_prefix_lists_its_candidates() -> None:
    with pytest.raises(NotFoundError) as raised:
        commands.resolve(".s")
    assert all(f".{name}" in raised.value.message for name in ("schema", "shell", "sinks", "sources", "status"))


def test_what_other_programs_call_a_command_is_explained_and_never_carried_out() -> None:
    assert not set(_habits.DOT) & {*NAMES, *commands.PSQL}
    assert not set(_habits.PSQL) & set(commands.PSQL)
    mentioned = {word for text in (*_habits.DOT.values(), *_habits.PSQL.values()) for word in re.findall(r"(?<!\w)\.([a-z_]+)", text)}
    assert mentioned <= set(NAMES)


def test_an_unknown_command_names_the_nearest(script: Script) -> None:
    with pytest.raises(NotFoundError) as raised:
        script.type(".modee csv")
    assert raised.value.hint == "did you mean .mode?"
    assert raised.value.exit == 1


# ---- showing -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("mode", "expected"), [("csv", "a,b\n1,x\n"), ("json", '[\n{"a":1,"b":"x"}\n]'), ("vertical", "a = 1\nb = x\n")])
def test_mode(script: Script, mode: str, expected: str) -> None:
    script.type(f".mode {mode}")
    shown = script.type("SELECT 1 AS a, 'x' AS b")
    if mode == "json":
        assert json.loads(shown) == [{"a": 1, "b": "x"}]
    else:
        assert shown == expected


def test_x_turns_vertical_on_and_off(script: Script) -> None:
    script.type("\\x")
    assert script.type("SELECT 1 AS a") == "a = 1\n"
    script.type("\\x")
    assert script.type("SELECT 1 AS a") == "a\n1\n"


def test_headers_and_nullvalue(script: Script) -> None:
    script.type(".headers off")
    script.type(".nullvalue '(none)'")
    assert script.type("SELECT NULL AS a") == "(none)\n"


def test_a_statement_in_a_result_stands_below_it_as_it_can_be_run(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = "CREATE SOURCE s (\n    id BIGINT\n) FROM KAFKA k;"
    columns = [("name", "VARCHAR"), ("sql", "VARCHAR")]
    monkeypatch.setattr(session, "execute", lambda statement: Result.of_rows(columns, [("s", definition)]))
    screen = Script(session, terminal=True, interactive=True)
    screen.type(".pager off")
    assert screen.type("SHOW CREATE SOURCE s").endswith(f"┘\n{definition}\n")
    screen.type(".mode csv")
    assert not screen.type("SHOW CREATE SOURCE s").endswith(f"{definition}\n"), "a mode that was chosen holds its rows and nothing else"


def test_a_long_statement_in_a_result_is_cut_in_its_box_and_stands_whole_below_it(session: FakeSession,
                                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    definition = f"CREATE SINK s AS SELECT {', '.join(f'column_{n}' for n in range(20))} FROM o INTO ICEBERG local.a.b;"
    columns = [("name", "VARCHAR"), ("sql", "VARCHAR")]
    monkeypatch.setattr(session, "execute", lambda statement: Result.of_rows(columns, [("s", definition)]))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("KSHELL_PAGER", "sort -S 1M")        # scrolls to the right, as far as anybody can tell
    shown = Script(session, terminal=True, interactive=True).type("SHOW CREATE SINK s")
    assert {width(line) for line in shown.splitlines()[:-1]} == {80}
    assert shown.splitlines()[-1] == definition


def test_last_shows_the_result_again_without_running_it(script: Script, session: FakeSession) -> None:
    script.type("SELECT random() AS r")
    first = script.out.split("\n")[1]
    ran = len(session.executed)
    assert first in script.type(".last vertical")
    assert len(session.executed) == ran


def test_last_before_any_result_is_an_error(script: Script) -> None:
    with pytest.raises(NotFoundError):
        script.type(".last")


def test_chart_draws_a_bar_for_each_row(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    script.type("SELECT * FROM (VALUES ('de', 20), ('fr', 10), ('漢', 5)) t(country, n)")
    lines = script.type(".chart bar country n").splitlines()
    assert [line.count("█") for line in lines] == [33, 16, 8]
    assert lines[0].startswith("de 20 ")
    with pytest.raises(NotFoundError, match="no column land"):
        script.type(".chart bar land n")
    with pytest.raises(BadValueError, match="not a number"):
        script.type(".chart bar n country")


def test_chart_writes_a_file_and_nothing_among_the_rows(script: Script, tmp_path: Path) -> None:
    script.type("SELECT i AS x, i * i AS y FROM range(5) t(i)")
    target = tmp_path / "chart file.json"
    assert script.type(f".chart point x y --out '{target}'") == ""
    assert [value["y"] for value in json.loads(target.read_text())["data"]["values"]] == [0, 1, 4, 9, 16]
    assert script.said[-1] == f"note: chart written to {target}"


@pytest.mark.parametrize(("line", "words"), [
    (".chart", "a kind"), (".chart bar country", "two columns"), (".chart bar a b c d", "at most one more"),
    (".chart pie a b", "no chart pie"), (".chart bar a b --out", "takes a file"), (".chart bar a b --out x.gif", "x.gif"),
])
def test_chart_says_what_is_wrong_with_it(script: Script, line: str, words: str) -> None:
    script.type("SELECT 1 AS a, 2 AS b")
    with pytest.raises(Error, match=words):
        script.type(line)


def test_watch_holds_a_chart(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    drawn = script.type(".watch 0.1 -c 2 --chart 'bar k n' SELECT 'a' AS k, 7 AS n")
    assert drawn.count("█" * 35) == 2
    assert len(drawn.splitlines()) == 2
    with pytest.raises(BadValueError, match="on the screen"):
        script.type(".watch 0.1 -c 1 --chart 'bar k n --out x.png' SELECT 1")


def test_timer_says_seconds_on_the_words_not_among_the_rows(script: Script) -> None:
    script.type(".timer on")
    assert script.type("SELECT 1 AS a") == "a\n1\n"
    assert "row in" in script.said[-1]


def test_a_switch_without_an_argument_turns_around(script: Script) -> None:
    script.type(".echo")
    assert script.context.settings.echo
    with pytest.raises(BadValueError):
        script.type(".echo maybe")


def test_meta_off_folds_in_tables_only(session: FakeSession) -> None:
    screen = Script(session, terminal=True, interactive=True)
    screen.type(".pager off")
    screen.type(".meta off")
    shown = screen.type("SELECT 1 AS a, 2 AS _kafka_offset")
    assert "_kafka_offset" not in shown
    assert screen.said[-1].endswith("1 metadata column folded")
    screen.type(".mode csv")
    assert screen.type("SELECT 1 AS a, 2 AS _kafka_offset") == "a,_kafka_offset\n1,2\n"


def test_a_terminal_shows_forty_rows_of_a_hundred(session: FakeSession) -> None:
    screen = Script(session, terminal=True, interactive=True)
    screen.type(".pager off")
    shown = screen.type("FROM range(100)")
    assert "100 rows, 40 shown (.last all)" in shown
    assert "│    50 │" not in shown
    assert "│     50 │" in screen.type(".last all")


# ---- where rows go -------------------------------------------------------------------------------------------------

def test_once_writes_the_next_result_in_the_mode_of_the_extension(script: Script, tmp_path: Path) -> None:
    script.type(f".once {tmp_path}/x.ndjson")
    assert script.type("SELECT 1 AS a") == ""
    assert script.type("SELECT 2 AS a") == "a\n2\n"
    assert json.loads((tmp_path / "x.ndjson").read_text()) == {"a": 1}


def test_once_writes_parquet(script: Script, tmp_path: Path) -> None:
    script.type(f".once {tmp_path}/x.parquet")
    script.type("SELECT 1 AS a")
    assert script.type(f"SELECT a FROM read_parquet('{tmp_path}/x.parquet')") == "a\n1\n"


def test_once_feeds_a_command(script: Script, tmp_path: Path) -> None:
    script.type(f".once | wc -l > {tmp_path}/lines")
    script.type("FROM range(100)")
    assert (tmp_path / "lines").read_text().strip() == "101"


def test_output_takes_results_until_it_is_given_back(script: Script, tmp_path: Path) -> None:
    script.type(f".output {tmp_path}/x.ndjson")
    script.type("SELECT 1 AS a")
    script.type("SELECT 2 AS a")
    script.type(".output")
    assert script.type("SELECT 3 AS a") == "a\n3\n"
    assert (tmp_path / "x.ndjson").read_text() == '{"a":1}\n{"a":2}\n'


def test_a_file_for_one_result_refuses_a_second(script: Script, tmp_path: Path) -> None:
    script.type(f".output {tmp_path}/x.csv")
    script.type("SELECT 1 AS a")
    with pytest.raises(UsageError):
        script.type("SELECT 2 AS a")


def test_a_file_that_cannot_be_made_is_an_error_at_once(script: Script, tmp_path: Path) -> None:
    with pytest.raises(RefusedError):
        script.type(f".output {tmp_path}/nothing/x.csv")


def test_print_goes_among_the_rows_and_is_printable(script: Script) -> None:
    assert script.type(".print hello \x1b[2J") == "hello \\e[2J\n"


# ---- statements ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("line", "statement"), [
    (".topics ord*", "SHOW TOPICS LIKE 'ord%'"), (".sources", "SHOW SOURCES"), (".sinks", "SHOW SINKS"),
])
def test_lists_are_the_show_statements(script: Script, session: FakeSession, line: str, statement: str) -> None:
    script.type(line)
    assert session.executed[-1] == lang.parse(statement)


@pytest.mark.parametrize(("line", "text"), [
    (".peek orders 5", "FROM kafka_scan('orders', last := 5)"),
    (".peek k.orders", "FROM kafka_scan('orders', connection := 'k', last := 10)"),
    (".peek web.clicks", "FROM kafka_scan('web.clicks', last := 10)"),
])
def test_peek_reads_the_newest_messages(script: Script, session: FakeSession, line: str, text: str) -> None:
    session.known = Names(clusters=("k",))
    with pytest.raises(Error):                # the fake knows no kafka_scan
        script.type(line)
    assert session.executed[-1].text == text


def test_tables_and_describe(script: Script) -> None:
    script.type("CREATE TABLE people (name VARCHAR, age INTEGER)")
    assert script.type(".tables") == "name,kind\npeople,table\n"
    assert script.type("\\d people") == "column_name,column_type\nname,VARCHAR\nage,INTEGER\n"
    assert "CREATE TABLE people" in script.type(".schema peo*")


def test_dump_restores_tables_and_views(script: Script, session: FakeSession, tmp_path: Path) -> None:
    script.type("CREATE TABLE people (name VARCHAR, age INTEGER)")
    script.type("CREATE VIEW adults AS SELECT name FROM people WHERE age > 17")
    script.type(f".dump {tmp_path}/dump.sql")
    script.type("DROP VIEW adults")
    script.type("DROP TABLE people")
    script.type(f".read {tmp_path}/dump.sql")
    assert script.type("SELECT count(*) AS n FROM adults") == "n\n0\n"


def test_read_runs_a_script_here(script: Script, tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text("SET VARIABLE v = 7;\n.print between\nSELECT getvariable('v') AS v;")
    assert script.type(f".read {tmp_path}/s.sql") == "between\nv\n7\n"


def test_a_script_that_is_not_there(script: Script) -> None:
    with pytest.raises(NotFoundError):
        script.type(".read nothing.sql")


def test_watch_outside_a_terminal_writes_ndjson(script: Script) -> None:
    assert script.type(".watch 0.1 -c 3 SELECT 42 AS n") == '{"n":42}\n' * 3


def test_watch_ends_at_the_first_error(script: Script) -> None:
    with pytest.raises(Error):
        script.type(".watch 0.1 SELECT missing FROM range(1)")


def test_watch_takes_the_last_query(script: Script) -> None:
    script.type("SELECT 5 AS five")
    assert script.type(".watch -c 1") == '{"five":5}\n'


def test_saved_queries_take_parameters(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    script.type("SELECT getvariable('n') AS n")
    script.type(".save by_n")
    assert script.type(".run by_n n=5") == "n\n5\n"
    assert "by_n" in script.type(".queries")
    with pytest.raises(NotFoundError):
        script.type(".run by_m")


def test_a_query_of_the_folder_comes_before_one_of_the_user(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for folder, text in (("home/kshell/queries", "-- of the user\nSELECT 1 AS n"), (".kshell/queries", "-- here\nSELECT 2 AS n")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "q.sql").write_text(text)
    assert script.type(".run q") == "n\n2\n"
    listed = script.type(".queries")
    assert "here" in listed
    assert "of the user" not in listed


def test_open_attaches_a_file_and_looks_there_first(script: Script, tmp_path: Path) -> None:
    script.type(f".open {tmp_path}/shop.db")
    script.type("CREATE TABLE things (a INTEGER)")
    assert script.type("SELECT database_name AS d FROM duckdb_tables() WHERE table_name = 'things'") == "d\nshop\n"


def test_manual_prints_the_declared_options(script: Script) -> None:
    shown = script.type(".manual create sink")
    assert shown.startswith(FORMS["CREATE SINK"])
    assert "COMMIT_INTERVAL" in shown
    assert shown.rstrip().endswith(EXAMPLES["CREATE SINK"].split("\n")[-1])
    assert "SECRET iceberg_catalog:" in script.type(".manual create secret")
    with pytest.raises(NotFoundError):
        script.type(".manual create sausage")


@pytest.mark.parametrize(("line", "code"), [(".exit", None), (".exit 3", 3), (".quit", None)])
def test_exit_asks_to_leave(script: Script, line: str, code: int | None) -> None:
    with pytest.raises(ExitAsked) as asked:
        script.type(line)
    assert asked.value.code == code


def test_cd_moves_and_says_where(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()
    script.type(".cd inner")
    assert Path.cwd() == tmp_path / "inner"
    with pytest.raises(NotFoundError):
        script.type(".cd nowhere")


def test_shell_runs_a_command_and_says_a_failure(script: Script, tmp_path: Path) -> None:
    script.type(f".shell touch {tmp_path}/made; exit 3")
    assert (tmp_path / "made").exists()
    assert script.said[-1] == "note: the command ended with exit code 3"


def test_shell_is_refused_in_read_only_mode(session: FakeSession) -> None:
    with pytest.raises(RefusedError):
        Script(session, read_only=True).type(".shell true")


def test_edit_runs_what_the_editor_saves(session: FakeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho 'SELECT 8 AS eight' > \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    screen = Script(session, interactive=True)
    assert screen.type(".edit") == "eight\n8\n"


def test_history_shows_the_newest_that_fit(session: FakeSession, tmp_path: Path) -> None:
    from kshell.shell.history import History
    history = History(tmp_path / "history")
    for n in range(5):
        history.add(f"SELECT {n}")
    shell = Script(session, history=history)
    assert shell.type(".history 2") == "SELECT 3\nSELECT 4\n"
    assert shell.type(".history /3/") == "SELECT 3\n"


def test_a_script_has_no_history(script: Script) -> None:
    with pytest.raises(RefusedError):
        script.type(".history")


def test_version_names_the_parts(script: Script) -> None:
    shown = script.type(".version")
    assert shown.startswith("kshell ")
    assert "DuckDB 1.5.5" in shown
    assert os.linesep in shown


# ---- switches that are settings ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("line", "name", "value"), [
    (".bail off", "bail", False), (".highlight off", "highlight", False), (".progress_bar off", "progress_bar", False),
    (".pager off", "pager", False), (".meta off", "meta", False), (".timer on", "timer", True), (".echo on", "echo", True),
    (".maxrows 7", "maxrows", 7), (".maxwidth 60", "maxwidth", 60), (".prompt 'q> ' '.. '", "prompt", "q> "),
    (".prompt 'q> ' '.. '", "continuation", ".. "), (".large_number_rendering all", "large_numbers", "all"),
])
def test_a_switch_is_kept(script: Script, line: str, name: str, value: object) -> None:
    script.type(line)
    assert getattr(script.context.settings, name) == value


def test_prompt_without_an_argument_is_the_first_one_again(script: Script) -> None:
    script.type(".prompt 'q> '")
    script.type(".prompt")
    assert (script.context.settings.prompt, script.context.settings.continuation) == ("kshell> ", "...> ")


def test_maxrows_and_maxwidth_cut_tables(session: FakeSession) -> None:
    screen = Script(session, terminal=True, interactive=True)
    for line in (".pager off", ".maxrows 4", ".maxwidth 30"):
        screen.type(line)
    shown = screen.type("SELECT i, repeat('x', 200) AS long FROM range(10) t(i)")
    assert "10 rows, 4 shown" in shown
    assert {len(line) for line in shown.splitlines() if line[:1] in "┌│├└"} == {30}


def test_bail_off_goes_on_after_an_error_of_a_script(tmp_path: Path) -> None:
    path = tmp_path / "two.sql"
    path.write_text("SELECT missing;\nSELECT 2 AS two;\n")
    done = subprocess.run([sys.executable, "-m", "kshell", "-c", ".bail off", "-c", f".read {path}"], cwd=REPOSITORY, capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.stdout == "two\n2\n"
    assert done.returncode == 1


def test_large_numbers_stand_in_words_below_a_single_row_or_everywhere(session: FakeSession) -> None:
    screen = Script(session, terminal=True, interactive=True)
    screen.type(".pager off")
    query = "SELECT 12345678 AS n, 999999999 AS m, 7 AS k, '12345678' AS t"
    screen.type(".large_number_rendering footer")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in screen.type(query).splitlines()[4:6]]
    assert rows == [["12345678", "999999999", "7", "12345678"], ["(12.35 million)", "(1.00 billion)", "", ""]]
    assert "million" not in screen.type("SELECT 12345678 AS n FROM range(2)")
    screen.type(".large_number_rendering all")
    assert "12.35 million │" in screen.type("SELECT 12345678 AS n FROM range(2)")
    screen.type(".large_number_rendering off")
    assert "million" not in screen.type(query)
    screen.type(".large_number_rendering all")
    screen.type(".mode csv")
    assert "million" not in screen.type(query)
    with pytest.raises(BadValueError) as raised:
        screen.type(".large_number_rendering al")
    assert raised.value.hint == "did you mean all?"


# ---- statements that commands stand for ----------------------------------------------------------------------------

@pytest.mark.parametrize(("line", "text"), [
    (".servers", "SHOW SERVERS"), (".tail orders", "TAIL orders"), (".tail orders LIMIT 2", "TAIL orders LIMIT 2"),
    (".sources web*", "SHOW SOURCES LIKE 'web%'"), (".sinks lake", "SHOW SINKS LIKE '%lake%'"), (".topics", "SHOW TOPICS"),
])
def test_a_command_is_the_statement_of_its_name(script: Script, session: FakeSession, line: str, text: str) -> None:
    script.type(line)
    assert session.executed[-1].text == text


@pytest.mark.parametrize(("line", "part"), [
    (".errors orders", "WHERE source = 'orders' ORDER BY seen_at DESC LIMIT 20"), (".errors", "FROM kshell.errors ORDER BY"),
    (".lag", "FROM kshell.partitions"), (".status", "FROM kshell.connections"),
])
def test_a_command_reads_the_table_that_everybody_can_read(script: Script, session: FakeSession, line: str, part: str) -> None:
    with suppress(Error):                     # the fake has no such tables
        script.type(line)
    assert any(part in " ".join(statement.text.split()) for statement in session.executed)


def test_status_names_a_sink_that_stands_still_and_the_statement_that_resolves_it(script: Script) -> None:
    cure = "ALTER SINK s SKIP PARTITION 0 TO 15"
    script.type(f"""CREATE TABLE kshell.sinks AS SELECT 's' AS name, 'OUT_OF_RETENTION' AS state, 'local.a.b' AS table_name,
                    5 AS pending_rows, 7 AS last_snapshot_id, 'offsets 5 to 14 of t[0] are gone' AS last_error, '{cure}' AS resolve_with""")
    shown = script.type(".status").splitlines()
    at = shown.index("Sinks:")
    assert shown[at + 1].startswith("  s  OUT_OF_RETENTION  into local.a.b")
    assert shown[at + 2:at + 4] == ["      offsets 5 to 14 of t[0] are gone", f"      {cure}"]


def test_databases_lists_what_is_attached(script: Script) -> None:
    assert "memory" in script.type(".databases")


@pytest.mark.parametrize(("line", "text"), [
    (".serve", "CALL kshell_serve('pgwire')"), (".serve http", "CALL kshell_serve('http')"),
    (".serve pgwire port=5434 insecure=true", "CALL kshell_serve('pgwire', port := 5434, insecure := true)"),
    (".serve port=5434", "CALL kshell_serve('pgwire', port := 5434)"), (".serve http port:=1", "CALL kshell_serve('http', port := 1)"),
    (".serve http token=getenv('T')", "CALL kshell_serve('http', token := getenv('T'))"),
    (".serve http token_file=/a b", None), (".serve http token_file='/a b'", "CALL kshell_serve('http', token_file := '/a b')"),
])
def test_serve_is_the_statement_with_its_arguments(script: Script, session: FakeSession, line: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(BadValueError, match="b is not NAME=VALUE"):
            script.type(line)
        return
    script.type(line)
    assert session.executed[-1].text == text
    assert isinstance(session.executed[-1], Serve)


def test_kinds_and_arguments_of_servers_complete() -> None:
    assert [c.text for c in dot_candidates(".serve ", Names())[1]] == ["pgwire", "http", "quack"]
    offered = [c.text for c in dot_candidates(".serve http port=1 ", Names())[1]]
    assert {"token=", "tls_cert=", "max_rows="} <= set(offered)
    assert not {"port=", "user="} & set(offered)


def test_status_lists_servers(script: Script) -> None:
    script.type("""CREATE TABLE kshell.servers AS SELECT 'pgwire' AS kind, '127.0.0.1:5433' AS address, 'kshell' AS "user", false AS tls,
                   false AS insecure, 2 AS sessions, 1 AS running, 'serving' AS state""")
    assert "  pgwire  serving  on 127.0.0.1:5433, no TLS, 2 sessions, 1 running" in script.type(".status").splitlines()


# ---- .doctor, .profile ---------------------------------------------------------------------------------------------

def test_doctor_prints_every_check_and_fails_when_one_does(script: Script, session: FakeSession) -> None:
    session.checks = [Check("python", "ok", "3.11.7"), Check("brokers k", "unreachable", "no answer", "start it")]
    with pytest.raises(UnreachableError, match="not reachable: brokers k"):
        script.type(".doctor")
    assert [" ".join(line.split()) for line in script.out.splitlines()] == ["ok python 3.11.7", "unreachable brokers k no answer: start it"]
    session.checks += [Check("memory", "failed", "too much", "less")]
    with pytest.raises(RefusedError, match="not as it should be: memory"):
        script.type(".doctor")
    session.checks = session.checks[:1]
    script.type(".doctor")


def test_doctor_writes_nothing_in_a_read_only_session(session: FakeSession) -> None:
    session.read_only = True
    with pytest.raises(ReadOnlyError):
        Script(session, read_only=True).type(".doctor --write")


PROFILES = """[profiles.prod]
prompt_color = "red"
editing_mode = "vi"
read_only = true
init = "prod.sql"
[profiles.test]
"""


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KSHELL_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text(PROFILES)
    (tmp_path / "prod.sql").write_text("SELECT 'from init' AS said;")
    return tmp_path


def test_profile_puts_on_its_prompt_runs_its_init_and_closes_its_gate(profiles: Path, session: FakeSession) -> None:
    script = Script(session)
    script.type(".profile test")
    assert script.context.settings.prompt == "test> "
    assert script.type(".profile prod") == "said\nfrom init\n"
    settings = script.context.settings
    assert (settings.prompt, settings.prompt_color, settings.editing_mode, settings.read_only) == ("prod> ", "red", "vi", True)
    assert session.config.profile == "prod"
    assert session.read_only
    with pytest.raises(ReadOnlyError, match="keeps its profile"):
        script.type(".profile test")


def test_profile_without_a_name_shows_them_and_a_wrong_one_names_the_nearest(profiles: Path, session: FakeSession) -> None:
    script = Script(session)
    script.type(".profile test")
    assert script.type(".profile") == "  prod\n* test\n"
    with pytest.raises(UsageError) as raised:
        script.type(".profile prdo")
    assert raised.value.hint == "did you mean prod?"


# ---- none is forgotten ---------------------------------------------------------------------------------------------

def test_every_command_is_typed_somewhere_in_this_file() -> None:
    text = Path(__file__).read_text()
    aliases = {"describe": r"\\d people", "edit": r"\.edit", "run": r"\.run by_n", "log": r"\.log"}
    missing = [name for name in NAMES if not re.search(aliases.get(name, rf"\.{name}\b(?!\.)"), text.replace(f"test_{name}", ""))]
    assert missing == []
