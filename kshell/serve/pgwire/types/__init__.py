"""DuckDB's types in PostgreSQL's protocol: what a column is called, how its values are written, how parameters are read.

Invariant: a value keeps its meaning in both formats, or the answer is an error; the only exceptions are PostgreSQL's own bounds: times
have microseconds (nanoseconds are cut off), and text has no NUL character (U+FFFD stands for it)."""

from kshell.serve.pgwire.types.copy import CopyEncoder
from kshell.serve.pgwire.types.oids import PgType, pg_type
from kshell.serve.pgwire.types.parameters import parameter, sample
from kshell.serve.pgwire.types.rows import RowEncoder

__all__ = ["CopyEncoder", "PgType", "RowEncoder", "parameter", "pg_type", "sample"]
