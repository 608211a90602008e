"""A session in a process of its own, which a test drives: a line of JSON in is SQL, a line of JSON out is its rows or its error.

`python -m tests.chaos.worker <data folder> [broker]`. What the session says beside its rows goes to stderr. With CHAOS_TOUCH_CODE=1 all
code of its libraries is resident at first, as where their files were just installed: the kernel maps those in pieces of up to 2 MB."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import sys
from pathlib import Path

from kshell import mapped
from kshell.errors import Error
from kshell.session import Session


def main(data: str, brokers: str | None = None) -> None:
    answers = sys.stdout
    if os.environ.get("CHAOS_TOUCH_CODE"):
        _touch_code()
    with Session(brokers=brokers, data_dir=Path(data), notes=_say) as session:
        for line in sys.stdin:
            print(json.dumps(_answer(session, json.loads(line)), default=str), file=answers, flush=True)


def _answer(session: Session, text: str) -> dict[str, object]:
    try:
        return {"rows": session.sql(text).fetchall()}
    except Error as error:
        return {"code": error.code, "exit": error.exit, "message": error.message, "hint": error.hint}


def _touch_code() -> None:
    import confluent_kafka  # noqa: F401  so that its library is there
    import pyarrow.compute  # noqa: F401

    with open("/proc/self/maps", encoding="utf-8") as lines:
        found = [mapped._mapping(*line.split(" ", 1)) for line in lines]
    for mapping in filter(None, found):
        for start, length in mapped.parts(mapping, mapped.constant(mapping.path)):
            for page in range(start, start + length, mmap.PAGESIZE):
                ctypes.string_at(page, 1)


def _say(kind: str, text: str) -> None:
    print(f"{kind}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
