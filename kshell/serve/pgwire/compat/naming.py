"""What a column without an alias is called: a function of PostgreSQL by its name alone, as PostgreSQL calls it.

Invariant: no name that a client sees tells of the schemas that stand for the catalog."""

from __future__ import annotations

import re

from kshell.engine import CATALOG_SCHEMA as SCHEMA
from kshell.engine import INFORMATION_SCHEMA
from kshell.serve.pgwire.compat.installed import defined

_OURS = re.compile(rf"(?:memory\.)?(?:{SCHEMA}|{INFORMATION_SCHEMA})\.(?:kshell_)?")
_CALL = re.compile(r'"?(\w+)"?\(.*\)', re.DOTALL)
_LOOKUP = re.compile(r"(reg\w+?)_names?")


def column_name(name: str) -> str:
    """`name`: as DuckDB calls the column, which is the text of its expression."""
    plain = _OURS.sub("", name)
    call = _CALL.fullmatch(plain)
    if call is None or (plain == name and call[1] not in defined()[SCHEMA]):
        return plain
    return _LOOKUP.sub(r"\1", call[1])
