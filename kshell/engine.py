"""The one DuckDB of a process: opened safely, extensions from their wheels, a cursor for each that runs beside another.

Invariant: one cursor runs one statement at a time; `publish_lock` is held by whoever changes views that readers see, because two
unlocked CREATE OR REPLACE VIEW of one view are a write-write conflict."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path

import duckdb

from kshell.columns import literal
from kshell.errors import RefusedError
from kshell.mapped import give_back_code
from kshell.places import lies_under

DUCKDB_VERSION = "1.5.5"
_ORDER = ("avro", "iceberg", "httpfs")         # iceberg does not load before avro
BUFFER_SCHEMA = "kshell_buffer"
# what stands for PostgreSQL's catalog, in a process that has served its clients; no list of the user's relations has these
CATALOG_SCHEMA, INFORMATION_SCHEMA = "kshell_pg", "kshell_pg_information"
OWN_SCHEMAS = (BUFFER_SCHEMA, CATALOG_SCHEMA, INFORMATION_SCHEMA)
_FLUSHES = ("allocator_flush_threshold", "allocator_bulk_deallocation_flush_threshold")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3      # parameters of glibc's mallopt
_OWN_MAPPING_BYTES = 256 * 1024                # a block of DuckDB; what is as large goes back to the system when it is freed
_KEPT_BYTES = 1024 * 1024                      # that an allocator holds on to
_TIGHT_BYTES = 64_000_000                      # of buffers up to which nothing more is kept
_AMPLE_BYTES = 1_000_000_000                   # from which on what is kept grows no further
_SHARE = 64
QUACK = "quack"                                # of an extra; it takes its random numbers from httpfs
QUACK_GATE, QUACK_LOGIN = "kshell_gate", "kshell_gate_login"      # what the quack extension asks; without them it lets nobody in
# What is still set when the configuration is locked. A reader's own: TimeZone (search_path is never locked). Ours: how the cursor that
# writes Parquet gives its rows (`export_cursor`), how errors come and that DuckDB prints no bar (`cursor`), what allocators keep
# (`buffers_may_hold`).
_STAY_OPEN = ("TimeZone", "arrow_lossless_conversion", "arrow_large_buffer_size", "errors_as_json", "enable_progress_bar_print", *_FLUSHES)
# After a start. Modules are imported and extensions loaded soon; what clients need to connect is over later, when a buffer of
# some dozen megabytes can be full on top of all the code.
_SETTLED_S = (0.3, 2.0)

_OWNERS: weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, Engine] = weakref.WeakKeyDictionary()


def engine_of(cursor: duckdb.DuckDBPyConnection) -> Engine | None:
    """Whose cursor it is; None: not one that `Engine.cursor` handed out."""
    return _OWNERS.get(cursor)


class Engine:
    """Owns the in-memory database. Every thread takes its own `cursor()`."""

    def __init__(self, *, threads: int | None = None, memory_limit: str | None = None) -> None:
        _keep_freed_memory(_KEPT_BYTES, _OWN_MAPPING_BYTES)
        self._spill = tempfile.TemporaryDirectory(prefix="kshell-spill-")
        os.chmod(self._spill.name, 0o700)
        config: dict[str, str | bool | int | float | list[str]] = {
            "allow_unsigned_extensions": "false", "allow_community_extensions": "false",
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
            "allow_persistent_secrets": "false",
            # a checkpoint in the middle of ingestion stalls appends for hundreds of milliseconds, and segments end by DROP anyway
            "checkpoint_threshold": "100GB",
            # dropped segments and finished appends go back to the system at once, not when 128 MB of them have come together
            **dict.fromkeys(_FLUSHES, f"{_KEPT_BYTES}B"), "allocator_background_threads": "true",
            "python_enable_replacements": "false", "temp_directory": self._spill.name,
        }
        # one core is left to those who fetch and decode: with all of them an INSERT of ingestion costs a third more
        config["threads"] = str(threads or max(1, (os.cpu_count() or 2) - 1))
        if memory_limit:
            config["memory_limit"] = memory_limit
        self._root = duckdb.connect(":memory:", config=config)
        self._loaded: set[str] = set()
        self._load_lock = threading.Lock()
        self._settling: threading.Event | None = None     # set: no more
        self.publish_lock = threading.RLock()
        self.allowed: tuple[str, ...] | None = None    # the directories DuckDB may still use; None: all, and nothing is locked
        for schema in (BUFFER_SCHEMA, "live", "lake", "kshell"):
            self._root.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")

    def cursor(self) -> duckdb.DuckDBPyConnection:
        made = self._ours(self._root.cursor())
        _OWNERS[made] = self
        return made

    def export_cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor whose Arrow output PyIceberg accepts: zone UTC, UUID and BLOB kept as such, and the large types that it writes, so that
        no column is copied into them. No setting reaches other cursors."""
        cursor = self._ours(self._root.cursor())
        cursor.execute("SET SESSION TimeZone = 'UTC'")
        cursor.execute("SET SESSION arrow_lossless_conversion = true")
        cursor.execute("SET SESSION arrow_large_buffer_size = true")
        return cursor

    def _ours(self, cursor: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """Errors come with their place, which only we can read: what an extension says to its clients stays text. Where the main module
        is no file (python -c, a notebook) DuckDB prints a bar into standard output after two seconds of a query, whatever its setting
        enable_progress_bar says."""
        cursor.execute("SET SESSION errors_as_json = true")
        if not hasattr(sys.modules.get("__main__"), "__file__"):
            cursor.execute("SET SESSION enable_progress_bar_print = false")
        return cursor

    def need(self, *extensions: str) -> None:
        """Load DuckDB's signed extension binaries, each once and only when first needed."""
        with self._load_lock:
            for name in sorted(extensions, key=(*_ORDER, QUACK).index):
                if name not in self._loaded:
                    self._root.execute(f"LOAD {literal(str(_binary(name)))}")
                    self._loaded.add(name)

    def buffers_may_hold(self, bytes_: int) -> None:
        """All live rows of the process. Where that is little, freed memory goes back at once. Where it is much, each allocator keeps some:
        a page that is given back and comes again costs half a microsecond, which at full speed adds a fifth to what an event costs."""
        beyond = max(0, min(bytes_, _AMPLE_BYTES) - _TIGHT_BYTES) // _SHARE
        kept = _KEPT_BYTES + beyond
        _keep_freed_memory(kept, _OWN_MAPPING_BYTES + beyond)
        with self._root.cursor() as cursor:
            for flush in _FLUSHES:
                cursor.execute(f"SET GLOBAL {flush} = '{kept}B'")

    def need_quack(self) -> None:
        """Before the configuration is locked, which does it where the extension is there. Whoever serves makes the two functions."""
        if self.allowed is not None and QUACK in self._loaded:
            return
        self.need("httpfs", QUACK)
        with self._root.cursor() as cursor:
            cursor.execute(f"SET GLOBAL quack_authorization_function = {literal(QUACK_GATE)}")
            cursor.execute(f"SET GLOBAL quack_authentication_function = {literal(QUACK_LOGIN)}")

    def need_iceberg(self) -> None:
        self.need("avro", "iceberg")

    def lock(self, directories: Iterable[str]) -> None:
        """From here on DuckDB uses files under these directories alone, and no setting changes but those of `_STAY_OPEN`. It holds for the
        whole process and for good; said again, it changes nothing. In a directory that is allowed DuckDB may also write."""
        self.need(*_ORDER)                        # an extension is a file elsewhere
        if self.allowed is None and _is_there(QUACK):
            self.need_quack()
        with self._load_lock, self._root.cursor() as cursor:
            if self.allowed is not None:
                return
            allowed = tuple(dict.fromkeys(directories))
            cursor.execute(f"SET GLOBAL allowed_configs = {_list(_STAY_OPEN)}")
            cursor.execute(f"SET GLOBAL allowed_directories = {_list(allowed)}")
            cursor.execute("SET GLOBAL enable_external_access = false")
            cursor.execute("SET GLOBAL lock_configuration = true")
            self.allowed = allowed

    def may_use(self, location: str) -> bool:
        """Whether DuckDB may read what lies there."""
        return self.allowed is None or lies_under(location, self.allowed)

    def settle(self) -> None:
        """What goes on for long was started: give back the code that only its start needed. Not at once, and never in a process that
        ends before."""
        if self._settling is not None:
            self._settling.set()
        self._settling = over = threading.Event()
        threading.Thread(target=_settle, args=(over,), name="kshell-settle", daemon=True).start()

    def interrupt_all(self) -> None:
        self._root.interrupt()

    def close(self) -> None:
        if self._settling is not None:
            self._settling.set()
        self._root.close()
        self._spill.cleanup()


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(literal(value) for value in values)}]"


def _settle(over: threading.Event) -> None:
    before = 0.0
    for moment in _SETTLED_S:
        if over.wait(moment - before):
            return
        give_back_code()
        before = moment


def _keep_freed_memory(kept: int, own_mapping: int) -> None:
    """Ingestion and commits allocate and free tens of megabytes at a time, on many threads. Left to themselves the allocators keep what
    was freed, each for itself: 150 MB that no budget counts. A budget is about what the process holds, so they are told what to keep."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)      # elsewhere than glibc there is none
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, own_mapping)
        mallopt(_TRIM_THRESHOLD, kept)


def give_back() -> None:
    """Return freed memory to the system now, also from the middle of the heap: before and after work that takes tens of megabytes. It
    costs a millisecond or two."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(f"duckdb_extension_{name}") is not None


def _binary(name: str) -> Path:
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if path.exists():
            return path
    raise RefusedError(f"the {name} extension is not available for this platform",
                       hint=f"pip install duckdb-extension-{name}=={DUCKDB_VERSION}, or INSTALL {name} in DuckDB {DUCKDB_VERSION}")
