"""Code of libraries that start-up needed and the work does not: given back to the system.

A library is resident wherever its loader, its static constructors or an import ever touched it, and on recent kernels that is in pieces of
up to 2 MB around each touch: 190 MB for DuckDB, Arrow and the Kafka client, of which a running sink uses 100. What is given back is read
from the file again, through the page cache, where it is needed again.

Invariant: only pages that equal their file are given back. They lie in segments that the library itself declares as not writable, and
the kernel counts no changed page in their mapping. Everything else would be lost."""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

_SMAPS = "/proc/self/smaps"                    # elsewhere than on Linux there is none, and nothing happens
_LEAST_BYTES = 256 * 1024                      # resident; less is not worth a system call
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")   # of a 64-bit little-endian ELF file
_SEGMENT = struct.Struct("<IIQQQQQQ")
_ELF = b"\x7fELF\x02\x01"
_LOAD, _WRITABLE = 1, 2
_DONTNEED = 4


@dataclass(frozen=True, slots=True)
class Mapping:
    """A part of a file in memory that nobody can write and nobody has changed."""

    start: int
    end: int
    offset: int                                # in the file
    path: str


def give_back_code() -> None:
    """It takes about 30 ms, and some milliseconds more in the work that needs pages again: once after a start, not in a loop."""
    try:
        with open(_SMAPS, encoding="utf-8", errors="surrogateescape") as lines:
            found = list(unchanged(lines))
    except OSError:
        return
    libc = ctypes.CDLL(None)
    for mapping in found:
        with suppress(OSError):
            for start, length in parts(mapping, constant(mapping.path)):
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), _DONTNEED)


def unchanged(smaps: Iterable[str]) -> Iterator[Mapping]:
    """The mappings of files that are private, not writable, without a changed page, and large enough."""
    mapping: Mapping | None = None
    resident = 0
    for line in smaps:
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            mapping = _mapping(name, rest)
        elif name == "Rss:":
            resident = int(rest.split()[0]) * 1024
        elif name == "Anonymous:" and mapping is not None and resident >= _LEAST_BYTES and int(rest.split()[0]) == 0:
            yield mapping


def _mapping(addresses: str, rest: str) -> Mapping | None:
    permissions, offset, _device, _inode, *path = rest.split(maxsplit=4)
    if permissions not in ("r-xp", "r--p") or not path or not path[0].startswith("/"):
        return None
    start, _, end = addresses.partition("-")
    return Mapping(int(start, 16), int(end, 16), int(offset, 16), path[0].rstrip("\n"))


def constant(path: str) -> list[tuple[int, int]]:
    """Where in the file the segments lie that are loaded and never written. Empty for what is no library."""
    with open(path, "rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(_ELF):
            return []
        at, size, count = (_HEADER.unpack(header)[i] for i in (5, 9, 10))
        if size != _SEGMENT.size:
            return []
        file.seek(at)
        table = file.read(size * count)
    segments = _SEGMENT.iter_unpack(table if len(table) == size * count else b"")
    return [(offset, offset + length) for kind, flags, offset, address, _, length, _, _ in segments
            if kind == _LOAD and not flags & _WRITABLE and offset == address]


def parts(mapping: Mapping, segments: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Address and length of whole pages that are in the mapping and in a segment. A library that is just being loaded is mapped in one
    piece at first, over the places of its variables too: what was a mapping may be part of that."""
    for lo, hi in segments:
        first = (max(lo, mapping.offset) + mmap.PAGESIZE - 1) & -mmap.PAGESIZE
        last = min(hi, mapping.offset + mapping.end - mapping.start) & -mmap.PAGESIZE
        if first < last:
            yield mapping.start + first - mapping.offset, last - first
