"""Schemas in local files: what is read, what is found beside them, what is refused by name."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from kshell.errors import BadValueError, Error, NotFoundError, RefusedError
from kshell.schemas import FileSchema, SchemaUnknown
from kshell.schemas.limits import MOST_REFERENCES, SCHEMA_BYTES

_AVSC = '{"type":"record","name":"R","fields":[]}'


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


@pytest.mark.parametrize(("name", "kind"), [("a.avsc", "avro"), ("a.proto", "protobuf"), ("a.JSON", "json")])
def test_the_ending_says_what_a_file_holds(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_text("{}")
    source = FileSchema(str(tmp_path / name))
    assert source.schema.kind == kind
    assert source.unframed is source.latest("any") is source.schema
    assert not source.frames


def test_a_descriptor_set_is_held_as_base64(tmp_path: Path) -> None:
    (tmp_path / "a.desc").write_bytes(b"\x0a\xff\x00")
    schema = FileSchema(str(tmp_path / "a.desc")).schema
    assert (schema.kind, base64.b64decode(schema.text)) == ("protobuf", b"\x0a\xff\x00")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.avsc").write_bytes(b"\xef\xbb\xbf" + _AVSC.encode())
    assert FileSchema(str(tmp_path / "a.avsc")).schema.text == _AVSC


def test_imports_are_found_beside_the_file_and_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "order.proto").write_text('import "types/money.proto";\nimport "google/protobuf/any.proto";\n// import "no.proto";\n')
    (tmp_path / "types" / "money.proto").write_text('import public "unit.proto";\nimport "types/time.proto";')
    (tmp_path / "types" / "unit.proto").write_text("")
    (tmp_path / "types" / "time.proto").write_text("")
    order = FileSchema(str(tmp_path / "order.proto")).schema
    (money,) = order.references
    assert money.name == "types/money.proto"
    assert [r.name for r in money.schema.references] == ["unit.proto", "types/time.proto"]


def test_a_json_schema_finds_the_files_that_it_points_at(tmp_path: Path) -> None:
    _write(tmp_path, a_json='{"properties":{"g":{"$ref":"geo.json#/definitions/p"},"h":{"$ref":"#/x"},"u":{"$ref":"https://h/u.json"}}}',
           geo_json="{}")
    assert [r.name for r in FileSchema(str(tmp_path / "a.json")).schema.references] == ["geo.json"]


@pytest.mark.parametrize(("text", "error", "said"), [
    ('import "gone.proto";', NotFoundError, "gone.proto, which is not beside it"),
    ('import "../secret.proto";', NotFoundError, "../secret.proto"),
    ('import "/etc/passwd.proto";', NotFoundError, "/etc/passwd.proto"),
    ('import "a.proto";', RefusedError, "imports itself"),
])
def test_an_import_that_cannot_be_followed_is_named(tmp_path: Path, text: str, error: type[Error], said: str) -> None:
    (tmp_path / "secret.proto").write_text("")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.proto").write_text(text)
    with pytest.raises(error, match=said) as failed:
        FileSchema(str(folder / "a.proto"))
    assert failed.value.hint


def test_what_is_no_schema_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no schema file"):
        FileSchema(str(tmp_path / "gone.avsc"))
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(BadValueError, match="not named like a schema"):
        FileSchema(str(tmp_path / "a.txt"))
    (tmp_path / "a.avsc").write_bytes(b"\xff\xfe")
    with pytest.raises(BadValueError, match="not UTF-8"):
        FileSchema(str(tmp_path / "a.avsc"))
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(BadValueError, match="is no JSON"):
        FileSchema(str(tmp_path / "a.json"))
    with pytest.raises(BadValueError):
        FileSchema(str(tmp_path))


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.avsc").write_text("x" * (SCHEMA_BYTES + 1))
    with pytest.raises(RefusedError, match="SCHEMA_TOO_LARGE"):
        FileSchema(str(tmp_path / "a.avsc"))
    for number in range(MOST_REFERENCES + 1):
        (tmp_path / f"r{number}.proto").write_text("")
    (tmp_path / "b.proto").write_text("".join(f'import "r{n}.proto";\n' for n in range(MOST_REFERENCES + 1)))
    with pytest.raises(RefusedError, match="more than 50 files"):
        FileSchema(str(tmp_path / "b.proto"))


def test_without_a_registry_no_frame_can_be_followed(tmp_path: Path) -> None:
    (tmp_path / "a.avsc").write_text(_AVSC)
    source = FileSchema(str(tmp_path / "a.avsc"))
    with pytest.raises(SchemaUnknown):
        source.by_id(1)
    with pytest.raises(SchemaUnknown):
        source.by_guid("x")
    both = FileSchema(str(tmp_path / "a.avsc"), source)
    assert both.frames
    with pytest.raises(SchemaUnknown):
        both.by_id(1)
