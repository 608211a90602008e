"""What clients of PostgreSQL ask before they show a table: the catalog under PostgreSQL's names, and the statements about a session.

    install(engine)          schema kshell_pg: views, macros and types, once per engine (sql/pg)
    canned(text, settings)   SHOW, SET, RESET, DISCARD, DEALLOCATE: answered from the settings of one connection
    rewrite(text)            what stands for PostgreSQL's own schemas, casts and operators, in DuckDB's words
    column_name(name)        what a column is called that the client gave no name
    hint(message)            what to write instead of a function that only PostgreSQL has

Invariant: a text that names nothing of PostgreSQL comes back as it is, and costs a single look."""

from __future__ import annotations

from kshell.serve.pgwire.compat.canned import Canned, canned
from kshell.serve.pgwire.compat.hints import hint, missing
from kshell.serve.pgwire.compat.installed import install
from kshell.serve.pgwire.compat.naming import column_name
from kshell.serve.pgwire.compat.rewriting import rewrite
from kshell.serve.pgwire.compat.settings import SEARCH_PATH, ClientSettings, search_path

__all__ = ["SEARCH_PATH", "Canned", "ClientSettings", "canned", "column_name", "hint", "install", "missing",
           "rewrite", "search_path"]
