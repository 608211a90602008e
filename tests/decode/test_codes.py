"""Every code of a bad record is documented and produced by a test; every refusal of a type or name says what it is and what to type."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from kshell.decode import declare, infer_schema
from kshell.errors import Error
from kshell.lang.statements import ColumnDefinition, Span
from kshell.schemas.values import Schema
from tests.decode.support import columns

REPOSITORY = Path(__file__).parents[2]
CODES = frozenset((
    "JSON_SYNTAX", "JSON_NOT_OBJECT", "JSON_DEPTH", "UTF8_INVALID", "ENVELOPE_MISSING", "CSV_SYNTAX", "CSV_FIELDS",
    "AVRO_MAGIC", "AVRO_SCHEMA_UNKNOWN", "AVRO_TRUNCATED", "AVRO_TRAILING", "AVRO_COUNT",
    "PROTO_MAGIC", "PROTO_SCHEMA_UNKNOWN", "PROTO_INDEX", "PROTO_TRUNCATED", "PROTO_DEPTH",
    "SCHEMA_TOO_LARGE", "SCHEMA_INVALID", "TYPE_RECURSIVE", "TYPE_UNSUPPORTED",
    "TYPE_MISFIT", "NUMBER_RANGE", "DECIMAL_RANGE", "DATE_RANGE", "UUID_INVALID", "RECORD_TOO_LARGE", "VALUE_TOO_LARGE", "TOO_MANY_KEYS"))
FORMATS = frozenset({"AVRO", "PROTO", "JSON"})


@cache
def _texts(folder: str) -> str:
    return "\n".join(path.read_text() for path in sorted((REPOSITORY / folder).rglob("*.py")) if path != Path(__file__))


def test_the_program_gives_no_other_codes() -> None:
    found = set(re.findall(r'(?:Verdict|Unusable)\(\s*"([A-Z0-9_]+)"', _texts("kshell/decode")))
    assert found <= CODES
    assert found | {f"{format}_{what}" for format in FORMATS for what in ("MAGIC", "SCHEMA_UNKNOWN")} >= CODES


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_is_documented_and_has_a_test(code: str) -> None:
    assert re.search(rf"\b{code}\b", (REPOSITORY / "docs" / "formats.md").read_text())
    assert re.search(rf"""["']{code}["']""", _texts("tests"))


def avro(*fields: object) -> Schema:
    tree = {"type": "record", "name": "Node", "fields": [{"name": name, "type": type_} for name, type_ in fields]}  # type: ignore[misc]
    return Schema("avro", json.dumps(tree), 42, None, "orders-value", 3)


def declared(name: str, type_: str) -> Callable[[], object]:
    return lambda: declare([ColumnDefinition(name, type_, Span(0, 1))])


CHILDREN, WIDE = {"type": "array", "items": "Node"}, {"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 2}
REFUSALS: list[tuple[str, Callable[[], object], str, str]] = [
    ("TYPE_RECURSIVE", lambda: infer_schema("avro", avro(("children", CHILDREN))), "contains itself", "FORMAT raw"),
    ("TYPE_UNSUPPORTED", lambda: infer_schema("avro", avro(("price", WIDE))), "more than 38 digits", '("price" VARCHAR)'),
    ("TYPE_REFUSED", declared("t", "TIME WITH TIME ZONE"), "Column t: TIME WITH TIME ZONE has no Iceberg type.", "use TIME or VARCHAR"),
    ("NAME_RESERVED", declared("_file", "VARCHAR"), 'Column "_file" is reserved by Iceberg.', "(file_name VARCHAR FROM '$._file')"),
    ("NAME_RESERVED", declared("_kafka_x", "VARCHAR"), 'Column "_kafka_x" is reserved by kshell.', "FROM '$._kafka_x')")]


@pytest.mark.parametrize(("refuse", "what", "cure"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_a_refusal_says_what_and_where_and_what_to_type(refuse: Callable[[], object], what: str, cure: str) -> None:
    with pytest.raises(Error) as found:
        refuse()
    assert what in found.value.message
    assert cure in str(found.value.hint)


def test_what_is_typed_after_a_refusal_is_accepted() -> None:
    made = columns(("file_name", "VARCHAR", "$._file"), ("price", "VARCHAR"), ("t", "TIME"))
    assert [c.name for c in made] == ["file_name", "price", "t"]
