"""psql against the server: what people type first."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kshell
from kshell.options import Secret
from kshell.serve import Served, Servers
from kshell.serve.access import Access
from kshell.serve.host import Limits
from tests.serve.conftest import PASSWORD
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")

RELATIONS = """
CREATE TABLE t (id BIGINT PRIMARY KEY, amount DECIMAL(10,2) NOT NULL DEFAULT 1, ts TIMESTAMPTZ, name VARCHAR, tags VARCHAR[]);
INSERT INTO t VALUES (1, 9.5, '2026-01-02 03:04:05+00', 'ann', ['a', 'b']), (2, 0.05, NULL, 'bob''s "x"', []), (3, 1, NULL, NULL, NULL);
CREATE TABLE child (id INTEGER PRIMARY KEY, t BIGINT REFERENCES t(id));
CREATE VIEW orders AS SELECT id, amount, ts, name, tags, name::BLOB AS _kafka_key, 1 AS _kafka_partition FROM t;
CREATE SCHEMA other; CREATE VIEW other.orders AS SELECT 1 AS x;
"""
LONG = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with kshell.connect() as session:
        session.sql(RELATIONS).close()
        servers = Servers(session)
        yield servers.start("pgwire", Access(kind="pgwire", user="kshell", password=Secret(PASSWORD), token_file=None, host="127.0.0.1",
                                             port=0), Limits())
        servers.close()


@pytest.fixture
def arguments(server: Served) -> list[str]:
    host, _, port = server.address.rpartition(":")
    return ["psql", "-X", "-w", "-h", host, "-p", port, "-U", "kshell", "-d", "memory"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "20", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PGTZ": "UTC"}


@pytest.fixture
def psql(arguments: list[str], environment: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*commands: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        asked = [argument for command in commands for argument in ("-c", command)]
        return subprocess.run([*arguments, *options, *asked], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              check=False)
    return run


Psql = Callable[..., subprocess.CompletedProcess[str]]
ROWS = ("-At",)


def test_it_connects_and_counts(psql: Psql) -> None:
    done = psql("SELECT count(*) FROM orders", "SELECT id, name FROM public.orders WHERE id = 2", options=ROWS)
    assert (done.stdout, done.stderr, done.returncode) == ('3\n2|bob\'s "x"\n', "", 0)


LISTED = {
    r"\d": "main|child|table|kshell\nmain|orders|view|kshell\nmain|t|table|kshell\n",
    r"\dt": "main|child|table|kshell\nmain|t|table|kshell\n",
    r"\dv": "main|orders|view|kshell\n", r"\dv other.*": "other|orders|view|kshell\n", r"\du": "kshell||{}\n",
    r"\di": "main|child_id_pkey|index|kshell|child\nmain|t_id_pkey|index|kshell|t\n",
    r"\dn": "kshell|kshell\nlake|kshell\nlive|kshell\nmain|kshell\nother|kshell\n",
    r"\l": "memory|kshell|UTF8|C.UTF-8|C.UTF-8||libc|\n", r"\encoding": "UTF8\n",
}


@pytest.mark.parametrize("command", LISTED)
def test_its_lists_show_what_is_there(command: str, psql: Psql) -> None:
    done = psql(command, options=ROWS)
    assert (done.stdout, done.stderr) == (LISTED[command], "")


def test_a_relation_is_described_with_postgresqls_types_and_once(psql: Psql) -> None:
    done = psql(r"\d orders", options=ROWS)
    assert done.stdout.splitlines() == [
        "id|bigint|||", "amount|numeric(10,2)|||", "ts|timestamp with time zone|||", "name|text|||", "tags|text[]|||",
        "_kafka_key|bytea|||", "_kafka_partition|integer|||"]
    assert done.stderr == ""


def test_keys_stand_below_the_columns_of_a_table(psql: Psql) -> None:
    shown = psql(r"\d child").stdout
    assert 'Indexes:\n    "child_id_pkey" PRIMARY KEY, btree (id)\n' in shown
    assert 'Foreign-key constraints:\n    "child_t_id_fkey" FOREIGN KEY (t) REFERENCES t(id)\n' in shown
    assert 'Referenced by:\n    TABLE "child" CONSTRAINT "child_t_id_fkey" FOREIGN KEY (t) REFERENCES t(id)\n' in psql(r"\d t").stdout


def test_every_command_of_its_help_for_relations_works(psql: Psql) -> None:
    commands = [r"\d+ t", r"\d+ orders", r"\dt+", r"\dp", r"\df", r"\df+", r"\dT", r"\ds", r"\dm", r"\dx", r"\db", r"\dD", r"\dd", r"\l+",
                r"\dn+", r"\dg+", r"\sv orders", r"\dRp", r"\conninfo", r"\dconfig", r"\dy", r"\dX", r"\dE", r"\dF", r"\drds", r"\ddp",
                r"\dO", r"\dL"]
    done = psql(*commands, options=("-v", "ON_ERROR_STOP=1"))
    assert [line for line in done.stderr.splitlines() if not line.startswith("Did not find any ")] == []
    assert done.returncode == 0
    assert "View definition" in done.stdout


def test_a_name_that_is_not_there_is_told_as_such(psql: Psql) -> None:
    assert 'Did not find any relation named "nope"' in psql(r"\d nope").stderr


def test_expanded_rows_and_the_description_of_a_query(psql: Psql) -> None:
    done = psql(r"\x", "SELECT id, name FROM orders WHERE id = 1")
    assert "-[ RECORD 1 ]\nid   | 1\nname | ann\n" in done.stdout


def test_a_failed_statement_has_its_place_and_does_not_end_the_session(psql: Psql) -> None:
    done = psql("SELECT nope FROM public.orders", "SELECT 7", options=ROWS)
    assert done.stdout == "7\n"
    assert 'ERROR:  column "nope" not found' in done.stderr
    assert "LINE 1: SELECT nope FROM public.orders\n               ^" in done.stderr


def test_writing_is_refused_with_what_works(psql: Psql) -> None:
    done = psql("INSERT INTO t VALUES (9)")
    assert "INSERT is refused" in done.stderr
    assert "HINT:  SELECT, SHOW, DESCRIBE" in done.stderr


def test_a_function_of_postgresql_gets_its_counterpart(psql: Psql) -> None:
    done = psql("SELECT to_char(ts, 'YYYY') FROM orders")
    assert "HINT:  You are writing DuckDB SQL, not PostgreSQL SQL: strftime(x, '%Y-%m-%d %H:%M:%S')" in done.stderr


def test_copy_writes_the_rows_into_a_file_of_the_client(psql: Psql, tmp_path: Path) -> None:
    done = psql(r"\copy (SELECT id, name FROM orders ORDER BY id) TO 'out.csv' WITH (FORMAT csv, HEADER)")
    assert (done.stdout, done.stderr) == ("COPY 3\n", "")
    assert (tmp_path / "out.csv").read_text() == 'id,name\n1,ann\n2,"bob\'s ""x"""\n3,\n'


