"""The session: the composition root. It owns DuckDB, the connections, the sources, the sinks and their threads, and carries out statements.

Does: dispatch. Does not: know a terminal, a flag or an output mode.
Invariant: one statement at a time; `interrupt()` from any thread ends it within a second; closing flushes, or says what is not
committed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from kshell import lang, sqlfile
from kshell.columns import literal, quote
from kshell.engine import OWN_SCHEMAS, QUACK, Engine
from kshell.errors import BadValueError, CancelledError, Error, NotFoundError, RefusedError
from kshell.gate import permitted
from kshell.iceberg.patience import patient
from kshell.lang.statements import Attach, CheckSink, Describe, DuckStatement, Print, Set, Show, ShowCreate, Statement, Tail
from kshell.lang.tokens import leading_words
from kshell.options import Lookup
from kshell.places import data_folder
from kshell.query.kafka_scan import KafkaTables
from kshell.query.reads import reads
from kshell.query.result import Result
from kshell.query.runner import Runner
from kshell.session import collect, configured, metrics, waits
from kshell.session.connections import Connections
from kshell.session.context import Context, Notes
from kshell.session.lakes import LakeViews
from kshell.session.metrics import Sample
from kshell.session.owned import refuse_change
from kshell.session.placed import told
from kshell.session.registered import register
from kshell.session.secrets import Secrets
from kshell.session.serving import Servers, Serving
from kshell.session.show import Shower
from kshell.session.sinks import Sinks
from kshell.session.sources import Sources
from kshell.session.statements import Statements
from kshell.session.status import Names, Pending, Status
from kshell.session.systables import SystemTables
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.config import Config
    from kshell.kafka.cluster import Cluster
    from kshell.options import Parsed
    from kshell.schemas.registry import SchemaRegistry
    from kshell.session.doctor import Doctor
    from kshell.session.remote import Remote
    from kshell.session.verify import Definitions

_REMOTE = re.compile(r"'(?:s3|s3a|gs|gcs|r2|https?)://|\bsecret\b.*\btype\s+'?(?:s3|gcs|r2|http)\b", re.DOTALL)
_QUACK = re.compile(r"'quack:|\btype\s+'?quack\b|\bquack_query\b")
_ALL_TABLES = re.compile(r"\s*SHOW\s+ALL\s+TABLES\s*;?\s*", re.IGNORECASE)
_LISTED = f"FROM (SHOW ALL TABLES) WHERE schema NOT IN {OWN_SCHEMAS}"
_SYSTEM = re.compile(r"\bkshell\s*\.|\bkshell_servers\b", re.IGNORECASE)
_READS = (Show, ShowCreate, Describe, CheckSink, Tail, Print)


def _closed() -> RefusedError:
    return RefusedError("the session is closed", hint="kshell.connect() opens another")


class Session:
    """`notes` gets ("note" or "warning", one line) from any thread. `data_dir`: where the embedded catalog lives; by default KSHELL_DATA,
    else the data folder of the system. `config`: what a configuration file, the environment and flags come to; its brokers are connected
    at once, or with `connect` false when `begin_connecting` says so or a statement needs them."""

    def __init__(self, *, brokers: str | None = None, read_only: bool = False, interactive: bool = False, notes: Notes | None = None,
                 data_dir: Path | None = None, config: Config | None = None, connect: bool = True) -> None:
        self.interactive = interactive
        self._config = config
        self._profiles = _profiles(config)
        self._engine = Engine()
        self._scans = KafkaTables(_Topics(self), lambda line: self._context.warn(line))
        self._runner = Runner(self._engine, rewriter=self._scans, topics=lambda: self._connections.topics_for_hints())
        self._context = Context(self._engine, self._runner.cursor, notes or (lambda kind, text: None), data_dir or default_data_dir())
        self._secrets = Secrets(self._context)
        self._connections = Connections(self._context, self._secrets)
        self.read_only = read_only
        if config is not None and config["read_only"]:
            self._connections.seal()              # also for what runs before the gate closes: an init script may make views, but no sink
        self._sources = Sources(self._context, self._connections)
        self._sinks = Sinks(self._context, self._connections, self._sources)
        self._runner.cursor.execute(sqlfile.render("system/macros.sql"))
        self._lakes = LakeViews(self._engine, self._connections)
        self._shower = Shower(self._connections, self._sources, self._sinks, self._runner.run, self._context.cancel.check,
                                self._secrets, self._context.note)
        self._serving = Serving(self._context, self.lock_files, lambda: self.files_locked)
        self._tables = SystemTables(self._engine, lambda: collect.tables(self._connections, self._sources, self._sinks, self._secrets,
                                                                         self.metrics(), self._serving.servers))
        self._runner.cursor.execute(sqlfile.render("system/servers.sql"))
        self._closed = False
        self._statements = Statements(self._context, self._engine, self._runner, self._connections, self._sources, self._sinks, self._lakes,
                                      self._shower, self._secrets, self._serving)
        try:
            if config is not None:
                configured.apply(config, self._context, self._connections, self._secrets, connect=connect)
                self._sources.limit(self._context.settings.buffer_bytes)
            if brokers:
                self._connections.attach_address(configured.BROKERS, brokers)
        except BaseException:
            self.close(flush=False)
            raise

    # ---- statements --------------------------------------------------------------------------------------------------

    def execute(self, statement: Statement) -> Result:
        """Carry out one statement on the calling thread. Rows are read later, from the Result. No error of it tells a secret."""
        try:
            with patient(self._context.cancel.check, self._context.settings.timeout):
                return self._executed(statement)
        except duckdb.InterruptException:     # in a question of ours about the statement
            raise CancelledError("interrupted") from None
        except Error as error:
            raise told(error, statement.text) from None

    def _executed(self, statement: Statement) -> Result:
        if self._closed:
            raise _closed()
        self._context.cancel.begin()
        if not self._context.settings.grammar and not isinstance(statement, Set):
            statement = DuckStatement(text=statement.text)
        if self.read_only:
            self._runner.free()
            permitted(self._runner.cursor, statement.text)
        if isinstance(statement, DuckStatement):
            return self._duck(statement)
        self._refuse_inside_transaction(statement)
        self._runner.free()
        try:
            self._tables.refresh()
            return self._statements.run(statement)
        finally:
            self._tables.refresh()

    @property
    def read_only(self) -> bool:
        """Whether only what reads is carried out. It stays so once it is said."""
        return self._scans.only_reads

    @read_only.setter
    def read_only(self, closed: bool) -> None:
        if closed:
            self._connections.seal()
        self._scans.only_reads = closed

    @property
    def engine(self) -> Engine:
        """The one DuckDB, for servers: whose catalog needs more than ours, or whose statements it runs by itself."""
        return self._engine

    def remote(self) -> Remote:
        """What another client of this process reads through, on threads of its own. Whoever asks for it closes it."""
        from kshell.session.remote import Remote

        if self._closed:
            raise _closed()
        return Remote(self._context, self._connections, self._sources, self._sinks, self._secrets, self._lakes, self._tables.refresh)

    def sql(self, text: str) -> Result:
        """All statements of a text, in order; the result of the last one."""
        last = Result.done()
        for piece in lang.split(text):
            if piece.kind == "dot":
                raise BadValueError(f"{piece.text.split()[0]} is a command of the shell, not a statement",
                                    hint="run it at the prompt or in a script")
            last.close()
            last = self.execute(lang.parse(piece.text))
        return last

    def run_file(self, path: str) -> None:
        """The statements of a script; commands of the shell are not for here."""
        try:
            text = Path(path).read_text("utf-8-sig")
        except OSError as failed:
            raise NotFoundError(f"{path}: {failed.strerror}", hint="init names a script that exists") from None
        self.sql(text).close()

    def interrupt(self) -> None:
        """End the running statement with CancelledError, from any thread. Ingestion and commits go on."""
        self._context.cancel.cancel()
        with self._context.steady:
            self._runner.interrupt()
        self._statements.tails.interrupt()
        self._connections.cancel()

    def begin_connecting(self) -> None:
        """Connect the configured brokers in the background. What comes of it shows in `status()`, and as a warning where it fails."""
        self._connections.begin()

    def failure(self) -> Error | None:
        """Why a source or a sink has given up for good, from any thread; None: none has."""
        found = [source.ingest.failure for source in self._sources] + [sink.flusher.failure for sink in self._sinks if sink.flusher]
        return next((failed for failed in found if failed is not None), None)

    def progress(self) -> float | None:
        """How much of the running statement is done, 0 to 1, from any thread: of the topic it reads, then of its query. None: not known."""
        read = self._scans.running
        return read.fraction if read is not None else self._runner.progress()

    def _duck(self, statement: DuckStatement) -> Result:
        if _SYSTEM.search(statement.text):
            self._tables.refresh()
        self._need_extensions(statement.text.lower())
        settings = self._context.settings
        if settings.grammar:
            refuse_change(statement.text, self._owned())
        self._lakes.prepare(statement.text)
        try:
            text = _LISTED if _ALL_TABLES.fullmatch(statement.text) else statement.text
            result = self._runner.run(text, timeout_s=settings.statement_timeout, rewrite=settings.grammar)
        except Error as error:
            raise self._lakes.explained(error) from None
        if leading_words(statement.text, 1) == ("USE",):
            self._keep_in_reach()
        if result.plan and self._sources.names():
            read = self.about(statement.text)
            if read.sources:
                self._context.note(collect.freshness(read))
        return result

    def _need_extensions(self, text: str) -> None:
        """What DuckDB would load by itself if it were allowed to."""
        if "iceberg" in text:
            self._engine.need_iceberg()
        if _REMOTE.search(text):
            self._engine.need("httpfs")
        if _QUACK.search(text):
            self._engine.need("httpfs", QUACK)

    def _keep_in_reach(self) -> None:
        """After USE other_db the names of sources still resolve."""
        found = self._runner.cursor.execute("SELECT current_setting('search_path')").fetchone()
        path = str(found[0]) if found else ""
        if path and "memory.main" not in path:
            self._runner.cursor.execute(f"SET search_path = {literal(path + ',memory.main')}")

    def _refuse_inside_transaction(self, statement: Statement) -> None:
        if isinstance(statement, _READS) or not self._context.in_transaction():
            return
        raise RefusedError("kshell's statements are not transactional",
                           hint="COMMIT or ROLLBACK first", position=0, length=len(statement.text.split()[0]))

    # ---- Python ------------------------------------------------------------------------------------------------------

    def lock_files(self, keep_out: Sequence[Path] = ()) -> tuple[str, ...]:
        """Close the process's files, as whoever serves must: DuckDB keeps the directories of the tables in use, which are returned.
        It cannot be undone; said again, it changes nothing. RefusedError where one holds what no reader may reach, such as `keep_out`."""
        from kshell.session import locked

        reached = [path for path in keep_out if self._engine.allowed is not None and self._engine.may_use(str(path))]
        if reached:
            raise RefusedError(f"{reached[0]} lies where clients read tables", hint="keep it in another folder")
        if self._engine.allowed is None:
            locked.require_no_open_secret(self._engine)
            self._engine.lock(locked.directories(self._connections, self._sinks, self._lakes, self._secrets, keep_out))
        return self._engine.allowed or ()

    def definitions(self) -> Definitions:
        """Reads a script's definitions without making anything of them, for `kshell verify`."""
        from kshell.session.verify import Definitions

        return Definitions(self._context, self._engine, self._connections, lambda statement: self.execute(statement).close())

    def doctor(self, attaches: Sequence[Attach] = (), *, write: bool = False) -> Doctor:
        """What `kshell doctor` asks, of a session that has connected nothing yet, and `.doctor` of one that has."""
        from kshell.session.doctor import Doctor

        return Doctor(self._context, self._connections, self.config, write=write, attaches=attaches)

    @property
    def config(self) -> Config:
        """What the session was opened with, or has been switched to."""
        if self._config is None:
            from kshell.config import load

            self._config = load()
        return self._config

    def switch(self, config: Config) -> None:
        """To another profile: its brokers and catalogs take the place of the configured ones. Tables, variables and whatever else is
        attached stay. ConflictError, and nothing has changed, where a source or a sink stands on what would go."""
        configured.switch(config, self.config, self._context, self._connections, self._secrets, self._statements.users)
        self._sources.limit(self._context.settings.buffer_bytes)
        self._config = config

    def set_variable(self, name: str, value: str) -> None:
        self._runner.run(f"SET VARIABLE {quote(name)} = {literal(value)}").close()

    def register(self, name: str, table: Any) -> None:
        """Copy an Arrow table, a pandas or a polars frame into a table of this name, so that every cursor sees it."""
        if self._closed:
            raise _closed()
        register(self._engine, name, table, self._owned())

    def _owned(self) -> list[str]:
        """The names whose views and macros belong to sources and sinks."""
        return [*self._sources.names(), *(s.name for s in self._sinks if s.select)]

    @property
    def ask(self) -> Callable[[str], str]:
        """Puts a question to the user and gives the answer, typed without echo. Set by whoever has a terminal."""
        return self._context.ask

    @ask.setter
    def ask(self, ask: Callable[[str], str]) -> None:
        self._context.ask = ask

    def tell(self, kind: str, text: str) -> None:
        """One line for whoever runs the process: "note", "warning" or, for those who want to know more, "info"."""
        self._context.tell(kind, text)

    @property
    def confirm(self) -> Callable[[str], bool]:
        """Puts a yes-or-no question to the user before something that cannot be undone. Set by whoever has a terminal."""
        return self._context.confirm

    @confirm.setter
    def confirm(self, confirm: Callable[[str], bool]) -> None:
        self._context.confirm = confirm

    @property
    def servers(self) -> Servers:
        """Through which other clients of the process read. Set by whoever has made the session; it closes them."""
        return self._serving.servers

    @servers.setter
    def servers(self, servers: Servers) -> None:
        self._serving.servers = servers

    @property
    def files_locked(self) -> bool:
        """Whether SQL is kept out of all files but those of tables."""
        return self._engine.allowed is not None

    def serve(self, kind: str, given: Parsed) -> None:
        """Start a server with these arguments of kshell_serve, also where statements may only read."""
        self._serving.start(kind, given)

    # ---- about itself ------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        return collect.status(self._connections, self._sources, self._sinks)

    def metrics(self) -> list[Sample]:
        """What `kshell.metrics` lists, from any thread."""
        return metrics.samples(self._sources, self._sinks, self.servers)

    def about(self, text: str) -> Status:
        """The part of `status()` that a statement reads, also through the user's views and macros."""
        now = self.status()
        if not now.sources:
            return Status()
        with closing(self._engine.cursor()) as cursor:
            return now.about(reads(cursor, text, {*self._sources.names(), *self._sinks.names(), *(s.reads for s in now.sinks)}))

    def names(self) -> Names:
        return Names(tuple(self._connections.cluster_names()), tuple(self._connections.catalogs), dict(self._connections.topics),
                     tuple(self._sources.names()), tuple(self._sinks.names()), self._lakes.relations(), self._profiles)

    def pending(self) -> Sequence[Pending]:
        """Sinks with rows that are decoded and not in their table."""
        return [Pending(s.name, s.pending_rows) for s in self.status().sinks if s.pending_rows]

    # ---- end ---------------------------------------------------------------------------------------------------------

    def close(self, flush: bool = True, timeout_s: float = 10.0) -> list[str]:
        """End every thread. Returns lines that name what is not committed; those records stay in Kafka, the next start reads them again."""
        if self._closed:
            return []
        self._closed = True
        self._serving.servers.close()
        self._statements.tails.close()
        self._context.cancel.begin()
        ends = time.monotonic() + timeout_s
        if flush:
            failpoint("shutdown.before_flush")
            self._flush_for_leaving(timeout_s)
            failpoint("shutdown.after_flush")
        lines = self._left_behind()
        self._sinks.close(timeout_s=max(1.0, ends - time.monotonic()))
        stopping = threading.Thread(target=self._stop_everything, name="kshell-close", daemon=True)
        stopping.start()
        stopping.join(5.0)                    # a broker or catalog that hangs is left behind: nothing is owed to it
        return lines

    def _flush_for_leaving(self, timeout_s: float) -> None:
        for entry in self._sinks:
            if entry.flusher is not None and entry.flusher.status().pending_rows:
                try:
                    waits.flush(self._context, [entry], timeout_s)
                except Error as error:
                    self._context.warn(f"sink {entry.name}: {error.message}")

    def _left_behind(self) -> list[str]:
        lines = []
        for entry in self._sinks:
            ranges = waits.not_committed(entry)
            rows = entry.flusher.status().pending_rows if entry.flusher is not None else 0
            if ranges and rows:
                lines.append(f"{entry.name}: {rows} rows not committed: {', '.join(ranges)}")
        return lines

    def _stop_everything(self) -> None:
        self._tables.close()
        self._sources.close()
        self._connections.close()
        self._runner.close()
        self._engine.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Topics:
    """The clusters of a session, for `kafka_scan` and its kin."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def connections(self) -> Sequence[str]:
        return self._session._connections.cluster_names()

    def cluster(self, name: str | None) -> Cluster:
        return self._session._connections.cluster(name)

    def resolve(self, lookup: Lookup) -> Any:
        return self._session._context.resolve(lookup)

    def registry(self, named: str | None, cluster: str) -> SchemaRegistry | None:
        return self._session._connections.registry(named, cluster)

    def listing(self, function: str, argument: str | None) -> Result:
        return self._session._shower.listing(function, argument)


def default_data_dir() -> Path:
    return data_folder()


def _profiles(config: Config | None) -> tuple[str, ...]:
    if config is None or config.path is None:
        return ()
    from kshell.config import profiles

    return tuple(profiles(config.path))


__all__ = ["NotFoundError", "Session", "default_data_dir"]
