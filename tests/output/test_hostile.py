"""Records that attack the terminal: nothing of a topic reaches the screen as a control sequence, whatever the mode; programs behind a pipe
get every byte."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from kshell import output
from kshell.kafka.embedded import EmbeddedBroker
from tests.support import Recorder
from tests.support.terminal import spawn as spawn_terminal

REPOSITORY = Path(__file__).parents[2]
ATTACKS = {
    "ansi": "\x1b[2J\x1b[31mred\x1b[0m", "title": "\x1b]0;owned\x07", "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "link": "\x1b]8;;http://x\x1b\\y",
    "device": "\x1bP$q\x1b\\", "c1": "\x9b31m\x9d52;c;eA==\x9c",
    "bidi": "\u202egpj.exe\u2066x\u2069\u200f", "nul": "a\0b", "bell": "\x07\x08\x7f",
    "lines": "a\r\nb\t\x0bc\u2028d\u2029e", "unicode": "naïve 日本語 שלום é",
}
TEXT_MODES = [name for name in output.names() if name not in ("parquet", "arrow", "none")]
QUERIES = ("FROM evil", "FROM k.evil LIMIT 3", "SELECT text AS \"a\x1b[31mb\" FROM evil", "DESCRIBE evil", "SHOW CREATE SOURCE evil",
           "SELECT * FROM kshell.errors", "PRINT 'evil' FROM BEGINNING LIMIT 12", "DESCRIBE TOPIC 'evil' EXTENDED",
           "SELECT error(text) FROM evil", "FROM \"no\x1b[31msuch\u202e\"", "SELECT kafka_header(_kafka_headers, 'h\x1b[1m') FROM evil")


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as made:
        for topic in ("evil", "wide"):
            made.create_topic(topic)
        recorder = Recorder(made.bootstrap)
        for name, text in ATTACKS.items():
            value = json.dumps({"text": text, f"field{text}": 1, "name": name})
            recorder.produce("evil", [value], key=text, headers=[("h\x1b[1m", text.encode()), (text.replace("\0", ""), b"\x1b[31m\xff")])
        recorder.produce("evil", [b"\x1b[2Jno json \xff\x9b31m", b'{"text": "\x1b[2J"}'])
        recorder.produce("wide", [json.dumps({f"column_{i}": f"値{i}" for i in range(300)})])
        yield made


def script(broker: EmbeddedBroker, topic: str, modes: list[str], queries: tuple[str, ...]) -> str:
    lines = [f"ATTACH 'kafka://{broker.bootstrap}' AS k (TYPE kafka);", ".bail off",
             f"CREATE SOURCE {topic} FROM KAFKA k (INCLUDE [headers], KEY_FORMAT string);", f"WAIT SOURCE {topic};"]
    for mode in modes:
        lines += [f".mode {mode}", *(f"{query};" for query in queries)]
    return "\n".join(lines) + "\n"


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "HOME": "/nonexistent", "TERM": "xterm-256color", "PAGER": "cat"}


def on_a_terminal(path: Path, columns: int) -> str:
    screen = spawn_terminal(sys.executable, ["-m", "kshell", "--no-color", "-f", str(path)], env=environment(), dimensions=(40, columns),
                           codec_errors="surrogateescape", timeout=120)
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus in (0, 1)
    return str(screen.before)


def unsafe(shown: str) -> set[str]:
    """What a terminal would obey, or show in another order than it is."""
    return {char for char in shown.replace("\r\n", "\n") if (char != "\n" and not char.isprintable() and char != "\xa0")}


@pytest.mark.parametrize(("modes", "own"), [([m for m in TEXT_MODES if m != "tsv"], set()), (["tsv"], {"\t"})], ids=["all", "tsv"])
def test_no_control_sequence_of_a_topic_reaches_a_terminal(broker: EmbeddedBroker, tmp_path: Path, modes: list[str], own: set[str]) -> None:
    path = tmp_path / "evil.sql"
    path.write_text(script(broker, "evil", modes, QUERIES), encoding="utf-8")
    shown = on_a_terminal(path, 200)
    assert unsafe(shown) == own
    assert "\\e[2J" in shown
    assert "\\u202e" in shown
    assert "日本語" in shown


@pytest.mark.parametrize("columns", [80, 120])
def test_three_hundred_columns_fit_every_screen(broker: EmbeddedBroker, tmp_path: Path, columns: int) -> None:
    from kshell.output._width import width

    path = tmp_path / "wide.sql"
    path.write_text(script(broker, "wide", ["table", "vertical", "list", "box"], ("FROM wide",)), encoding="utf-8")
    shown = on_a_terminal(path, columns).replace("\r", "").split("\n")
    boxes = [line for line in shown if line[:1] in "┌│├└" and line]
    assert boxes
    assert {width(line) for line in boxes} == {width(boxes[0])}
    assert width(boxes[0]) <= columns


def piped(*argv: str) -> bytes:
    done = subprocess.run([sys.executable, "-m", "kshell", *argv], capture_output=True, timeout=120, check=False, env=environment())
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def select(broker: EmbeddedBroker) -> tuple[str, ...]:
    return ("--brokers", broker.bootstrap, "-q", "-c",
            """SELECT text, CAST(_kafka_key AS VARCHAR) AS key FROM kafka_scan('evil', key_format := 'string') WHERE name IS NOT NULL
            ORDER BY _kafka_offset""")


def test_a_program_behind_a_pipe_gets_every_character(broker: EmbeddedBroker) -> None:
    expected = [[text, text] for text in ATTACKS.values()]
    lines = piped("--ndjson", *select(broker)).decode().split("\n")[:-1]
    assert [list(json.loads(line).values()) for line in lines] == expected
    assert [list(row.values()) for row in json.loads(piped("--json", *select(broker)))] == expected
    table = list(csv.reader(io.StringIO(piped("--csv", *select(broker)).decode(), newline="")))
    assert table == [["text", "key"], *expected]


@pytest.mark.parametrize("mode", [*TEXT_MODES, "parquet", "arrow"])
def test_a_text_of_thirty_megabytes_passes_every_mode(mode: str) -> None:
    written = piped("--format", mode, "-c", "SELECT repeat('wide ', 6000000) AS v")
    assert len(written) > (1000 if mode in ("table", "parquet") else 30_000_000)
