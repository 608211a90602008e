"""SHOW, SET and their kin, as drivers send them."""

from __future__ import annotations

import pytest

from kshell.errors import BadValueError, RefusedError
from kshell.serve.pgwire.compat import Canned, ClientSettings, canned, search_path


@pytest.fixture
def settings() -> ClientSettings:
    return ClientSettings("ann", zone="Europe/Vienna", pid=7, start={"application_name": "psql", "datestyle": "ISO", "no_such": "x"})


def answer(text: str, settings: ClientSettings) -> Canned:
    found = canned(text, settings)
    assert found is not None, text
    settings.apply(found.sets, found.scope)
    return found


SHOWN = {
    "SHOW server_version": ("server_version", "14.0"), "show server_version_num;": ("server_version_num", "140000"),
    "SHOW TRANSACTION ISOLATION LEVEL": ("transaction_isolation", "repeatable read"),
    "show transaction_isolation": ("transaction_isolation", "repeatable read"),
    "SHOW standard_conforming_strings": ("standard_conforming_strings", "on"), "SHOW search_path": ("search_path", "main"),
    "SHOW max_identifier_length": ("max_identifier_length", "63"), "SHOW TimeZone": ("TimeZone", "Europe/Vienna"),
    "SHOW TIME ZONE": ("TimeZone", "Europe/Vienna"), "SHOW SESSION AUTHORIZATION": ("session_authorization", "ann"),
    "/* pool */ SHOW application_name": ("application_name", "psql"), 'SHOW "datestyle"': ("DateStyle", "ISO, MDY"),
}


@pytest.mark.parametrize("text", SHOWN)
def test_show_tells_a_setting(text: str, settings: ClientSettings) -> None:
    column, value = SHOWN[text]
    assert (answer(text, settings).columns, answer(text, settings).rows) == ((column,), ((value,),))


SETS = {
    "SET client_encoding TO 'utf-8'": ("client_encoding", "UTF8"), "SET NAMES 'UNICODE'": ("client_encoding", "UTF8"),
    "SET client_encoding = sql_ascii": ("client_encoding", "SQL_ASCII"),
    "SET extra_float_digits = 3": ("extra_float_digits", "3"), "set application_name to 'a; b'": ("application_name", "a; b"),
    "SET DateStyle = ISO, DMY": ("DateStyle", "ISO, DMY"), "SET SESSION statement_timeout = '5s'": ("statement_timeout", "5s"),
    "SET search_path TO live, \"Odd, name\", public": ("search_path", 'live, "Odd, name", public'),
    "SET TIME ZONE 'UTC'": ("TimeZone", "UTC"), "SET timezone = 'Asia/Tokyo'": ("TimeZone", "Asia/Tokyo"),
    "SET standard_conforming_strings = true": ("standard_conforming_strings", "on"), "SET jit = off": ("jit", "off"),
    "SELECT set_config('application_name', 'it''s', false)": ("application_name", "it's"),
    "SELECT pg_catalog.set_config('search_path', '', false)": ("search_path", ""),
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED": ("transaction_isolation", "read committed"),
}


@pytest.mark.parametrize("text", SETS)
def test_set_changes_what_show_tells(text: str, settings: ClientSettings) -> None:
    name, value = SETS[text]
    assert answer(text, settings).sets[name] == value
    assert settings.show(name) == value


def test_asking_changes_nothing_before_it_is_applied(settings: ClientSettings) -> None:
    canned("SET application_name = 'x'", settings)
    assert settings.show("application_name") == "psql"


