"""The errors of the gate: what is refused, where it stands, and what to do instead.

Invariant: for the owner of a read-only session and for a client of a server the same reason has another way out."""

from __future__ import annotations

from kshell.errors import ReadOnlyError
from kshell.gate.judged import READS_FILES, READS_TABLE_FILES, READS_TOPICS

_OWNER = "the session is read-only"
_CLIENT = "clients of a kshell server only read"
_OWNER_HINT = "queries, SHOW, DESCRIBE and TAIL work; start without --read-only for the rest"
_CLIENT_HINT = "SELECT, SHOW, DESCRIBE and TAIL ... LIMIT n work; whoever runs the server does the rest at its prompt or in its script"

# First words of statements that do more than read, DuckDB's and ours.
WORDS = frozenset("""
    INSERT UPDATE DELETE MERGE TRUNCATE REPLACE UPSERT CREATE DROP ALTER COMMENT COPY EXPORT IMPORT ATTACH DETACH INSTALL LOAD SET
    RESET USE PRAGMA CALL CHECKPOINT FORCE VACUUM ANALYZE REINDEX CLUSTER GRANT REVOKE PREPARE EXECUTE DEALLOCATE BEGIN START COMMIT
    END ROLLBACK ABORT SAVEPOINT RELEASE PAUSE RESUME FLUSH WAIT REFRESH OPTIMIZE REPLAY DECLARE FETCH CLOSE LISTEN NOTIFY LOCK DO
    """.split())  # noqa: SIM905  as one list it is read at a glance

# What a client means by a word, and has by other means.
_INSTEAD = {
    "COPY": "run the query and let the client write what it gives",
    "EXPORT": "run the queries and let the client write what they give",
    "CALL": "SELECT * FROM reads the functions that only tell something",
    "PRAGMA": "SHOW, DESCRIBE and FROM pragma_table_info('name') tell of tables",
    "BEGIN": "each statement reads one moment by itself", "START": "each statement reads one moment by itself",
    "COMMIT": "each statement reads one moment by itself", "ROLLBACK": "each statement reads one moment by itself",
    "PREPARE": "run the query itself", "EXECUTE": "run the query itself", "DEALLOCATE": "run the query itself",
    "USE": "write the names in full: FROM catalog.schema.table",
    "CHECK": "CHECK SINK runs at the server's own prompt, and in `kshell verify`",
    "VERIFY": "CHECK SINK runs at the server's own prompt, and in `kshell verify`",
    "PRINT": "TAIL source LIMIT n shows rows as they arrive",
}


def of_word(word: str, *, remote: bool, position: int = 0) -> ReadOnlyError:
    """A statement that begins with a word that does not only read."""
    message = f"{_CLIENT}: {word} is refused" if remote else _OWNER
    hint = (_INSTEAD.get(word) or _CLIENT_HINT) if remote else _OWNER_HINT
    return ReadOnlyError(message, hint=hint, position=position, length=max(1, len(word)))


def of_statement(reason: str, hint: str | None, *, remote: bool, position: int | None = None, length: int = 1) -> ReadOnlyError:
    return ReadOnlyError(f"{_CLIENT if remote else _OWNER}: {reason}", hint=hint or (_CLIENT_HINT if remote else _OWNER_HINT),
                         position=position, length=length)


def of_function(name: str, said: str, *, remote: bool, position: int | None) -> ReadOnlyError:
    if not remote:
        hint = _OWNER_HINT
    elif name in READS_TOPICS:
        hint = "CREATE SOURCE name FROM KAFKA, by whoever runs the server, keeps a topic live: then FROM name reads it"
    elif name in READS_FILES:
        hint = f"whoever runs the server makes a table of it before it serves: CREATE TABLE name AS FROM {name}(...)"
    elif name in READS_TABLE_FILES:
        hint = "name the table itself: FROM name, FROM lake.name or FROM catalog.schema.table"
    else:
        hint = _CLIENT_HINT
    return of_statement(f"{name} {said}", hint, remote=remote, position=position, length=len(name))
