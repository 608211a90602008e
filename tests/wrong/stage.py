"""What the inputs of the corpus are typed at: one session over a broker in this process, with a topic, a source, a sink, a table and two
catalogs. One for all entries, so an entry that spoils the session shows in the ones after it."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path

from kshell.cli.flags import Flags
from kshell.cli.script import Input, Script
from kshell.cli.streams import Stdout
from kshell.errors import Error
from kshell.kafka.embedded import EmbeddedBroker
from kshell.output._errors import Place
from kshell.query.worker import Worker
from kshell.session import Session
from tests.support import Recorder

LIMIT_S = 20.0                                # no input may take longer
SCENE = """
CREATE TABLE customers (id INTEGER, name VARCHAR, region VARCHAR);
ATTACH 'kafka://{bootstrap}' AS k (TYPE kafka, TIMEOUT '5s');
CREATE SOURCE clicks (id BIGINT, url VARCHAR) FROM KAFKA k (TOPIC 'web.clicks');
WAIT SOURCE clicks UNTIL ROWS 5;
CREATE SOURCE loose (id BIGINT) FROM KAFKA k (TOPIC 'orders');
CREATE SINK clicks_lake FROM clicks INTO ICEBERG local.web.clicks;
FLUSH SINK clicks_lake;
ATTACH 'sqlite:///{folder}/fixed.db' AS fixed (TYPE iceberg, CATALOG sql, WAREHOUSE '{folder}/fixed', READ_ONLY true);
"""


@dataclass
class Told:
    """What one input was answered with."""

    errors: list[tuple[Error, Place]] = field(default_factory=list)


class _Listening(Script):
    """A script whose errors are kept as they are."""

    told: Told

    def say_error(self, error: Error, place: Place | None = None) -> None:
        self.told.errors.append((error, place or Place()))


class Stage:
    def __init__(self, folder: Path) -> None:
        self.broker = EmbeddedBroker()
        for topic, partitions in (("orders", 2), ("payments", 1), ("web.clicks", 1)):
            self.broker.create_topic(topic, partitions)
        recorder = Recorder(self.broker.bootstrap)
        recorder.produce("orders", [json.dumps({"id": i, "city": "Oslo"}) for i in range(5)])
        recorder.produce("web.clicks", [json.dumps({"id": i, "url": f"/p/{i}"}) for i in range(5)])
        self._refused, self._silent = _bound(), _bound()
        self._silent.listen(50)
        self.words = {"refused": str(self._refused.getsockname()[1]), "silent": str(self._silent.getsockname()[1]), "folder": str(folder),
                      "bootstrap": self.broker.bootstrap}
        self.session = Session(notes=lambda kind, text: None, data_dir=folder / "data")
        self.session.sql(self.filled(SCENE)).close()

    def filled(self, text: str) -> str:
        for word, value in self.words.items():
            text = text.replace("{" + word + "}", value)
        return text

    def walk(self, text: str) -> Told:
        """One input as a script, then a query in the same session whose row says that it is usable."""
        worker = Worker(lambda: None, second=lambda: None, deadline_s=LIMIT_S)
        script = _Listening(self.session, worker, Flags(mode="ndjson", on_error="continue"), Stdout())
        script.told = Told()
        worker.interrupts(script.context.interrupt)
        script.run([Input(text), Input("SELECT 42 AS usable")])
        return script.told

    def close(self) -> None:
        self.session.close(flush=False, timeout_s=2.0)
        self._refused.close()
        self._silent.close()
        self.broker.close()


def _bound() -> socket.socket:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    return made
