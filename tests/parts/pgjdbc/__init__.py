"""pgjdbc as a client: a program of ours on PostgreSQL's JDBC driver that does what tools do, and prints what came of it.

Invariant: each step has one line `name=outcome`, whatever happened in the steps before."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from tests.parts import jars

HERE = Path(__file__).parent
COMPILE_TIMEOUT_S = 120
RUN_TIMEOUT_S = 60


def outcomes(address: str, password: str, zone: str) -> dict[str, str]:
    """What each step gave, in a JVM whose time zone is `zone`."""
    paths = os.pathsep.join([str(_classes()), jars.classpath(jars.of(HERE / "pom.xml"))])
    command = ["java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", f"-Duser.timezone={zone}",
               "-Dfile.encoding=UTF-8", "-cp", paths, "PgjdbcClient", f"jdbc:postgresql://{address}/kshell", password]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def _classes() -> Path:
    source = HERE / "PgjdbcClient.java"
    folder = jars.of(HERE / "pom.xml")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]

    def build(classes: Path) -> None:
        jars.run(["javac", "-proc:none", "-encoding", "UTF-8", "-cp", jars.classpath(folder), "-d", str(classes), str(source)],
                 COMPILE_TIMEOUT_S)

    return jars.built(f"pgjdbc-classes-{digest}", build)
