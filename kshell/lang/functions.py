"""The functions that kshell adds to SQL, with what their arguments are.

Invariant: what stands here is what `sql/` and the rewriting of kafka_scan carry out; a test compares the names."""

from __future__ import annotations

from dataclasses import dataclass

from kshell.lang.declared import KAFKA_SCAN

SOURCE = "<source>"                           # stands for the name of any source


@dataclass(frozen=True, slots=True)
class Argument:
    name: str
    takes: str
    meaning: str
    named: bool = True                        # written `name := value`; False: by its place


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    kind: str                                 # scalar or table
    arguments: tuple[Argument, ...]
    meaning: str

    @property
    def call(self) -> str:
        return f"{self.name}({', '.join(f'{a.name} := ...' if a.named else a.name for a in self.arguments)})"


_TIME = "TIMESTAMP '...' or INTERVAL '...' (that long ago)"
FUNCTIONS = (
    Function("kafka_scan", "table",
             (Argument("topic", "the name of a topic", "the topic", named=False),
              *(Argument(name, takes, meaning) for name, takes, _, meaning in KAFKA_SCAN.rows())),
             "reads a bounded piece of a topic once: no registration, no group"),
    Function("kafka_header", "scalar",
             (Argument("headers", "_kafka_headers", "the headers of a record", named=False),
              Argument("name", "a string", "the name of a header", named=False)),
             "the last value of a header as text, NULL where there is none"),
    Function("kshell_servers", "table", (), "the servers of this process and what they count, as SHOW SERVERS EXTENDED lists them"),
    Function(SOURCE, "table",
             (Argument("since", _TIME, "rows from this time on"),
              Argument("until", _TIME, "rows before this time"),
              Argument('"partition"', "a partition or a list of partitions", "only these partitions"),
              Argument("start", "an offset or MAP {partition: offset}", "first offset, inclusive"),
              Argument("stop", "an offset or MAP {partition: offset}", "last offset, exclusive"),
              Argument("tier", "live or lake", "only one of the two"),
              Argument("last", "a whole number", "the newest n rows")),
             "the rows of a source as a table function, narrowed; live buffer and lake"),
)
