"""What holds for every output mode: all types, no rows, hostile bytes, batch by batch."""

from __future__ import annotations

import io
import unicodedata

import pyarrow as pa
import pytest

from kshell import output
from kshell.errors import BadValueError, UsageError
from kshell.output import OutColumn, Settings
from kshell.output._shape import Shape
from kshell.query.runner import Runner
from tests.output.conftest import EVERY_TYPE, Render

MODES = output.names()
TEXT = [name for name in MODES if not output.find(name).binary]
BINARY = [name for name in MODES if output.find(name).binary]
# a wide decimal(38) holds no value of 39 digits: refused by name instead of rounded
WITHOUT_HUGE = f"SELECT * EXCLUDE (i128, u128) FROM ({EVERY_TYPE}) ORDER BY i8 DESC NULLS LAST"
# every C0 and C1 control, DEL, bidirectional controls and line separators, in a name and in values
CONTROLS = [chr(c) for c in (*range(1, 32), *range(127, 160), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))]
ALL_CONTROLS = " || ".join(f"chr({ord(c)})" for c in CONTROLS)
HOSTILE = f"SELECT {ALL_CONTROLS} AS \"na\x1b[2Jme\u202e\", '\x1b]0;title\x07' AS v, ['\x1b[0m'] AS nested"


@pytest.mark.parametrize("mode", MODES)
def test_every_type_has_a_text(render: Render, mode: str) -> None:
    written = render(mode, WITHOUT_HUGE if mode in BINARY else EVERY_TYPE)
    assert written or mode == "none"


@pytest.mark.parametrize("mode", TEXT)
def test_text_is_utf8_and_ends_in_a_line_break(render: Render, mode: str) -> None:
    written = render(mode, "SELECT 'ü漢😀' AS v, NULL AS n").decode("utf-8")
    assert written == "" if mode == "none" else written.endswith("\n")


@pytest.mark.parametrize("mode", MODES)
def test_a_result_without_rows_is_still_a_whole_document(render: Render, mode: str) -> None:
    written = render(mode, "SELECT 1 AS a, 'x' AS b WHERE false")
    if mode in ("csv", "list", "tsv", "markdown", "html", "table"):
        assert b"a" in written
    if mode == "json":
        assert written == b"[]\n"
    if mode in ("ndjson", "vertical", "insert", "none"):
        assert written == b""


@pytest.mark.parametrize("mode", TEXT)
def test_no_control_character_reaches_a_terminal(render: Render, mode: str) -> None:
    shown = render(mode, HOSTILE, terminal=True, width=500).decode("utf-8")
    between_cells = "\n\t" if mode == "tsv" else "\n"
    assert [c for c in shown if c not in between_cells and (c in CONTROLS or unicodedata.category(c) == "Cc")] == []


@pytest.mark.parametrize("mode", ["table", "vertical", "markdown", "html", "list", "insert"])
def test_what_people_read_is_printable_into_a_pipe_too(render: Render, mode: str) -> None:
    shown = render(mode, HOSTILE).decode("utf-8")
    assert [c for c in shown if c != "\n" and not c.isprintable()] == []
    assert "\\e[2J" in shown or mode == "insert"


@pytest.mark.parametrize("mode", ["csv", "tsv", "json", "ndjson"])
def test_machine_formats_keep_every_byte_into_a_pipe(render: Render, mode: str) -> None:
    assert "\u202e" in render(mode, "SELECT 'a' || chr(8238) || chr(155) AS v").decode("utf-8")


@pytest.mark.parametrize("mode", [m for m in TEXT if m not in ("table", "none")])
def test_rows_are_on_the_stream_before_the_next_batch_is_asked_for(mode: str) -> None:
    stream, seen = io.BytesIO(), []

    def batches():  # type: ignore[no-untyped-def]
        for value in ("first", "second"):
            seen.append(stream.getvalue())
            yield pa.RecordBatch.from_pydict({"v": [value]})

    output.write([OutColumn("v", "VARCHAR", Shape("varchar"))], batches(), output.find(mode), stream, Settings())
    assert b"first" in seen[1]


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_written_when_the_query_fails_before_its_first_row(runner: Runner, mode: str) -> None:
    stream = io.BytesIO()

    def failing() -> None:
        result = runner.run("SELECT error('boom' || range) AS a, range FROM range(3)")
        output.write(result.columns, result.batches(), output.find(mode), stream, Settings())

    with pytest.raises(BadValueError, match="boom"):
        failing()
    assert stream.getvalue() == b""


@pytest.mark.parametrize("mode", [m for m in TEXT if m != "none"])
def test_both_columns_of_one_name_are_kept(render: Render, mode: str) -> None:
    written = render(mode, "SELECT 1 AS a, 2 AS a").decode()
    assert "1" in written
    assert "2" in written


@pytest.mark.parametrize("mode", BINARY)
def test_files_are_refused_on_a_terminal(render: Render, mode: str) -> None:
    with pytest.raises(UsageError, match="terminal"):
        render(mode, "SELECT 1", terminal=True)


@pytest.mark.parametrize("mode", BINARY)
def test_a_huge_integer_is_never_written_as_another_number(render: Render, mode: str) -> None:
    with pytest.raises(BadValueError, match="38 digits"):
        render(mode, "SELECT 340282366920938463463374607431768211455::UHUGEINT AS u")


@pytest.mark.parametrize(("alias", "mode"), [("jsonlines", "ndjson"), ("line", "vertical"), ("duckbox", "table"), ("box", "table")])
def test_aliases_are_modes(alias: str, mode: str) -> None:
    assert output.find(alias).module is output.find(mode).module


def test_an_unknown_mode_names_the_nearest() -> None:
    with pytest.raises(UsageError) as raised:
        output.find("ndjsn")
    assert raised.value.hint == "did you mean ndjson?"


@pytest.mark.parametrize(("path", "mode"), [
    ("x.csv", "csv"), ("a/b.TSV", "tsv"), ("x.json", "json"), ("x.ndjson", "ndjson"), ("x.parquet", "parquet"), ("x.arrow", "arrow"),
    ("x.md", "markdown"), ("x.html", "html"), ("x.txt", None), ("x", None)])
def test_the_extension_of_a_file_chooses_the_mode(path: str, mode: str | None) -> None:
    found = output.for_path(path)
    assert (found.name if found else None) == mode
