"""Definitions written back as runnable statements, for SHOW CREATE and `.dump`.

Invariant: parsing the text gives the definition again: `parse(create_source_text(...))` has the same name, columns and option values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kshell.columns import literal, quote
from kshell.lang.declared import ATTACH_ICEBERG, ATTACH_KAFKA, SINK, SOURCE
from kshell.lang.reader import RESERVED
from kshell.lang.statements import ColumnDefinition
from kshell.options import Lookup, OptionSet, Typed, Word, value_text

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PASSWORDS = re.compile(r"password|secret|token|credential|authorization|user\.info|jaas|key\.pem|\.key$|(access|account)[-_.]key",
                        re.IGNORECASE)
_USER_INFO = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
HIDDEN = "***"
# Names that kshell's own clauses read as words: quoted, they are always names.
_CLAUSES = frozenset({"IF", "WITH", "KAFKA", "SET"})


def name_text(name: str) -> str:
    """The name as a user would type it: quoted only where it must be."""
    plain = _PLAIN.fullmatch(name) and name.upper() not in RESERVED and name.upper() not in _CLAUSES
    return name if plain else quote(name)


def create_source_text(name: str, *, columns: Sequence[ColumnDefinition] = (), cluster: str | None = None, cluster_is_address: bool = False,
                       options: Mapping[str, Any] | None = None, or_replace: bool = False) -> str:
    """`options`: values by name, as parsed or as written; those left out have their defaults."""
    head = f"CREATE {'OR REPLACE ' if or_replace else ''}SOURCE {name_text(name)}"
    listed = f" (\n{_indented(column_text(c) for c in columns)}\n)" if columns else ""
    target = "" if cluster is None else f" {literal(cluster) if cluster_is_address else name_text(cluster)}"
    return f"{head}{listed} FROM KAFKA{target}{_options_text(SOURCE, options)};"


def column_text(column: ColumnDefinition) -> str:
    path = f" FROM {literal(column.path)}" if column.path is not None else ""
    return f"{name_text(column.name)} {column.type}{' NOT NULL' if column.not_null else ''}{path}"


def create_sink_text(name: str, table: Sequence[str], *, source: str | None = None, select: str | None = None,
                     options: Mapping[str, Any] | None = None, or_replace: bool = False) -> str:
    """One of `source` and `select`."""
    head = f"CREATE {'OR REPLACE ' if or_replace else ''}SINK {name_text(name)}"
    origin = f"FROM {name_text(source)}" if source is not None else f"AS {select}"
    return f"{head} {origin} INTO ICEBERG {'.'.join(name_text(part) for part in table)}{_options_text(SINK, options)};"


def attach_text(kind: str, uri: str, name: str, *, options: Mapping[str, Any] | None = None) -> str:
    declared = ATTACH_KAFKA if kind == "kafka" else ATTACH_ICEBERG
    parts = [f"TYPE {kind}", *_option_parts(declared, options or {})]
    shown = _USER_INFO.sub(rf"\1{HIDDEN}@", uri)
    return f"ATTACH {literal(shown)} AS {name_text(name)} ({', '.join(parts)});"


def _indented(lines: Iterable[str]) -> str:
    return ",\n".join(f"    {line}" for line in lines)


def _options_text(declared: OptionSet, options: Mapping[str, Any] | None) -> str:
    parts = _option_parts(declared, options or {})
    if not parts:
        return ""
    one_line = f" ({', '.join(parts)})"
    return one_line if len(one_line) <= 100 else f" (\n{_indented(parts)}\n)"


def _option_parts(declared: OptionSet, options: Mapping[str, Any]) -> list[str]:
    return [f"{declared[name].name} {option_text(declared, name, value)}" for name, value in options.items()]


def option_text(declared: OptionSet, name: str, value: Any) -> str:
    """The value of an option as SQL text. Passwords inside a map are hidden, unless they are looked up."""
    if value is None:
        return "NULL"
    if isinstance(value, Word | Typed | Lookup):
        return value_text(value)
    if isinstance(value, dict):
        value = {key: HIDDEN if hides(key, item) else item for key, item in value.items()}
    return declared[name].kind.text(value)


def hides(key: object, value: object) -> bool:
    """Whether a value under this key is a secret that must not be shown."""
    return isinstance(key, str) and isinstance(value, str) and bool(_PASSWORDS.search(key))
