"""Processes from their first moment: a query, the help, the first prompt, and the first commit; and Tab at the prompt.

As an installed kshell starts: with compiled modules, which a run before the rounds leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pexpect
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from kshell.kafka.embedded import EmbeddedBroker
from kshell.session import Session
from kshell.shell.completer import NameCache, SqlCompleter
from tests.bench.figures import Row, milliseconds, seconds, spread
from tests.bench.scene import PARTITIONS, Scene, produce
from tests.support.topics import admin, create_topic, unique

KSHELL = [sys.executable, "-m", "kshell"]
RECORDS = 10_000
LAST = "the table has"
TOPICS = 500
TYPED = ("CREATE SOURCE o FROM KAFKA kafka (FOR", "SELECT * FROM kafka_scan('shop.4", "SEL", "FROM kafka.", "CREATE SOURCE o FROM KAFKA ",
         "SELECT count(*) FROM kafka_scan('shop.1.orders', la", "SHOW TOPICS FROM ", ".peek shop.", "SELECT co")


def measure(scene: Scene) -> list[Row]:
    topic = create_topic(admin(scene.bootstrap), unique("first"), PARTITIONS)
    produce(scene.bootstrap, topic, 0, RECORDS)
    selects, helps, prompts, commits, pythons = [], [], [], [], []
    _run([*KSHELL, "-c", "SELECT 1"], scene.folder / "warm")
    _first_commit(scene.bootstrap, topic, scene.folder / "warm")
    with scene.watched():
        for number in range(scene.rounds):
            folder = scene.folder / f"start{number}"
            pythons.append(_run([sys.executable, "-c", "import duckdb, pyarrow"], folder))
            selects.append(_run([*KSHELL, "-c", "SELECT 1"], folder))
            helps.append(_run([*KSHELL, "--help"], folder))
            prompts.append(_prompt(folder))
            commits.append(_first_commit(scene.bootstrap, topic, folder))
            scene.say(f"start, round {number + 1}: SELECT 1 {seconds(selects[-1])}, prompt {seconds(prompts[-1])}, "
                      f"first commit {seconds(commits[-1])}")
    return [Row("process start -> first commit by FLUSH", spread(commits, seconds), "< 3 s", f"{RECORDS:,} records"),
            Row('kshell -c "SELECT 1"', spread(selects, seconds), "< 0.5 s"),
            Row("  beside it: python that imports duckdb and pyarrow", spread(pythons, seconds)),
            Row("kshell --help", spread(helps, seconds), "< 0.15 s"), Row("kshell: first prompt", spread(prompts, seconds), "< 0.6 s"),
            Row("Tab while the broker is down", spread(_completions(), milliseconds), "< 50 ms", f"{TOPICS} topics")]


def _completions() -> list[float]:
    """One figure for each position: the broker was there when the names were seen, and is gone."""
    with EmbeddedBroker() as broker:
        for number in range(TOPICS):
            broker.create_topic(f"shop.{number}.orders")
        session = Session(brokers=broker.bootstrap)
    completer = SqlCompleter(NameCache(session.names))
    taken = []
    for typed in TYPED:
        began = time.perf_counter()
        completer._cache.names = session.names()
        if not list(completer.get_completions(Document(typed), CompleteEvent())):
            raise RuntimeError(f"nothing is offered after {typed}")
        taken.append(time.perf_counter() - began)
    session.close(flush=False)
    return taken


def _environment(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "KSHELL_DATA": str(folder / "data"), "HOME": str(folder), "TERM": "xterm"}


def _run(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=_environment(folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _prompt(folder: Path) -> float:
    began = time.perf_counter()
    terminal = pexpect.spawn(KSHELL[0], KSHELL[1:], env=_environment(folder), encoding="utf-8", timeout=30, dimensions=(30, 100))
    try:
        while True:
            asked = terminal.expect(["kshell>", r"\x1b\[6n"])
            if asked == 0:
                return time.perf_counter() - began
            terminal.send("\x1b[1;1R")        # what a terminal answers to the question where its cursor is
    finally:
        terminal.close(force=True)


def _first_commit(bootstrap: str, topic: str, folder: Path) -> float:
    """Until a query after FLUSH has counted what is in the table."""
    script = folder / "first.sql"
    environment = _environment(folder)
    script.write_text(f"ATTACH 'kafka://{bootstrap}' AS k (TYPE kafka);\n"
                      f"ATTACH 'sqlite:///{folder}/catalog.db' AS ice (TYPE iceberg, CATALOG sql, WAREHOUSE 'file://{folder}/warehouse');\n"
                      f"CREATE SOURCE ev FROM KAFKA k (TOPIC '{topic}');\nCREATE SINK s FROM ev INTO ICEBERG ice.bench.ev;\n"
                      f"WAIT SOURCE ev UNTIL CAUGHT UP;\nFLUSH SINK s;\nSELECT '{LAST} ' || count(*) AS said FROM lake.ev;\n")
    began = time.perf_counter()
    with subprocess.Popen([*KSHELL, "-f", str(script)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if LAST in line:
                taken = time.perf_counter() - began
                if f"{LAST} {RECORDS}" not in line:
                    raise RuntimeError(f"not all of {RECORDS}: {line}")
                return taken
    raise RuntimeError("nothing was committed")
