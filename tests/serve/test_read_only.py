"""Whatever a client asks, over whichever server: nothing is written, no file is read, no catalog is changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from kshell.iceberg.sealed import WRITES
from kshell.kafka.embedded import EmbeddedBroker
from kshell.serve.offered import offer
from kshell.session import Session
from tests.gate.conftest import DEFINED
from tests.gate.test_permitted import CHANGES, FILES, FOR_OWNERS, NONE
from tests.serve.duck import ATTACH, TOKEN, Duck, Refused
from tests.support.postgres import Connection
from tests.support.producing import Recorder

VARIABLES = ["FROM some_python_variable", "FROM session", "SELECT * FROM broker"]
ANSWERED_BY_PGWIRE = ("BEGIN", "START", "COMMIT", "ROLLBACK", "SET", "RESET", "DEALLOCATE")     # by itself, for drivers
Ask = Callable[[str], str | None]                # the refusal, or None: it was answered


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the process that serves: its data, its tables, its state, and where it runs."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[Session]:
    """A source, a sink with one commit, what users define, and three servers: files are locked."""
    with pytest.MonkeyPatch.context() as patch, EmbeddedBroker() as broker, ExitStack() as ends:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("PASSWORD", TOKEN)
        broker.create_topic("s")
        Recorder(broker.bootstrap).produce("s", ['{"id": 1}', '{"id": 2}'])
        made = ends.enter_context(Session(brokers=broker.bootstrap, data_dir=folder / "data"))
        offer(made)
        made.sql("CREATE SOURCE s FROM KAFKA kafka (TOPIC 's'); WAIT SOURCE s; "
                 "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h'); FLUSH SINK s_lake; FROM local.web.s")
        made.sql(DEFINED)
        for kind in ("pgwire", "http", "quack"):
            secret = "password" if kind == "pgwire" else "token"
            made.sql(f"CALL kshell_serve('{kind}', port := 0, {secret} := getenv('PASSWORD'))")
        yield made


@pytest.fixture(params=["pgwire", "http", "quack"])
def ask(request: pytest.FixtureRequest, session: Session) -> Iterator[Ask]:
    address = session.sql(f"SELECT address FROM kshell.servers WHERE kind = '{request.param}'").fetchall()[0][0]
    with ExitStack() as ends:
        yield {"pgwire": _postgres, "http": _http, "quack": _quack}[request.param](address, ends)


def _postgres(address: str, ends: ExitStack) -> Ask:
    client = ends.enter_context(Connection(address, TOKEN))

    def asked(text: str) -> str | None:
        talk = client.query(text)
        return talk.error["M"] if "E" in talk.kinds else None

    return asked


def _http(address: str, ends: ExitStack) -> Ask:
    client = ends.enter_context(httpx.Client(base_url=address, headers={"authorization": f"Bearer {TOKEN}"}, timeout=30))

    def asked(text: str) -> str | None:
        answer = client.post("/query", content=text, headers={"content-type": "text/plain"})
        return None if answer.status_code == 200 else answer.text

    return asked


def _quack(address: str, ends: ExitStack) -> Ask:
    duck = Duck()
    ends.callback(duck.kill)
    duck.sql(ATTACH.format(address))

    def asked(text: str) -> str | None:
        try:
            duck.there(text)
        except Refused as refused:
            return str(refused)
        return None

    return asked


@pytest.mark.fault("F90")
@pytest.mark.fault("F91")
@pytest.mark.fault("F92")
def test_no_statement_of_a_client_changes_or_reads_what_is_not_its_own(ask: Ask, request: pytest.FixtureRequest, session: Session,
                                                                       folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some_python_variable = {"a": [1]}  # noqa: F841  what a replacement scan would find
    monkeypatch.chdir(folder)
    catalog = session._connections.catalog("local").lake.catalog
    called: list[str] = []
    for name in WRITES:
        monkeypatch.setattr(type(catalog), name, lambda *_, name=name, **__: called.append(name))
    before = _files(folder), _inside(session)
    by_pgwire = ANSWERED_BY_PGWIRE if "pgwire" in request.node.name else ()
    for text in (*CHANGES, *FILES, *FOR_OWNERS, *VARIABLES, *(text for text in NONE if "INSERT" in text)):
        assert ask(text) or text.split()[0].strip(";") in by_pgwire, f"{text} was answered"
    files, inside = before
    assert {path for path, content in _files(folder).items() ^ files.items()} == set()
    assert [there for there, was in zip(_inside(session), inside, strict=True) if there != was] == []
    assert called == []
    assert ask("SELECT count(*) FROM s") is None, "and what reads is still answered"


def _files(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.endswith(("-shm", "-wal", "audit.log"))}


def _inside(session: Session) -> list[object]:
    """What there is in DuckDB, and its settings. `kshell.*` and what a commit replaces are told apart by nothing but their names."""
    questions = ("SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL", "FROM orders",
                 "SELECT name, value FROM duckdb_settings() ORDER BY ALL", "SELECT schema_name FROM duckdb_schemas() ORDER BY ALL",
                 "SELECT name FROM duckdb_secrets()", "SELECT sequence_name, last_value FROM duckdb_sequences()",
                 "SELECT function_name FROM duckdb_functions() WHERE NOT internal ORDER BY ALL", "SHOW SERVERS LIKE 'nothing'")
    return [session.sql(question).fetchall() for question in questions]
