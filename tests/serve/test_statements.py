"""CALL kshell_serve and its kin: what they start, say and refuse, and what a session does with its servers when it ends."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import kshell
from kshell.errors import BadValueError, ConflictError, Error, ExistsError, NotFoundError, ReadOnlyError, RefusedError, UnknownOptionError
from kshell.serve import addresses
from kshell.serve.offered import offer
from kshell.session import Session
from tests.serve import stand_in


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def session(notes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for kind in ("pgwire", "http"):
        stand_in.take_the_place_of(kind, monkeypatch)
    with Session(notes=lambda kind, text: notes.append(f"{kind}: {text}"), data_dir=tmp_path / "data") as made:
        offer(made)
        yield made


def greeting(address: str) -> bytes:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 10) as client:
        return client.recv(100)


# ---- start ---------------------------------------------------------------------------------------------------------

def test_the_row_says_where_and_the_token_is_told_once(session: Session, notes: list[str], tmp_path: Path) -> None:
    ((kind, address, user, token_file, tls),) = session.sql("CALL kshell_serve('pgwire', port := 0)").fetchall()
    assert (kind, user, tls) == ("pgwire", "kshell", False)
    assert greeting(address) == stand_in.GREETING
    assert stat.S_IMODE(Path(token_file).stat().st_mode) == 0o600
    token = Path(token_file).read_text().strip()
    told = [note for note in notes if token in note]
    assert len(told) == 1
    assert f"note: pgwire is served on {address}; psql -h 127.0.0.1 -p {address.rpartition(':')[2]} -U kshell memory" in notes
    assert notes[0].startswith("note: files and hosts outside the locations of tables are out of reach")
    with pytest.raises(Error) as failed:
        session.sql(f"SELECT nothing_like_{token.replace('-', '_')}")
    assert token not in f"{failed.value} {failed.value.hint}"


def test_columns_of_the_answer(session: Session) -> None:
    answer = session.sql("FROM kshell_serve('http', port := 0)")
    assert [column.name for column in answer.columns] == ["kind", "address", "user", "token_file", "tls"]
    assert answer.fetchall()[0][2] is None        # http has a token and no user


def test_a_password_from_the_environment_is_told_nowhere(session: Session, notes: list[str], monkeypatch: pytest.MonkeyPatch,
                                                         tmp_path: Path) -> None:
    monkeypatch.setenv("DASHBOARDS", "canary-7f3a-password")
    session.sql("CALL kshell_serve('pgwire', port := 0, password := getenv('DASHBOARDS'), user := 'grafana')")
    assert session.sql("SELECT user, token_file FROM kshell.servers").fetchall() == [("grafana", None)]
    assert "canary" not in " ".join(notes)
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"canary" in file.read_bytes()]


@pytest.mark.parametrize(("arguments", "kind", "marked", "hint"), [
    ("'pgwire', prot := 1", UnknownOptionError, "prot", "did you mean port?"),
    ("'pgwire', token := 'x'", UnknownOptionError, "token", "password := getenv"),
    ("'http', password := 'x'", UnknownOptionError, "password", "token := getenv"),
    ("'quack', tls_cert := 'x'", UnknownOptionError, "tls_cert", "TLS proxy"),
    ("'pgwire', port := 70000", BadValueError, "70000", ""),
    ("'pgwire', port := '5433'", BadValueError, "'5433'", "write 5433"),
    ("'pgwire', max_bytes := 5", BadValueError, "5", "write '5B'"),
    ("'pgwire', statement_timeout := 60", BadValueError, "60", "write '60s'"),
    ("'pgwire', password := getenv('NOT_THERE_AT_ALL')", BadValueError, "getenv('NOT_THERE_AT_ALL')", "export NOT_THERE_AT_ALL"),
    ("'pgwire', port := 1, port := 2", BadValueError, "port", ""),
    ("'pgwire', read_only := false", RefusedError, "false", "write here"),
    ("'pgwire', password := 'a-password', token_file := 'x'", BadValueError, "token_file", "give one of"),
    ("'pgwire', tls_key := 'x'", BadValueError, None, "tls_cert := "),
    ("'pgwire', host := '0.0.0.0'", RefusedError, None, "insecure := true"),
    ("'pgwire', password := true", BadValueError, None, "getenv"),
])
def test_what_does_not_fit_is_told_at_its_place_and_locks_nothing(session: Session, arguments: str, kind: type[Error], marked: str | None,
                                                                  hint: str) -> None:
    text = f"CALL kshell_serve({arguments})"
    with pytest.raises(kind) as raised:
        session.sql(text)
    error = raised.value
    if marked is not None:
        assert error.position is not None
        assert text[error.position:error.position + error.length] == marked
    assert hint in (error.hint or "")
    assert not session.files_locked
    assert session.sql("FROM kshell_servers()").fetchall() == []


def test_a_port_in_use_locks_nothing_and_leaves_no_token(session: Session, tmp_path: Path) -> None:
    with addresses.listening("127.0.0.1", 0) as taken, pytest.raises(ConflictError, match="is in use"):
        session.sql(f"CALL kshell_serve('pgwire', port := {taken.getsockname()[1]})")
    assert not session.files_locked
    assert not list((tmp_path / "state").rglob("*.token"))


def test_one_server_of_each_kind(session: Session) -> None:
    first = session.sql("CALL kshell_serve('pgwire', port := 0)").fetchall()
    token = Path(first[0][3]).read_text()
    with pytest.raises(ExistsError, match="is served already") as raised:
        session.sql("CALL kshell_serve('pgwire', port := 0)")
    assert raised.value.hint == "CALL kshell_stop('pgwire') first"
    assert Path(first[0][3]).read_text() == token
    session.sql("CALL kshell_serve('http', port := 0)")
    assert session.sql("SELECT kind FROM kshell_servers() ORDER BY kind").fetchall() == [("http",), ("pgwire",)]


def test_a_missing_extra_is_named(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'scramp'", name="scramp")

    monkeypatch.setattr("kshell.serve.importlib.import_module", missing)
    with pytest.raises(RefusedError, match="needs scramp") as raised:
        session.sql("CALL kshell_serve('pgwire', port := 0)")
    assert raised.value.hint == "pip install 'kshell[serve]'"
    assert not session.files_locked


def test_a_session_that_reads_only_starts_no_server(session: Session) -> None:
    session.read_only = True
    with pytest.raises(ReadOnlyError):
        session.sql("CALL kshell_serve('pgwire')")
    with pytest.raises(ReadOnlyError):
        session.sql("CALL kshell_stop('pgwire')")


def test_a_session_without_servers_says_so(tmp_path: Path) -> None:
    with Session(data_dir=tmp_path) as alone:
        with pytest.raises(RefusedError, match="serves nobody"):
            alone.sql("CALL kshell_serve('pgwire')")
        assert alone.sql("SHOW SERVERS").fetchall() == []


def test_connect_gives_a_session_that_can_serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("KSHELL_DATA", str(tmp_path / "data"))
    stand_in.take_the_place_of("pgwire", monkeypatch)
    with kshell.connect() as session:
        address = session.sql("CALL kshell_serve('pgwire', port := 0)").fetchall()[0][1]
        assert greeting(address) == stand_in.GREETING
    with pytest.raises(OSError, match="refused"):
        greeting(address)
    assert not list((tmp_path / "state").rglob("*.token"))


def test_a_terminal_is_asked_once_after_all_else_and_no_leaves_nothing_behind(session: Session, notes: list[str], tmp_path: Path) -> None:
    asked: list[str] = []
    answers = [False, True]

    def confirm(question: str) -> bool:
        asked.append(question)
        return answers.pop(0)

    session.confirm = confirm
    with pytest.raises(RefusedError):
        session.sql("CALL kshell_serve('pgwire', host := '0.0.0.0')")
    assert asked == []
    assert session.sql("CALL kshell_serve('pgwire', port := 0)").note == "nothing was done"
    assert len(asked) == 1
    assert "out of all files but those of tables" in asked[0]
    assert (session.files_locked, notes, list((tmp_path / "state").rglob("*.token"))) == (False, [], [])
    assert session.sql("FROM kshell_servers()").fetchall() == []
    session.sql("CALL kshell_serve('pgwire', port := 0); CALL kshell_serve('http', port := 0)")
    assert len(asked) == 2


# ---- stop, list ----------------------------------------------------------------------------------------------------

def test_stop_frees_the_port_and_the_token(session: Session) -> None:
    _, address, _, token_file, _ = session.sql("CALL kshell_serve('pgwire', port := 0)").fetchall()[0]
    note = session.sql("CALL kshell_stop('pgwire')").note
    assert note == f"pgwire is not served on {address} any more"
    assert not Path(token_file).exists()
    with pytest.raises(OSError, match="refused"):
        greeting(address)
    session.sql(f"CALL kshell_serve('pgwire', port := {address.rpartition(':')[2]})")
    with pytest.raises(NotFoundError, match="http is not served"):
        session.sql("CALL kshell_stop('http')")


def test_servers_are_a_table_a_function_and_a_statement(session: Session) -> None:
    session.sql("CALL kshell_serve('pgwire', port := 0); CALL kshell_serve('http', port := 0, host := '0.0.0.0', insecure := true)")
    brief = session.sql("SHOW SERVERS LIKE 'h%'")
    assert [column.name for column in brief.columns] == ["kind", "address", "user", "token_file", "tls", "insecure", "sessions", "running",
                                                    "queries"]
    assert [row[0] for row in brief.fetchall()] == ["http"]
    assert session.sql("SELECT kind, insecure FROM kshell_servers() ORDER BY ALL").fetchall() == [("http", True), ("pgwire", False)]
    assert session.sql("SELECT count(*) FROM kshell.servers WHERE state = 'serving'").fetchall() == [(2,)]
    called, shown = session.sql("CALL kshell_servers()"), session.sql("SHOW SERVERS EXTENDED")
    assert called.fetchall() == shown.fetchall()
    assert [column.name for column in called.columns] == [column.name for column in shown.columns]


def test_a_query_starts_no_server(session: Session) -> None:
    texts = ("SELECT * FROM kshell_serve('pgwire')", "EXPLAIN FROM kshell_serve('pgwire')", "CREATE VIEW v AS FROM kshell_stop('http')")
    for text in texts:
        with pytest.raises(NotFoundError) as raised:
            session.sql(text)
        assert "statement of its own: CALL kshell_s" in (raised.value.hint or "")
    with pytest.raises(NotFoundError) as raised:
        session.sql("CALL kshell_sreve('pgwire')")
    assert raised.value.hint == "did you mean kshell_serve?"


def test_certificates_that_do_not_fit_are_told_and_the_server_goes_on(session: Session, tmp_path: Path) -> None:
    from tests.serve.test_access import certificate

    cert, key = certificate(tmp_path)
    session.sql(f"CALL kshell_serve('pgwire', port := 0, tls_cert := '{cert}', tls_key := '{key}')")
    assert session.servers.read_certificates() == []
    Path(cert).write_text("nonsense")
    (line,) = session.servers.read_certificates()
    assert line.startswith("pgwire goes on with its old certificate: ")
    assert session.sql("SELECT tls FROM kshell.servers").fetchall() == [(True,)]
