"""The settings of one connection, as PostgreSQL names them: what SHOW, current_setting and ParameterStatus say.

Invariant: a value that cannot be kept (another encoding, bytea_output escape) is refused, and one that changes nothing here is kept and
shown. DuckDB's cursor learns all of them at once, as the variable `kshell_pg` (`session_sql`), because a view can read a variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from kshell.columns import literal, quote
from kshell.engine import CATALOG_SCHEMA as SCHEMA
from kshell.engine import DUCKDB_VERSION
from kshell.errors import BadValueError, RefusedError
from kshell.version import VERSION

SERVER_VERSION = "14.0"
SEARCH_PATH = f"memory.main,memory.{SCHEMA}"
# what a client is told at once when it changes, in the spelling that clients expect
REPORTED = ("server_version", "server_encoding", "client_encoding", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes",
            "standard_conforming_strings", "default_transaction_read_only", "in_hot_standby", "is_superuser", "session_authorization",
            "application_name")
_FIXED = {
    "server_version": SERVER_VERSION, "server_version_num": "140000", "server_encoding": "UTF8", "integer_datetimes": "on",
    "is_superuser": "off", "in_hot_standby": "off", "max_identifier_length": "63", "max_index_keys": "32", "max_function_args": "100",
    "block_size": "8192", "lc_collate": "C", "lc_ctype": "C", "segment_size": "1GB", "wal_block_size": "8192", "ssl": "off",
    "data_checksums": "off", "max_connections": "64", "version": f"PostgreSQL {SERVER_VERSION} (kshell {VERSION}, DuckDB {DUCKDB_VERSION})",
}
_KEPT = {
    "client_encoding": "UTF8", "datestyle": "ISO, MDY", "intervalstyle": "postgres", "standard_conforming_strings": "on",
    "default_transaction_read_only": "on", "transaction_read_only": "on", "default_transaction_isolation": "repeatable read",
    "transaction_isolation": "repeatable read", "default_transaction_deferrable": "off", "transaction_deferrable": "off",
    "search_path": "main", "statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "60s",
    "idle_session_timeout": "0", "transaction_timeout": "0", "extra_float_digits": "1", "bytea_output": "hex",
    "client_min_messages": "notice",
    "escape_string_warning": "on", "backslash_quote": "safe_encoding", "lc_messages": "C", "lc_monetary": "C", "lc_numeric": "C",
    "lc_time": "C", "row_security": "on", "synchronize_seqscans": "on", "check_function_bodies": "on", "xmloption": "content",
    "default_tablespace": "", "default_table_access_method": "heap", "jit": "off", "work_mem": "4MB", "geqo": "on", "random_page_cost": "4",
    "synchronous_commit": "on", "default_with_oids": "off", "enable_seqscan": "on", "enable_indexscan": "on", "enable_hashjoin": "on",
    "enable_mergejoin": "on", "enable_nestloop": "on", "enable_sort": "on", "quote_all_identifiers": "off", "array_nulls": "on",
    "tcp_keepalives_idle": "0", "tcp_keepalives_interval": "0", "tcp_user_timeout": "0", "plan_cache_mode": "auto",
    "constraint_exclusion": "partition", "cursor_tuple_fraction": "0.1", "log_statement": "none", "max_parallel_workers_per_gather": "0",
}
_ONLY: dict[str, tuple[re.Pattern[str], str]] = {     # setting -> the values that can be kept, and what is said about others
    "client_encoding": (re.compile(r"'?(utf-?8|unicode|sql_ascii)'?", re.IGNORECASE),
                        "text is sent as UTF8: PGCLIENTENCODING=UTF8, or SET client_encoding"),
    "bytea_output": (re.compile("hex", re.IGNORECASE), "bytea is sent as hex"),
    "standard_conforming_strings": (re.compile("on|true|1|yes", re.IGNORECASE), "a backslash in '...' is a backslash"),
    "intervalstyle": (re.compile("postgres", re.IGNORECASE), "intervals are sent in style postgres"),
    "datestyle": (re.compile(r"iso\b.*", re.IGNORECASE), "dates are sent in style ISO"),
}
_AS_IT_IS = "SQL_ASCII"                            # bytes that nobody converts: what psql asks for where no locale is set
_UNITS_MS = {"us": 0.001, "ms": 1, "": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_MOST_MS = 2_147_483_647                          # as PostgreSQL
_DURATION = re.compile(r"\s*(\d+)\s*(us|ms|s|min|h|d|)\s*")


class ClientSettings:
    """`user`: the login; `start`: what the client asks for in its first message; `pid`: what it is told to cancel with."""

    def __init__(self, user: str, *, zone: str = "UTC", pid: int = 0, start: Mapping[str, str] | None = None) -> None:
        self._values = {**_KEPT, **_FIXED, "timezone": zone, "session_authorization": user, "application_name": "", "backend_pid": str(pid)}
        for name, value in (start or {}).items():
            if self.knows(name):
                self._values[name.lower()] = self.checked(name, value)
        self._initial = dict(self._values)
        self._before: dict[str, str] | None = None         # of the transaction that is open
        self._session: dict[str, str] = {}                 # set in it, to last beyond it

    def knows(self, name: str) -> bool:
        return name.lower() in self._values

    def show(self, name: str) -> str:
        return self._values[name.lower()]

    def initial(self, name: str) -> str:
        return self._initial[name.lower()]

    def everything(self) -> list[tuple[str, str]]:
        return sorted((spelled(name), value) for name, value in self._values.items() if name not in ("version", "backend_pid"))

    def changed_since_start(self) -> dict[str, str]:
        """Name -> the value that RESET ALL gives it back."""
        return {spelled(name): value for name, value in self._initial.items() if self._values[name] != value}

    @staticmethod
    def checked(name: str, value: str) -> str:
        """The value as it is kept; an error where it cannot be."""
        name = name.lower()
        if name in _FIXED or name == "session_authorization":
            raise RefusedError(f'parameter "{name}" cannot be changed')
        values, said = _ONLY.get(name, (None, ""))
        if values is not None and not values.fullmatch(value):
            raise BadValueError(f'invalid value for parameter "{name}": "{value}"', hint=said)
        if name == "statement_timeout":
            milliseconds(value)
        if name == "datestyle":
            return value if "," in value else f"{value}, MDY"
        if name == "client_encoding":
            return _AS_IT_IS if value.strip("'").upper() == _AS_IT_IS else "UTF8"
        return "on" if name == "standard_conforming_strings" else value

    def apply(self, changes: Mapping[str, str], scope: Literal["session", "local"] = "session") -> None:
        """Values that `canned` has checked. LOCAL ends with the transaction, and is nothing outside of one."""
        if scope == "local" and self._before is None:
            return
        for name, value in changes.items():
            self._values[name.lower()] = value
            if scope == "session" and self._before is not None:
                self._session[name.lower()] = value

    def begin(self) -> None:
        self._before, self._session = dict(self._values), {}

    def end(self, *, commit: bool) -> dict[str, str]:
        """The settings that are back at another value when the transaction is over."""
        before = self._before
        if before is None:
            return {}
        self._before = None
        after = {**before, **(self._session if commit else {})}
        back = {spelled(name): value for name, value in after.items() if self._values[name] != value}
        self._values = after
        return back

    @property
    def statement_timeout_s(self) -> float | None:
        return (milliseconds(self._values["statement_timeout"]) / 1000) or None

    def session_sql(self) -> str:
        """What the cursor runs at the start of the connection and after every change."""
        entries = ", ".join(f"{literal(name)}: {literal(value)}" for name, value in self._values.items())
        return f"SET VARIABLE kshell_pg = MAP {{{entries}}}"


def spelled(name: str) -> str:
    return next((known for known in (*REPORTED, "TimeZone") if known.lower() == name.lower()), name.lower())


def milliseconds(value: str) -> float:
    """'30s', '1min', 30000: PostgreSQL's durations, where a number alone is milliseconds."""
    match = _DURATION.fullmatch(value)
    if match is None:
        raise BadValueError(f'invalid value for parameter "statement_timeout": "{value}"', hint="a number of milliseconds, or 30s, 1min")
    found = float(match[1]) * _UNITS_MS[match[2]]
    if found > _MOST_MS:
        raise BadValueError(f'{value[:40]} is outside the valid range for parameter "statement_timeout"', hint=f"0 to {_MOST_MS} ms")
    return found


def search_path(shown: str) -> str:
    """DuckDB's search path for PostgreSQL's: `public` is main, "$user" is nobody's, and what stands for the catalog comes last."""
    names = [part.strip().strip('"') for part in shown.split(",")]
    schemas = ["main" if name == "public" else name for name in names if name not in ("", "$user", "pg_catalog")]
    return ",".join([*_qualified(schemas or ["main"]), f"memory.{SCHEMA}"])


def _qualified(schemas: Iterable[str]) -> list[str]:
    return [f"memory.{schema if schema.isidentifier() else quote(schema)}" for schema in schemas]
