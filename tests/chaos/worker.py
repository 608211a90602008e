"""A session in a process of its own, which a test drives: a line of JSON in is SQL, a line of JSON out is its rows or its error.

`python -m tests.chaos.worker <data folder> [broker]`. What the session says beside its rows goes to stderr."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kshell.errors import Error
from kshell.session import Session


def main(data: str, brokers: str | None = None) -> None:
    answers = sys.stdout
    with Session(brokers=brokers, data_dir=Path(data), notes=_say) as session:
        for line in sys.stdin:
            print(json.dumps(_answer(session, json.loads(line)), default=str), file=answers, flush=True)


def _answer(session: Session, text: str) -> dict[str, object]:
    try:
        return {"rows": session.sql(text).fetchall()}
    except Error as error:
        return {"code": error.code, "exit": error.exit, "message": error.message, "hint": error.hint}


def _say(kind: str, text: str) -> None:
    print(f"{kind}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
