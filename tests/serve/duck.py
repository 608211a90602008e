"""Another DuckDB, in a process of its own, that reads what a kshell server offers over Quack.

`Duck()` is its driver; this file, run as a program, the process: a line of JSON in is SQL, a line of JSON out its rows or its error.
Invariant: it ends with its test: it reads from a pipe that only the test holds open."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TOKEN = "a token of the tests"
ATTACH = f"ATTACH '{{}}' AS k (TYPE quack, TOKEN '{TOKEN}')"


class Refused(Exception):
    """What the client's user reads."""


class Duck:
    """`python`: of an installation with another DuckDB, whose extensions DuckDB itself has installed."""

    def __init__(self, python: str = sys.executable) -> None:
        own = {"PYTHONPATH": str(Path(__file__).parents[2])} if python == sys.executable else {}
        self._process = subprocess.Popen([python, __file__], env={**os.environ, **own}, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, text: str, *, rows: int | None = None) -> None:
        """Without waiting for what it says. `rows`: read no more of the result, and leave it open."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([text, rows]) + "\n")
        self._process.stdin.flush()

    def sql(self, text: str, *, rows: int | None = None) -> list[list[Any]]:
        self.send(text, rows=rows)
        return self.answer()

    def answer(self) -> list[list[Any]]:
        """What it says to the oldest text that was sent."""
        assert self._process.stdout is not None
        answer = json.loads(self._process.stdout.readline())
        if isinstance(answer, str):
            raise Refused(answer)
        return list(answer)

    def there(self, text: str) -> list[list[Any]]:
        """Run on the other side, as it is."""
        return self.sql("FROM k.query('{}')".format(text.replace("'", "''")))

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30.0)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def main() -> None:
    import duckdb

    # what is trusted is of no interest here, and to look at 60 MB of signatures takes half a second
    database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for name in ("httpfs", "quack"):
        package = importlib.util.find_spec(f"duckdb_extension_{name}")
        folder = Path(str(package.origin)).parent / "extensions" / f"v{duckdb.__version__}" if package else None
        database.execute(f"LOAD '{folder / f'{name}.duckdb_extension' if folder else name}'")
    for line in sys.stdin:
        text, rows = json.loads(line)
        answer: object
        try:
            database.execute(text)
            answer = database.fetchall() if rows is None else database.fetchmany(rows)
        except duckdb.Error as error:
            answer = str(error)
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main()
