"""DuckDB's errors on our tree: the structured part read, the position in characters, a hint that helps.

Invariant: no exception of DuckDB or Arrow leaves the package as itself, and no text of DuckDB's JSON form reaches a user."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from kshell import errors
from kshell.errors import Error, did_you_mean
from kshell.lang.reader import RESERVED

_TREE: dict[str, type[Error]] = {
    "parser": errors.StatementSyntaxError, "syntax": errors.StatementSyntaxError,
    "interrupt": errors.CancelledError,
    "http": errors.UnreachableError, "connection": errors.UnreachableError, "network": errors.UnreachableError,
    "out of memory": errors.LimitError, "permission": errors.RefusedError, "not implemented": errors.RefusedError,
    "dependency": errors.RefusedError, "transactioncontext": errors.RefusedError, "missing extension": errors.RefusedError,
    "extension autoloading": errors.RefusedError, "internal": errors.InternalError, "fatal": errors.InternalError,
}
_MISSING = re.compile(r"does not exist|not found|No files found|No such file|does not have a column|unrecognized configuration"
                      r"|not in the catalog|non-existent|No catalog \+ schema")
_NETWORK = re.compile(r"Could not (?:establish connection|resolve)|Connection refused|timed? ?out|HTTP (?:GET|HEAD|PUT|POST) error",
                      re.IGNORECASE)
_TAIL = re.compile(r"(?:\. You might need to add explicit type casts\.)?\n+\s*"
                   r"(?:Did you mean|Candidate \w+|Extension \"|For more info)\b.*", re.DOTALL)
_OFFSET_COLUMN = re.compile(r"(?:\bSELECT\s+|,\s*)offset\b", re.IGNORECASE)
_NO_SCHEMA = re.compile(r'No catalog \+ schema named "([^"]+)"')
_NO_FILES = re.compile(r'Cannot access (?:file|directory) "([^"]*)" - file system operations are disabled')
_NO_SETTINGS = re.compile(r'Cannot change configuration option "([^"]*)" - the configuration has been locked')
_NAME_AT = re.compile(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'|\w+|\S')


@dataclass(frozen=True, slots=True)
class Fault:
    """What DuckDB said, taken apart. `position` counts characters."""

    kind: str                                 # Parser, Binder, Catalog, ...
    message: str
    position: int | None = None
    subtype: str = ""
    entry: str = ""                           # Table, Scalar Function, ...
    name: str = ""                            # what was not found
    candidates: tuple[str, ...] = ()

    @property
    def missing_table(self) -> bool:
        return self.subtype == "MISSING_ENTRY" and self.entry in ("Table", "View")


def read(raised: BaseException, text: str) -> Fault:
    """Take the message of a DuckDB or Arrow exception apart; a message that is not JSON is itself."""
    said = str(raised)
    start = said.find("{")
    if start >= 0:
        try:
            return _structured(json.loads(said[start:]), text)
        except ValueError:
            pass                              # DuckDB cuts or decorates it: the plain text is all there is
    kind, _, rest = said.partition(" Error: ")
    return Fault(kind, rest) if rest else Fault("", said)


def _structured(told: dict[str, Any], text: str) -> Fault:
    position = told.get("position")
    candidates = tuple(c.strip() for c in str(told.get("candidates", "")).split(",") if c.strip())
    return Fault(str(told.get("exception_type", "")), str(told.get("exception_message", "")).strip(),
                 None if position is None else characters(text, int(position)), str(told.get("error_subtype", "")),
                 str(told.get("type", "")), str(told.get("name", "")), candidates)


def characters(text: str, byte_offset: int) -> int:
    """DuckDB counts UTF-8 bytes, people count characters."""
    return len(text.encode("utf-8", "surrogatepass")[:byte_offset].decode("utf-8", "ignore"))


def length_at(text: str, position: int) -> int:
    found = _NAME_AT.match(text, position)
    return max(1, len(found.group())) if found else 1


def error_of(fault: Fault, text: str, *, hint: str | None) -> Error:
    """The error of our tree. `text` is the statement the position counts in."""
    made = _locked(fault) or _class_of(fault)(_message(fault), hint=hint or _standard_hint(fault))
    if fault.position is not None and fault.position <= len(text):
        made.at(fault.position, length_at(text, fault.position))
    return made


def _locked(fault: Fault) -> Error | None:
    """What a process that serves has given up for its clients' sake."""
    if found := _NO_FILES.search(fault.message):
        return errors.RefusedError(f"{found.group(1)}: a process that serves uses no files but those of its tables",
                                   hint="read and write files in another kshell, or attach and copy them before CALL kshell_serve")
    if found := _NO_SETTINGS.search(fault.message):
        return errors.RefusedError(f"{found.group(1)}: a process that serves keeps DuckDB's settings",
                                   hint="set it before CALL kshell_serve; TimeZone and search_path can be set at any time")
    return None