def test_rows_come_in_pieces_where_it_is_asked_to_fetch_them_so(psql: Psql) -> None:
    done = psql("SELECT range FROM range(250)", options=(*ROWS, "-v", "FETCH_COUNT=100"))
    assert done.stdout.split() == [str(i) for i in range(250)]


def test_session_statements_are_answered(psql: Psql) -> None:
    done = psql("SHOW server_version", "SET search_path TO other", "SELECT x FROM orders", "SHOW search_path", "SET TIME ZONE 'Asia/Tokyo'",
                "SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00'", "RESET ALL", "SELECT current_user", r"\encoding", options=ROWS)
    assert done.stdout.split("\n") == ["14.0", "SET", "1", "other", "SET", "2026-01-01 09:00:00+09", "RESET", "kshell", "UTF8", ""]


def test_ctrl_c_ends_the_query(arguments: list[str], environment: dict[str, str], server: Served) -> None:
    with subprocess.Popen([*arguments, "-c", LONG], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        wait_until(lambda: server.host.counts.running == 1)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)
    assert "ERROR:  canceling statement due to user request" in said
    wait_until(lambda: server.host.counts.running == 0)


def test_watch_asks_again(arguments: list[str], environment: dict[str, str]) -> None:
    with subprocess.Popen([*arguments, "-At"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write("SELECT 'again'\n\\watch 0.1\n")
        running.stdin.flush()
        seen = 0
        while seen < 3:
            seen += "again" in running.stdout.readline()
        running.kill()
