"""A real schema registry with Confluent's API: Apicurio Registry, in memory. Up in about 3 s.

Invariant: what is registered lives as long as the process; a registry that starts again is an empty one."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

from tests.parts import jars
from tests.parts.server import Server, free_ports

VERSION = "3.3.3"
JAVA = 21                                     # its classes need this version or a later one
_PLACES = ("/usr/lib/jvm/*", "/opt/java/*", "/opt/hostedtoolcache/Java_*/*/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home")


class Registry(Server):
    """`url` for any client of Confluent's registry."""

    ready_word = "Listening on:"

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        super().__init__(folder)
        self.port = port or free_ports(2)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def command(self) -> list[str]:
        found = java()
        assert found is not None, missing()
        quarkus = {"http.host": "127.0.0.1", "http.port": self.port, "management.host": "127.0.0.1", "management.port": self.port + 1,
                   "http.access-log.enabled": "false", "log.level": "WARN", 'log.category."io.quarkus".level': "INFO"}
        return [str(found), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
                *(f"-Dquarkus.{name}={value}" for name, value in quarkus.items()), "-jar", str(_unpacked() / "quarkus-run.jar")]


def missing() -> str | None:
    """Why a registry cannot run here and how to get what is missing; None when it can."""
    reason = jars.missing()
    if reason is None and java() is None:
        reason = f"no Java {JAVA} or later found, which the schema registry needs: install one, or let JAVA_HOME name it"
    return reason


@cache
def java() -> Path | None:
    """The newest Java that is recent enough. The one that is called `java` may be older."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    if on_path := shutil.which("java"):
        homes.append(Path(on_path).resolve().parent.parent)
    homes += [home for pattern in _PLACES for home in sorted(Path("/").glob(pattern.lstrip("/")))]
    fitting = [(version, home / "bin" / "java") for home in homes if (version := _version(home)) >= JAVA]
    return max(fitting, default=(0, None))[1]


def _version(home: Path) -> int:
    """The major version that the folder of a Java says it has; 0: it is none."""
    release = home / "release"
    if not release.is_file() or not os.access(home / "bin" / "java", os.X_OK):
        return 0
    for line in release.read_text(errors="replace").splitlines():
        name, _, value = line.partition("=")
        if name == "JAVA_VERSION":
            major = value.strip('"').split(".")[0].split("+")[0].split("-")[0]
            return int(major) if major.isdigit() else 0
    return 0


def _unpacked() -> Path:
    artifact = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"

    def fetch(folder: Path) -> None:
        folder.mkdir()
        jars.run(["mvn", "-B", "-ntp", "-q", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy", f"-Dartifact={artifact}",
                  f"-DoutputDirectory={folder}"], jars.MAVEN_TIMEOUT_S)
        archive = next(folder.glob("*.tar.gz"))
        shutil.unpack_archive(archive, folder, filter="data")
        archive.unlink()

    return jars.built(f"apicurio-registry-{VERSION}", fetch)
