"""Apache Iceberg's own REST catalog server, with answers that can be made to fail. Up in about 0.9 s.

The warehouse is a folder, so readers open its files directly. Invariant: a fault is armed for a counted number of requests."""

from __future__ import annotations

import hashlib
import os
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Literal

from tests.parts import jars
from tests.parts.server import Server, free_ports

HERE = Path(__file__).parent
COMPILE_TIMEOUT_S = 120
REQUEST_TIMEOUT_S = 10


class RestCatalog(Server):
    """`uri` for any client; `start` after `stop` or `crash` serves the same tables at the same address."""

    ready_word = "ready http"

    def __init__(self, folder: Path, *, port: int | None = None, name: str = "rest") -> None:
        super().__init__(folder)
        self.port = port or free_ports(1)
        self.name = name
        self.warehouse = self.folder / "warehouse"
        self.warehouse.mkdir(exist_ok=True)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fault(self, path: str = "tables/", *, when: Literal["before", "after"] = "after", status: int = 503, times: int = 1) -> None:
        """The next `times` POSTs whose path holds `path` are answered with `status`: before the work, or after it was done."""
        query = urllib.parse.urlencode({"path": path, "when": when, "status": status, "times": times})
        with urllib.request.urlopen(f"{self.uri}/_fault?{query}", data=b"", timeout=REQUEST_TIMEOUT_S):
            pass

    def clear_faults(self) -> None:
        self.fault(times=0)

    def command(self) -> list[str]:
        paths = os.pathsep.join([str(_classes()), jars.classpath(jars.of(HERE / "pom.xml"))])
        return ["java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", f"-Dport={self.port}",
                f"-Dname={self.name}", f"-Dcatalog.uri=jdbc:sqlite:{self.folder / 'catalog.db'}", f"-Dcatalog.warehouse=file://{self.warehouse}",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", paths, "RestServer"]


def _classes() -> Path:
    source = HERE / "RestServer.java"
    folder = jars.of(HERE / "pom.xml")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]

    def build(classes: Path) -> None:
        jars.run(["javac", "-proc:none", "-cp", jars.classpath(folder), "-d", str(classes), str(source)], COMPILE_TIMEOUT_S)

    return jars.built(f"{folder.name}-classes-{digest}", build)