def _class_of(fault: Fault) -> type[Error]:
    known = _TREE.get(fault.kind.lower())
    if known is not None:
        return known
    if "already exists" in fault.message:
        return errors.ExistsError
    if "No space left" in fault.message:
        return errors.LimitError
    if fault.kind == "IO" and _NETWORK.search(fault.message):
        return errors.UnreachableError
    said_missing = fault.kind in ("Catalog", "Binder", "IO") and _MISSING.search(fault.message)
    if said_missing or fault.subtype in ("MISSING_ENTRY", "COLUMN_NOT_FOUND"):
        return errors.NotFoundError
    return errors.BadValueError


def _message(fault: Fault) -> str:
    if fault.kind.lower() == "interrupt":
        return "interrupted"
    if fault.subtype == "COLUMN_NOT_FOUND":
        return fault.message if fault.message.startswith("column ") else f'column "{fault.name}" not found in FROM clause'
    if fault.message.startswith("unterminated"):
        return fault.message.partition(" at or near")[0]
    if found := _NO_SCHEMA.search(fault.message):
        return f"there is no database or schema {found.group(1)}"
    if fault.missing_table:
        return f"Table {fault.name} does not exist"
    return _TAIL.sub("", fault.message).rstrip("!\n ") or fault.kind


def _standard_hint(fault: Fault) -> str | None:
    if fault.kind.lower() == "transactioncontext" and "aborted" in fault.message:
        return "ROLLBACK ends the failed transaction"
    if fault.kind.lower() == "out of memory":
        return "filter or aggregate earlier, or raise the limit: SET memory_limit = '...'"
    return None


def nearest(fault: Fault, tables: Callable[[], Iterable[str]], functions: Callable[[], Iterable[str]]) -> str | None:
    """`did you mean x?` over names that exist; DuckDB's own candidates last, and only when they are near."""
    if not fault.name:
        return None
    if fault.missing_table:
        return did_you_mean(fault.name, [*tables(), *_plain(fault.candidates)])
    if "Function" in fault.entry:
        return did_you_mean(fault.name, functions())
    if fault.subtype == "COLUMN_NOT_FOUND":
        near = did_you_mean(fault.name, fault.candidates)
        return near or (f"columns here: {', '.join(fault.candidates[:12])}" if fault.candidates else None)
    return did_you_mean(fault.name, fault.candidates)


def _plain(candidates: Sequence[str]) -> list[str]:
    return [c for c in candidates if not c.startswith(("pragma_", "pg_", "duckdb_", "sqlite_"))]


def setting_hint(fault: Fault) -> str | None:
    """DuckDB names every setting it has as a candidate; the nearest is enough."""
    found = re.match(r'unrecognized configuration parameter "([^"]+)"', fault.message)
    return did_you_mean(found.group(1), fault.candidates) if found else None


def offset_hint(fault: Fault, text: str) -> str | None:
    """`SELECT offset FROM t`: the word is reserved, and the parser stumbles only over what follows it."""
    if fault.kind != "Parser" or not _OFFSET_COLUMN.search(text, 0, fault.position or 0):
        return None
    return "the Kafka offset column is _kafka_offset"


def topic_hint(name: str, topics: Iterable[tuple[str, str]]) -> str | None:
    """A name that FROM does not know and a topic has."""
    for connection, topic in topics:
        if topic.lower() == name.lower():
            return (f'topic "{topic}" exists in {connection}: FROM {connection}.{_bare(topic)} reads it once, '
                    f"CREATE SOURCE {_bare(topic)} FROM KAFKA {connection} keeps it live")
    return None


def near_topic_hint(name: str, topics: Iterable[tuple[str, str]]) -> str | None:
    """The topic whose name, without its cluster, is nearest."""
    known = {topic.lower(): f"{connection}.{_bare(topic)}" for connection, topic in topics}
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"did you mean {known[near[0]]}?" if near else None


def _bare(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) and name.upper() not in RESERVED else '"' + name.replace('"', '""') + '"'
