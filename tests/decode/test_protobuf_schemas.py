"""Protobuf schemas as text, with references, as descriptor sets: what becomes of them at CREATE and in a running topic."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from kshell.decode import infer_key, infer_schema, protobuf_compile
from kshell.decode.protobuf_schemas import compiled
from kshell.errors import NotFoundError, RefusedError, UnreachableError
from kshell.schemas import FileSchema, Reference, Schema, SchemaUnavailable
from tests.decode.protobuf_support import FIRST, Source, decoder, proto3, rows, set_of
from tests.decode.support import batch

MONEY = Schema("protobuf", 'syntax = "proto3"; package money; message Amount { int64 units = 1; string currency = 2; }')
LINES = Schema("protobuf", 'syntax = "proto3"; package lines; import "shared/money.proto"; message Line { money.Amount price = 1; }',
               references=(Reference("shared/money.proto", "money", 1, MONEY),))
AMOUNT = 'STRUCT(units BIGINT, currency VARCHAR)'


def types(schema: Schema, message: str | None = None) -> dict[str, str]:
    return {c.name: c.type for c in infer_schema("protobuf", schema, message).columns}


def test_references_are_what_imports_mean_also_those_of_references() -> None:
    schema = proto3("message M { repeated lines.Line lines = 1; }", ["lines.proto"],
                    references=(Reference("lines.proto", "lines", 3, LINES),))
    assert types(schema) == {"lines": f"STRUCT(price {AMOUNT})[]"}


def test_types_that_come_with_every_registry_need_no_reference() -> None:
    schema = proto3('message M { int32 n = 1 [(confluent.field_meta).doc = "x"]; google.type.Date d = 2; '
                    "confluent.type.Decimal price = 3; }",
                    ["confluent/meta.proto", "google/type/date.proto", "confluent/type/decimal.proto"])
    assert types(schema) == {"n": "INTEGER", "d": 'STRUCT("year" INTEGER, "month" INTEGER, "day" INTEGER)',
                             "price": 'STRUCT("value" BLOB, "precision" BIGINT, scale INTEGER)'}


def test_a_reference_cannot_change_what_a_well_known_type_means() -> None:
    other = Schema("protobuf", 'syntax = "proto3"; package google.protobuf; message Timestamp { string text = 1; }')
    schema = proto3("message M { google.protobuf.Timestamp at = 1; }", ["google/protobuf/timestamp.proto"],
                    references=(Reference("google/protobuf/timestamp.proto", "wkt", 1, other),))
    assert types(schema) == {"at": "TIMESTAMP WITH TIME ZONE"}


@pytest.mark.fault("F39")
@pytest.mark.parametrize(("schema", "said"), [
    (proto3("message M {}", ["shop/gone.proto"]), "it imports shop/gone.proto, which is not there"),
    (proto3("message M { Gone g = 1; }"), 'it does not compile: 3:13: "Gone" is not defined'),
    (proto3("message M {"), "it does not compile: "),
    (proto3(""), "it has no message"),
    (proto3("message Empty {}"), "message t.Empty has no fields"),
    (Schema("avro", '"string"', id=7, subject="orders-value"), "it is a schema of avro, not of Protobuf"),
    (Schema("protobuf", base64.b64encode(b"\xff\xff").decode(), id=7, subject="orders-value"), "it is no Protobuf descriptor set"),
    (proto3("message M {}", references=(Reference("../../etc/x.proto", "x", 1, MONEY),)), "is no path of a file"),
    (proto3("message M {}", references=(Reference("/etc/x.proto", "x", 1, MONEY),)), "is no path of a file"),
    (proto3("message M {}", references=(Reference("a\0.proto", "x", 1, MONEY),)), "is no path of a file"),
    (proto3("message M {}", references=(Reference("x" * 300, "x", 1, MONEY),)), "cannot be a file"),
])
def test_a_schema_that_cannot_be_used_is_refused_at_create_by_its_name(schema: Schema, said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        infer_schema("protobuf", schema)
    assert 'Schema "orders-value" (id 7): ' in caught.value.message
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert "/tmp" not in caught.value.message
    assert caught.value.hint


@pytest.mark.fault("F39")
@pytest.mark.parametrize(("body", "imports", "code"), [
    ("message M { N n = 1; } message N { M m = 1; }", [], "TYPE_RECURSIVE"),
    ("message M {}", ["gone.proto"], "SCHEMA_INVALID"),
    ("message M { " + " ".join(f"int32 f{i} = {i};" for i in range(1, 5_002)) + " }", [], "SCHEMA_TOO_LARGE"),
])
def test_a_later_schema_that_cannot_be_used_is_a_verdict_on_its_records_alone(body: str, imports: list[str], code: str) -> None:
    first, later = proto3("message M { int32 n = 1; }"), proto3(body, imports, id=8)
    made = decoder(first, source=Source(first, later))
    values = [FIRST + b"\x08\x01", b"\x00\x00\x00\x00\x08\x00", FIRST + b"\x08\x02"]
    assert made.prepare(batch(values)).waiting == {}
    assert rows(made, values) == ([{"n": 1}, {"n": 2}], {1: code})


def test_without_a_name_the_first_message_is_it_and_its_name_is_told() -> None:
    text = "message Order { int32 no = 1; message Item { string sku = 1; } } message Refund { int32 amount = 1; }"
    inferred = infer_schema("protobuf", proto3(text))
    assert [c.name for c in inferred.columns] == ["no"]
    assert inferred.notices == ["records are of the message t.Order, the first of 3; MESSAGE names another"]
    assert infer_schema("protobuf", proto3("message Order { int32 no = 1; }")).notices == []


def test_a_name_that_no_message_has_is_answered_with_the_nearest() -> None:
    schema = proto3("message Order { int32 no = 1; } message Refund { int32 x = 1; }")
    for wanted, hint in (("t.Ordre", "did you mean t.Order?"), ("Ordre", "did you mean Order?"), ("Xyz", "it has t.Order, t.Refund")):
        with pytest.raises(NotFoundError) as caught:
            infer_schema("protobuf", schema, wanted)
        assert caught.value.message == f'Schema "orders-value" (id 7) has no message {wanted}'
        assert caught.value.hint == hint


def test_a_key_is_a_struct_of_its_first_message() -> None:
    column = infer_key("protobuf", proto3("message Key { int64 id = 1; string region = 2; }"))
    assert (column.name, column.type) == ("_kafka_key", "STRUCT(id BIGINT, region VARCHAR)")


# ---- local files -----------------------------------------------------------------------------------------------

def test_a_proto_file_finds_its_imports_beside_it(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "money.proto").write_text(MONEY.text)
    (tmp_path / "lines.proto").write_text(LINES.text)
    (tmp_path / "orders.proto").write_text('syntax = "proto3"; import "lines.proto"; import "google/protobuf/timestamp.proto";\n'
                                           "message Order { lines.Line line = 1; google.protobuf.Timestamp at = 2; }")
    schema = FileSchema(str(tmp_path / "orders.proto")).schema
    assert types(schema) == {"line": f"STRUCT(price {AMOUNT})", "at": "TIMESTAMP WITH TIME ZONE"}


def test_a_descriptor_set_needs_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = _files(proto3("message M { lines.Line line = 1; google.protobuf.Timestamp at = 2; }",
                          ["lines.proto", "google/protobuf/timestamp.proto"], references=(Reference("lines.proto", "lines", 3, LINES),)))
    monkeypatch.setattr(protobuf_compile, "_run", lambda *_: pytest.fail("the compiler was started"))
    (tmp_path / "m.desc").write_bytes(FileDescriptorSet(file=files).SerializeToString())
    schema = FileSchema(str(tmp_path / "m.desc")).schema
    expected = {"line": f"STRUCT(price {AMOUNT})", "at": "TIMESTAMP WITH TIME ZONE"}
    assert types(schema) == expected
    without = [f for f in files if not f.name.startswith("google/")]
    assert types(set_of(*without)) == expected, "types that come with the runtime may be left out"
    with pytest.raises(RefusedError, match=r"it imports lines\.proto, which is not in the set"):
        types(set_of(*[f for f in without if f.name != "lines.proto"]))


def test_a_registry_may_give_one_file_in_bytes() -> None:
    file = next(f for f in _files(proto3("message M { int32 n = 1; }")) if f.name.startswith("schema"))
    assert types(Schema("protobuf", base64.b64encode(file.SerializeToString()).decode())) == {"n": "INTEGER"}


def _files(schema: Schema) -> list[FileDescriptorProto]:
    """The file of a schema and what it imports, least dependent first."""
    found: dict[str, FileDescriptorProto] = {}

    def walk(file: object) -> None:
        for imported in file.dependencies:  # type: ignore[attr-defined]
            walk(imported)
        made = FileDescriptorProto()
        file.CopyToProto(made)  # type: ignore[attr-defined]
        found[made.name] = made
    walk(compiled(schema))
    return list(found.values())


# ---- the compiler ----------------------------------------------------------------------------------------------

def test_a_compiler_that_does_not_end_is_an_outage_and_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = proto3("message Slow { int32 n = 1; }")
    made = decoder(schema, columns=decoder(proto3("message M { int32 n = 1; }")).columns, source=Source(schema))
    with monkeypatch.context() as patched:
        patched.setattr(protobuf_compile, "_CHILD", "while True: pass")
        patched.setattr(protobuf_compile, "SECONDS", 0.2)
        assert made.prepare(batch([FIRST])).waiting == {0: "the schema did not compile within 0.2 s"}
    assert made.prepare(batch([FIRST])).waiting == {}


def test_the_compiler_has_limits_and_an_empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf_compile, "_CHILD", "import os, sys\nsys.stderr.write(f'x.proto: {sorted(os.environ)}')\nsys.exit(3)")
    monkeypatch.setenv("SECRET", "x")
    with pytest.raises(RefusedError) as caught:
        infer_schema("protobuf", proto3("message Limits { int32 n = 1; }"))
    assert "SECRET" not in caught.value.message


def test_a_compiler_that_dies_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf_compile, "_CHILD", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(RefusedError, match="the compiler ended with -9"):
        infer_schema("protobuf", proto3("message Dies { int32 n = 1; }"))


def test_a_schema_is_compiled_once_and_a_bad_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    good, wrong = proto3("message Once { int32 n = 1; }"), proto3("message Once { int32 n = 1;")
    started: list[str] = []
    run = protobuf_compile._run
    monkeypatch.setattr(protobuf_compile, "_run", lambda *given: (started.append("x"), run(*given)))
    for _ in range(3):
        infer_schema("protobuf", good)
        with pytest.raises(RefusedError):
            infer_schema("protobuf", wrong)
    assert len(started) == 2


def test_without_the_compiler_the_answer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf_compile, "find_spec", lambda name: None)
    with pytest.raises(UnreachableError, match="pip install grpcio-tools"):
        infer_schema("protobuf", proto3("message Unbuilt { int32 n = 1; }"))
    with pytest.raises(SchemaUnavailable):
        compiled(proto3("message Unbuilt { int32 n = 1; }"))


def test_nothing_of_protobuf_is_loaded_before_it_is_used() -> None:
    import subprocess

    code = "import sys; import kshell.session, kshell.decode; print([m for m in sys.modules if m.startswith(('google', 'ptars', 'grpc'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout.strip() == "[]"
