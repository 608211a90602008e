"""What clients of PostgreSQL ask before they show a table: the catalog under PostgreSQL's names, and the statements about a session.

    install(engine)          schema kshell_pg: views, macros and types, once per engine (sql/pg)
    canned(text, settings)   SHOW, SET, RESET, DISCARD, DEALLOCATE: answered from the settings of one connection
    rewrite(text)            what stands for PostgreSQL's own schemas, casts and operators, in DuckDB's words
    hint(message)            what to write instead of a function that only PostgreSQL has

Invariant: a text that names nothing of PostgreSQL comes back as it is, and costs a single look."""

from __future__ import annotations

from kshell.serve.pgwire.compat.canned import Canned, canned
from kshell.serve.pgwire.compat.hints import hint, note_missing
from kshell.serve.pgwire.compat.installed import INFORMATION_SCHEMA, SCHEMA, install
from kshell.serve.pgwire.compat.rewriting import rewrite
from kshell.serve.pgwire.compat.settings import SEARCH_PATH, ClientSettings, search_path

__all__ = ["INFORMATION_SCHEMA", "SCHEMA", "SEARCH_PATH", "Canned", "ClientSettings", "canned", "hint", "install", "note_missing",
           "rewrite", "search_path"]
