"""What the figures depend on: machine, versions, and what else was running.

Invariant: read from the system, nothing is assumed; where /proc is missing the answer is `unknown`."""

from __future__ import annotations

import os
import platform
import re
import resource
import threading
from importlib.metadata import version
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
PACKAGES = ("kshell", "duckdb", "pyarrow", "confluent-kafka", "pyiceberg")


def described() -> str:
    model = re.search(r"model name\s*: (.*)", _read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    name = model[1] if model else platform.processor() or platform.machine()
    size = f"{int(memory[1]) / 1e6:.0f} GB" if memory else "unknown"
    return f"{os.cpu_count()} cores ({name}), {size}, {platform.system()} {platform.release()}"


def versions() -> str:
    from confluent_kafka import libversion

    listed = [f"{p} {version(p)}" for p in PACKAGES if p != "kshell"]
    return f"Python {platform.python_version()}, {', '.join(listed)}, librdkafka {libversion()[0]}, Apache Kafka 4.4.0"


def load() -> float:
    return os.getloadavg()[0]


def busy_seconds() -> float:
    """Processor time of everything on the machine since it started; stolen time included."""
    fields = _read("/proc/stat").split("\n", 1)[0].split()[1:]
    if not fields:
        return 0.0
    user, nice, system, _idle, _wait, irq, soft, steal = map(int, fields[:8])
    return (user + nice + system + irq + soft + steal) / _TICK


def process_seconds(pid: int) -> float:
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_rss() -> int:
    """Bytes, of this process since it started."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def by_thread() -> dict[str, float]:
    """CPU seconds of each Python thread of this process by its name; `libraries` is the rest: the client's and the engine's threads."""
    names = {t.native_id: t.name for t in threading.enumerate()}
    used: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        fields = _read(f"{task}/stat").rpartition(")")[2].split()
        if fields:
            name = names.get(int(task.name), "libraries")
            used[name] = used.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / _TICK
    return used


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
