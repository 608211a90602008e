"""The arguments of kafka_scan, and of kafka_topics and its like: as written, as values, as one specification.

Invariant: arguments are constants, settled once before anything is read; what is not known or contradicts itself is an error
at its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kshell.errors import BadValueError
from kshell.lang.reader import Reader
from kshell.lang.values import read_argument
from kshell.options import Lookup, RawOption
from kshell.options.position import Position
from kshell.query.locate import Found

Resolve = Callable[[Lookup], Any]


@dataclass(frozen=True, slots=True)
class ScanSpec:
    """What kafka_scan was asked for. Offsets are those of one partition (int) or by partition; times are ms since 1970 or that long ago."""

    topic: str
    connection: str | None = None
    start: int | Mapping[int, int] | None = None
    stop: int | Mapping[int, int] | None = None
    since: Position | None = None
    until: Position | None = None
    lateness_s: float = 600.0
    last: int | None = None
    partitions: tuple[int, ...] | None = None     # None: all
    max_messages: int | None = None
    format: str | None = None                     # None: what the registry says, else json
    key_format: str = "raw"
    schema: str | None = None                     # a subject, or a file
    message: str | None = None
    envelope: str | None = None
    registry: str | None = None                   # an address, or the name of a secret; None: that of the cluster
    columns: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ()
    timeout_s: float = 30.0


def read_scan(text: str, found: Found, resolve: Resolve, zone: str) -> ScanSpec:
    """The specification of a call, or of a `cluster.topic` name."""
    if found.kind == "topic":
        return ScanSpec(found.name, found.connection)
    from kshell.lang.declared import KAFKA_SCAN
    topic, named = read_call(text, found)
    raw = tuple(named.values())
    given = KAFKA_SCAN.parse(raw, resolve, zone=zone)
    if topic is None:
        raise BadValueError("kafka_scan needs a topic", hint="kafka_scan('orders')", position=found.start, length=len(found.kind))
    value = {name.lower(): v for name, v in given.items()}
    spec = ScanSpec(topic=topic, connection=value["connection"], start=value["start"], stop=value["stop"],
                    since=value["since"], until=value["until"],
                    lateness_s=value["lateness"], last=value["last"], partitions=_partitions(value["partition"]),
                    max_messages=value["max_messages"], format=value["format"], key_format=value["key_format"] or "raw",
                    schema=value["schema"], message=value["message"], envelope=value["envelope"], registry=value["schema_registry"],
                    columns=value["columns"] or {}, include=tuple(value["include"] or ()), timeout_s=value["timeout"])
    _check(spec, found)
    return spec


def read_call(text: str, found: Found) -> tuple[str | None, dict[str, RawOption]]:
    """(the first argument, the named ones): name := value, name = value or name => value."""
    reader = Reader(text, "kafka_scan('topic', name := value, ...)")
    reader.at, end = found.arguments
    first: str | None = None
    named: dict[str, RawOption] = {}
    while reader.at < end:
        if reader.token.kind == "string" and first is None and not named:
            first = reader.string()
        else:
            option = read_argument(reader)
            if option.key in named:
                raise BadValueError(f"{found.kind} has {option.written} twice", position=option.span.start, length=len(option.written))
            named[option.key] = option
        if reader.at < end:
            reader.expect_op(",", ", or )")
    return first, named


def _partitions(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    return tuple(value) if isinstance(value, list | tuple) else (int(value),)


def _check(spec: ScanSpec, found: Found) -> None:
    offsets, times = spec.start is not None or spec.stop is not None, spec.since is not None or spec.until is not None
    if offsets and times:
        raise _wrong(found, "kafka_scan takes offsets (start, stop) or times (since, until), not both")
    if spec.last is not None and (spec.start is not None or spec.since is not None):
        raise _wrong(found, "last already says where the scan starts", "leave out start and since")
    one = spec.partitions is not None and len(spec.partitions) == 1
    if not one and any(isinstance(bound, int) for bound in (spec.start, spec.stop)):
        raise _wrong(found, "an offset belongs to one partition", "add partition := 0, or write MAP {0: 100, 1: 250}")


def _wrong(found: Found, message: str, hint: str | None = None) -> BadValueError:
    return BadValueError(message, hint=hint, position=found.start, length=len(found.kind))
