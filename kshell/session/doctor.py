"""What `kshell doctor` looks at: versions, extensions, brokers, schema registries, catalogs, clock, disk, memory; each with its repair
in words.

Invariant: every check survives the failure of every other; without `write` nothing is written anywhere."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kshell.engine import DUCKDB_VERSION
from kshell.errors import CancelledError, Error, UnreachableError
from kshell.options import redact
from kshell.output import printable
from kshell.session.configured import BROKERS
from kshell.session.connections import LOCAL, Connections
from kshell.session.context import Context
from kshell.session.settings import default_buffer_bytes

if TYPE_CHECKING:
    from kshell.config import Config
    from kshell.lang.statements import Attach

State = Literal["ok", "warning", "failed", "unreachable", "skipped"]
FREE_BYTES = 1_000_000_000                    # less is a warning
CLOCK_S = 5.0                                 # clocks may differ by this much
SINKS_WAIT_S = 60.0                           # a clock that is further behind a table's last commit makes its sinks wait (CLOCK_SKEW)
_LOOKED_AT = 200                              # partitions whose newest record is asked for
_PYTHON = (3, 11)
_PYICEBERG = (0, 12)
_WIDE = 20                                    # of the names, so that the texts stand in one column


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    state: State
    text: str
    repair: str | None = None

    def line(self) -> str:
        """For people: what holds, then what to do about it."""
        return printable(f"{self.state:<12} {self.name:<{_WIDE}} {self.text}" + (f": {self.repair}" if self.repair else ""))


Finding = tuple[State, str, str | None]


class Doctor:
    """What the session has attached is looked at too. `attaches`: connections that a script defines, looked at like configured ones."""

    def __init__(self, context: Context, connections: Connections, config: Config, *, write: bool, attaches: Sequence[Attach] = ()) -> None:
        self._context, self._connections, self._config = context, connections, config
        self._write, self._attaches = write, attaches

    def checks(self) -> Iterator[Check]:
        yield _guarded("python", _python)
        yield _guarded("duckdb", _duckdb)
        yield _guarded("librdkafka", _librdkafka)
        yield _guarded("pyiceberg", _pyiceberg)
        for extension in ("avro", "iceberg", "httpfs"):
            yield _guarded(f"extension {extension}", lambda extension=extension: self._extension(extension))  # type: ignore[misc]
        yield _guarded("extension quack", _quack)
        yield _guarded("configuration", self._configuration)
        yield from self._clusters()
        yield from self._registries()
        for name in self._catalog_names():
            yield _guarded(f"catalog {name}", lambda name=name: self._catalog(name))  # type: ignore[misc]
            if (catalog := self._connections.catalogs.get(name)) is not None and catalog.lake.ahead_s is not None:
                yield _guarded(f"clock {name}", lambda lake=catalog.lake: _clock_against(lake.uri, lake.ahead_s))  # type: ignore[misc]
        yield _guarded("disk", self._disk)
        yield _guarded("memory", self._memory)

    # ---- this machine ------------------------------------------------------------------------------------------------

    def _extension(self, name: str) -> Finding:
        needs = ("avro", "iceberg") if name == "iceberg" else (name,)
        self._context.engine.need(*needs)
        return "ok", f"{metadata.version(f'duckdb-extension-{name}')} loads", None

    def _configuration(self) -> Finding:
        config = self._config
        profile = f", profile {config.profile}" if config.profile else ""
        return "ok", f"{config.path or 'no file, defaults hold'}{profile}", None

    def _disk(self) -> Finding:
        places = {"data": self._context.data_dir, "spill": Path(tempfile.gettempdir())}
        free = {name: shutil.disk_usage(_existing(path)).free for name, path in places.items()}
        text = ", ".join(f"{_gigabytes(count)} free for {name} in {places[name]}" for name, count in free.items())
        if min(free.values()) < FREE_BYTES:
            return "warning", text, f"free {_gigabytes(FREE_BYTES)} or more, or move it: KSHELL_DATA, TMPDIR"
        return "ok", text, None

    def _memory(self) -> Finding:
        whole, budget = default_buffer_bytes() * 4, self._context.settings.buffer_bytes
        text = f"{_gigabytes(budget)} for buffers of {_gigabytes(whole)}"
        if budget > whole * 3 // 4:
            return "failed", text, f"set buffer_bytes to \"{_gigabytes(whole // 4)}\" or less"
        return "ok", text, None

    # ---- brokers -----------------------------------------------------------------------------------------------------

    def _clusters(self) -> Iterator[Check]:
        configured = {BROKERS: self._config["brokers"]} if self._config["brokers"] else {}
        attached = {name: cluster.uri for name, cluster in self._connections.clusters.items()}
        wanted = {**configured, **{a.name: a.uri for a in self._attaches if a.kind == "kafka"}, **attached}
        if not wanted:
            yield Check("brokers", "skipped", "none is configured", "--brokers host:9092, or brokers = \"host:9092\" in config.toml")
        for name, address in wanted.items():
            yield _guarded(f"brokers {name}", lambda name=name, address=address: self._reach(name, address))  # type: ignore[misc]
            if name in self._connections.clusters:
                yield _guarded(f"topics {name}", lambda name=name: self._topics(name))  # type: ignore[misc]
                yield _guarded(f"groups {name}", lambda name=name: self._groups(name))  # type: ignore[misc]
                yield _guarded(f"clock {name}", lambda name=name: self._clock(name))  # type: ignore[misc]

    def _reach(self, name: str, address: str) -> Finding:
        began = time.monotonic()
        self._attach(name, address)
        attached = self._connections.clusters[name]
        signed_in = f", signed in with secret {attached.secret.name}" if attached.secret is not None else ", nobody signed in"
        insecure = attached.secret is not None and attached.secret.insecure
        text = f"{attached.cluster.bootstrap} answers in {time.monotonic() - began:.2f} s{signed_in}"
        return ("warning", f"{text}; certificates are not checked", "take INSECURE out of the secret") if insecure else ("ok", text, None)

    def _attach(self, name: str, address: str) -> None:
        """One that is attached is asked again."""
        from kshell.session.configured import secret_name

        statement = next((a for a in self._attaches if a.name == name), None)
        if name in self._connections.clusters:
            self._connections.topics[name] = tuple(t.name for t in self._connections.cluster(name).topics())
        elif statement is not None:
            self._connections.attach(replace(statement, or_replace=True))     # its name may be that of the configured brokers
        else:
            self._connections.attach_address(name, address, secret_name(self._config))

    def _topics(self, name: str) -> Finding:
        count = len(self._connections.topics[name])
        if not count:
            return "warning", "no topic is visible", "grant Describe and Read on the topics, if there are any"
        return "ok", f"{count} visible", None

    def _groups(self, name: str) -> Finding:
        try:
            count = len(self._connections.cluster(name).groups())
        except (UnreachableError, CancelledError):
            raise
        except Error as refused:
            return "warning", f"groups cannot be listed: {refused.message}", "grant Describe on the cluster and Read on group kshell-*"
        return "ok", f"{count} visible", None

    def _clock(self, name: str) -> Finding:
        cluster = self._connections.cluster(name)
        tps = [(t.name, p) for t in cluster.topics() for p in t.partitions][:_LOOKED_AT]
        (topic, partition), newest = max(cluster.newest(tps).items(), key=lambda found: found[1], default=(("", 0), None))
        if newest is None:
            return "skipped", "no record to compare with", None
        ahead = newest / 1000 - time.time()
        if ahead <= CLOCK_S:
            return "ok", "no record is from the future", None
        if cluster.stamps(topic):
            return _clock_against("the brokers", ahead)
        return ("warning", f"the newest record, in {topic}[{partition}], is {ahead:.0f} s in the future",
                "this clock is behind or a producer's ahead: check NTP")

    # ---- schema registries -------------------------------------------------------------------------------------------

    def _registries(self) -> Iterator[Check]:
        """Those of the clusters that are attached by now, and that of the configuration."""
        found = {str(named): f"schema registry {cluster}" for cluster, attached in self._connections.clusters.items()
                 if (named := attached.options.get("SCHEMA_REGISTRY")) is not None}
        if self._config["schema_registry"]:
            found.setdefault(self._config["schema_registry"], "schema registry")
        if not found:
            yield Check("schema registry", "skipped", "none is configured")
        for named, name in found.items():
            found_registry = _guarded(name, lambda named=named: self._registry(named))  # type: ignore[misc]
            yield found_registry
            if found_registry.state == "ok":
                yield _guarded(f"clock {name}", lambda named=named: self._registry_clock(named))  # type: ignore[misc]

    def _registry(self, named: str) -> Finding:
        from kshell.schemas.asking import asking

        registry = self._connections.registries.named(named)
        began = time.monotonic()
        with asking(registry.secret):
            count = len(registry.subjects())
        signed_in = f", signed in with secret {registry.secret}" if registry.secret else ""
        return "ok", f"{registry.url}: {count} subject{'s' if count != 1 else ''} in {time.monotonic() - began:.2f} s{signed_in}", None

    def _registry_clock(self, named: str) -> Finding:
        registry = self._connections.registries.named(named)
        return _clock_against(registry.url, registry.ahead_s)

    # ---- catalogs ----------------------------------------------------------------------------------------------------

    def _catalog_names(self) -> list[str]:
        attached = [a.name for a in self._attaches if a.kind == "iceberg"]
        return list(dict.fromkeys([*self._connections.catalogs, *attached, *self._connections.configured, *_of_pyiceberg(), LOCAL]))

    def _catalog(self, name: str) -> Finding:
        if name == LOCAL and not self._write and not (self._context.data_dir / "iceberg").exists():
            return "ok", f"made on first use in {self._context.data_dir}", None
        began = time.monotonic()
        statement = next((a for a in self._attaches if a.name == name), None)
        if statement is not None and name not in self._connections.catalogs:
            self._connections.attach(statement)
        catalog = self._connections.catalog(name)
        count = len(catalog.lake.tables())
        text = f"{catalog.lake.kind} {catalog.lake.uri}: {count} table{'s' if count != 1 else ''} in {time.monotonic() - began:.2f} s"
        if not self._write or catalog.read_only:
            return "ok", text + (", read-only" if catalog.read_only else ""), None
        self._probe(name)
        return "ok", f"{text}; a table was written, read and dropped", None

    def _probe(self, name: str) -> None:
        from kshell.iceberg.probe import probe

        self._context.engine.need_iceberg()
        cursor = self._context.engine.cursor()
        try:
            probe(self._connections.catalog(name).lake, cursor)
        finally:
            cursor.close()


def _guarded(name: str, look: Callable[[], Finding]) -> Check:
    try:
        state, text, repair = look()
    except CancelledError:
        raise
    except UnreachableError as failed:
        return Check(name, "unreachable", redact(failed.message), redact(failed.hint or "try again when it is back"))
    except Error as failed:
        return Check(name, "failed", redact(failed.message), redact(failed.hint or ""))
    except Exception as defect:  # noqa: BLE001  one check that breaks must not hide the others
        return Check(name, "failed", redact(f"{type(defect).__name__}: {defect}".splitlines()[0]), "this may be a defect of kshell")
    return Check(name, state, redact(text), repair)


def _clock_against(whose: str, ahead_s: float | None) -> Finding:
    """`ahead_s`: how far the other side's clock is ahead of ours."""
    if ahead_s is None:
        return "skipped", f"{whose} does not say what time it is", None
    if abs(ahead_s) <= CLOCK_S:
        return "ok", f"within {CLOCK_S:g} s of {whose}", None
    text = f"clock is {abs(ahead_s):.0f} s {'behind' if ahead_s > 0 else 'ahead of'} {whose}"
    return "failed" if abs(ahead_s) > SINKS_WAIT_S else "warning", text, "set one of the two clocks: check NTP on both sides"


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return ("ok", version, None) if sys.version_info >= _PYTHON else ("failed", version, "kshell needs Python 3.11 or later")


def _duckdb() -> Finding:
    import duckdb

    version = duckdb.__version__
    return ("ok", version, None) if version == DUCKDB_VERSION else ("failed", version, f"pip install duckdb=={DUCKDB_VERSION}")


def _librdkafka() -> Finding:
    from kshell.kafka.versions import librdkafka

    return "ok", librdkafka(), None


def _pyiceberg() -> Finding:
    version = metadata.version("pyiceberg")
    known = tuple(int(part) for part in version.split(".")[:2]) >= _PYICEBERG
    return ("ok", version, None) if known else ("failed", version, "pip install 'pyiceberg[sql-sqlite,pyarrow,pyiceberg-core]>=0.12'")


def _quack() -> Finding:
    try:
        return "ok", f"{metadata.version('duckdb-extension-quack')} is installed", None
    except metadata.PackageNotFoundError:
        return "skipped", "not installed; only serving by quack needs it", f"pip install duckdb-extension-quack=={DUCKDB_VERSION}"


def _of_pyiceberg() -> list[str]:
    try:
        from kshell.iceberg.configured import names

        return names()
    except Exception:  # noqa: BLE001  PyIceberg cannot be loaded: its own check says so
        return []


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f}GB"


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