@pytest.mark.parametrize(("text", "tag"), [
    ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET"), ("SET TRANSACTION READ ONLY, DEFERRABLE", "SET"),
    ("SET myapp.user = '5'", "SET"), ("SET ROLE NONE", "SET"), ("SET SESSION AUTHORIZATION DEFAULT", "SET"), ("SET ROLE ann", "SET"),
    ("RESET ALL", "RESET"), ("RESET statement_timeout", "RESET"), ("RESET SESSION AUTHORIZATION", "RESET"), ("UNLISTEN *", "UNLISTEN"),
    ("DISCARD ALL", "DISCARD ALL"), ("DISCARD PLANS", "DISCARD PLANS"), ("DEALLOCATE ALL", "DEALLOCATE ALL"),
    ("DEALLOCATE PREPARE s1", "DEALLOCATE"), ("SHOW ALL", "SHOW"),
])
def test_a_statement_about_the_session_has_its_command_tag(text: str, tag: str, settings: ClientSettings) -> None:
    assert answer(text, settings).tag == tag


@pytest.mark.parametrize("text", [
    "SELECT 1", "SHOW SOURCES", "SHOW TABLES", "SET threads = 4", "SET kshell_timeout = '5s'", "SHOW", "SET", "RESET", "SET x", "DISCARD",
    "SELECT set_config(name, setting, false) FROM pg_settings", "SHOW server_version FROM x", "", "DEALLOCATE", "SET client_encoding",
])
def test_what_is_not_of_postgresql_goes_its_own_way(text: str, settings: ClientSettings) -> None:
    assert canned(text, settings) is None


@pytest.mark.parametrize(("text", "said"), [
    ("SET client_encoding = 'latin1'", "text is sent as UTF8: PGCLIENTENCODING=UTF8, or SET client_encoding"),
    ("SET bytea_output = 'escape'", "bytea is sent as hex"),
    ("SET datestyle = German", "dates are sent in style ISO"), ("SET statement_timeout = 'soon'", "a number of milliseconds, or 30s, 1min"),
    (f"SET statement_timeout = '{'9' * 5000}'", "0 to 2147483647 ms"), ("SET statement_timeout = '600h'", "0 to 2147483647 ms"),
])
def test_a_value_that_cannot_be_kept_is_refused(text: str, said: str, settings: ClientSettings) -> None:
    with pytest.raises(BadValueError) as raised:
        canned(text, settings)
    assert raised.value.hint == said


@pytest.mark.parametrize("text", ["SET server_version = '9'", "SET ROLE other", "SET SESSION AUTHORIZATION 'root'"])
def test_nobody_becomes_somebody_else(text: str, settings: ClientSettings) -> None:
    with pytest.raises(RefusedError):
        canned(text, settings)


def test_set_local_ends_with_the_transaction_and_set_with_a_rollback(settings: ClientSettings) -> None:
    answer("SET LOCAL statement_timeout = '1s'", settings)
    assert settings.show("statement_timeout") == "0"            # outside of one it is nothing
    settings.begin()
    answer("SET LOCAL statement_timeout = '1s'", settings)
    answer("SET application_name = 'inside'", settings)
    assert settings.statement_timeout_s == 1.0
    assert settings.end(commit=True) == {"statement_timeout": "0"}
    assert settings.show("application_name") == "inside"
    settings.begin()
    answer("SET TIME ZONE 'UTC'", settings)
    assert settings.end(commit=False) == {"TimeZone": "Europe/Vienna"}
    assert settings.end(commit=True) == {}


def test_discard_all_gives_back_what_the_session_began_with(settings: ClientSettings) -> None:
    answer("SET application_name = 'x'", settings)
    found = answer("DISCARD ALL", settings)
    assert (found.deallocates, settings.show("application_name")) == ("*", "psql")


@pytest.mark.parametrize(("shown", "path"), [
    ("main", "memory.main,memory.kshell_pg"), ('"$user", public', "memory.main,memory.kshell_pg"), ("", "memory.main,memory.kshell_pg"),
    ("live, pg_catalog", "memory.live,memory.kshell_pg"), ('"Odd name"', 'memory."Odd name",memory.kshell_pg'),
])
def test_a_search_path_is_duckdbs_with_the_catalog_at_its_end(shown: str, path: str) -> None:
    assert search_path(shown) == path
