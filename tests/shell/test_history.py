"""What is remembered, and what never is."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kshell.shell.history import History, storable

SECRETS = [
    "CREATE SECRET p (TYPE kafka, SASL_USERNAME 'u', SASL_PASSWORD 'x9')",
    "create or replace secret p (type s3, key_id 'AKx9', secret 'x9')",
    "CREATE SECRET p (TYPE kafka, SASL_PASWORD = 'x9'",                      # neither parses nor is spelled right
    "CREATE SECRET c (TYPE iceberg_catalog, TOKEN $$x9$$)",
    "CREATE SECRET c (TYPE iceberg_catalog, PROPERTIES MAP {'rest.signing-key': 'x9'})",
    "ATTACH 'kafka://b:9092' AS k (TYPE kafka, CONFIG MAP {'sasl.password': 'x9'})",
    "ATTACH 'https://user:x9@catalog' AS c (TYPE iceberg, CATALOG rest)",
    "SET s3_secret_access_key = 'x9'",
    "CREATE SECRET p (TYPE kafka, SASL_PASSWORD 'x9",                        # half typed
    "CALL kshell_serve('pgwire', port := 1, password := 'x9')",
    "FROM kshell_serve('http', token => 'x9')",
    "CALL kshell_serve('http', token = x9)",
    "CALL kshell_serve('pgwire', pasword := 'x9')",
    ".serve pgwire password=x9",
    ".shell curl -H 'Authorization: Bearer x9' https://host",
]
HARMLESS = [
    "CREATE SECRET p (TYPE kafka, SASL_MECHANISM 'PLAIN', SASL_USERNAME getenv('U'), SASL_PASSWORD getenv('P'))",
    "ATTACH 'kafka://b:9092' AS k (TYPE kafka, SECRET p)",
    "SELECT 'password' AS word, kind FROM t WHERE kind = 'secret'",
    "CREATE SOURCE o FROM KAFKA k (TOPIC 'orders', CONFIG MAP {'fetch.min.bytes': '1'})",
    ".mode csv",
    "CALL kshell_serve('pgwire', password := getenv('P'), tls_key := '/k.pem')",
    "CALL kshell_serve('http', token_file := '/t')",
    "CALL kshell_serve('http', token := FILE '/t')",
    "DROP SECRET p",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_literal_secret_never_reaches_the_file(text: str, tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    history.add("SELECT 1")
    history.add(text)
    assert "x9" not in (tmp_path / "history").read_text()
    assert history.entries() == ["SELECT 1"]


@pytest.mark.parametrize("text", HARMLESS)
def test_other_statements_are_kept(text: str) -> None:
    assert storable(text)


def test_a_leading_space_keeps_a_line_out() -> None:
    assert not storable(" SELECT 1")


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "history"
    path.parent.mkdir()
    path.touch(mode=0o644)
    History(path).add("SELECT 1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_multi_line_statement_comes_back_whole(tmp_path: Path) -> None:
    text = "SELECT count(*)\n+1 -- plus\n\nFROM orders;"
    History(tmp_path / "history").add(text)
    assert History(tmp_path / "history").entries() == [text]


def test_two_shells_share_one_file(tmp_path: Path) -> None:
    first, second = History(tmp_path / "history"), History(tmp_path / "history")
    first.add("SELECT 1")
    second.add("SELECT 2")
    first.add("SELECT 3")
    assert History(tmp_path / "history").entries() == ["SELECT 1", "SELECT 2", "SELECT 3"]


def test_a_repeat_is_written_once(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    assert [history.add("SELECT 1"), history.add("SELECT 1")] == [True, False]


def test_a_home_that_cannot_be_written_costs_nothing_but_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = History(tmp_path / "file" / "history")          # its folder is a file
    history.add("SELECT 1")
    assert history.entries() == ["SELECT 1"]
