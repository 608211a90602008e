"""Jars from Maven, resolved once for each machine and shared by every run and worker.

Invariant: what stands in the cache is complete: it is built under a lock, beside its place, and moved there in one step."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MAVEN_TIMEOUT_S = 600


def missing() -> str | None:
    """Why servers on the JVM cannot run here and how to get what is missing; None when they can."""
    absent = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if not absent:
        return None
    return f"{' and '.join(absent)} not found: install a JDK 17 or later and Maven (Debian: apt install openjdk-17-jdk-headless maven)"


def cache() -> Path:
    folder = Path(os.environ.get("KSHELL_TEST_CACHE") or "~/.cache/kshell-tests").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    with place.with_name(place.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def built(name: str, build: Callable[[Path], None]) -> Path:
    """The cached file or folder of this name; `build(path)` makes it where it does not exist yet."""
    place = cache() / name
    if place.exists():
        return place
    with _locked(place):
        if not place.exists():
            unfinished = place.with_name(place.name + ".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            build(unfinished)
            unfinished.rename(place)
    return place


def of(pom: Path) -> Path:
    """The folder with the jars that this pom.xml asks for. Its name carries the pom's hash, so an edit resolves again."""
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]

    def resolve(folder: Path) -> None:
        run(["mvn", "-B", "-ntp", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"], MAVEN_TIMEOUT_S)

    return built(f"{pom.parent.name}-{digest}", resolve)


def classpath(folder: Path) -> str:
    """Every jar, sorted and by name: a class archive demands the same path each time."""
    return os.pathsep.join(str(jar) for jar in sorted(folder.glob("*.jar")))


def run(command: list[str], timeout_s: float) -> None:
    """Run to the end; a failure shows what the command said."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout.decode(errors='replace')[-4000:]}")
