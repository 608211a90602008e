"""kshell's SQL surface as text: splitting, parsing, declared options, answers to other dialects, and statements written back.

Invariant: nothing here touches Kafka, a catalog or the session; text goes in, values or an error with its place come out."""

from kshell.lang.parser import parse
from kshell.lang.splitter import Piece, is_complete, split

__all__ = ["Piece", "is_complete", "parse", "split"]
