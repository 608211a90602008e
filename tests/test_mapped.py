"""Code that only a start needed is not held, and nothing but code is ever given back."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from kshell import mapped
from kshell.mapped import Mapping, constant, parts, unchanged

LIBRARY = next(Path(duckdb.__file__).parent.parent.glob("_duckdb.*.so"), None)
linux = pytest.mark.skipif(not Path("/proc/self/smaps").exists() or LIBRARY is None, reason="pages are only counted on Linux")
PAGE = mmap.PAGESIZE

WORK = """
import ctypes, duckdb, pyarrow as pa, pyarrow.parquet, re, sys
from kshell.mapped import give_back_code

def resident():
    with open("/proc/self/status") as status:
        return int(re.search(r"RssFile:\\s+(\\d+)", status.read())[1])

def work():
    found = duckdb.sql("SELECT sum(range) AS s, string_agg(range::VARCHAR) AS t FROM range(1000)").to_arrow_table()
    pa.parquet.write_table(found, pa.BufferOutputStream())
    return found.to_pydict()

kept = ctypes.create_string_buffer(b"x" * 4_000_000)
first, before = work(), resident()
give_back_code()
after = resident()
assert work() == first, "what runs again is not what ran"
assert kept.raw[:-1] == b"x" * 4_000_000
print(before // 1024, after // 1024, resident() // 1024)
"""


@linux
def test_code_that_ran_once_is_not_resident_any_more_and_runs_again() -> None:
    ran = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    before, after, again = map(int, ran.stdout.split())
    assert after < before / 2
    assert again < before - 15


def smaps(*mappings: tuple[str, int, int]) -> list[str]:
    """Lines as the kernel writes them: first line, resident kB, changed kB."""
    return [line for first, rss, anonymous in mappings
            for line in (first + "\n", f"Rss: {rss:15} kB\n", f"Anonymous: {anonymous:10} kB\n", "VmFlags: rd ex mr mw me\n")]


def test_only_unwritable_unchanged_private_mappings_of_files_are_chosen() -> None:
    chosen = unchanged(smaps(
        ("7f0000000000-7f0000800000 r-xp 00100000 fd:00 7  /lib/of code.so", 8192, 0),
        ("7f0000800000-7f0000a00000 r--p 00900000 fd:00 7  /lib/of code.so", 2048, 4),          # pointers that the loader wrote
        ("7f0000a00000-7f0000b00000 rw-p 00b00000 fd:00 7  /lib/of code.so", 1024, 0),          # variables
        ("7f0001000000-7f0002000000 r--p 00000000 00:00 0 ", 16384, 0),                         # memory of its own
        ("7f0003000000-7f0004000000 r--s 00000000 fd:00 9  /data/shared", 16384, 0),
        ("7f0005000000-7f0005800000 r-xp 00000000 fd:00 8  /lib/hardly.so", 12, 0),
        ("7fff00000000-7fff00800000 r-xp 00000000 00:00 0  [vdso]", 8192, 0)))
    assert list(chosen) == [Mapping(0x7f0000000000, 0x7f0000800000, 0x100000, "/lib/of code.so")]


@linux
def test_a_library_that_is_mapped_in_one_piece_keeps_the_places_of_its_variables() -> None:
    assert LIBRARY is not None
    segments = constant(str(LIBRARY))
    whole = Mapping(0x7f0000000000, 0x7f0000000000 + LIBRARY.stat().st_size, 0, str(LIBRARY))
    given = [(start - whole.start, start - whole.start + length) for start, length in parts(whole, segments)]
    assert sum(hi - lo for lo, hi in given) > 10_000_000
    assert all(lo % PAGE == 0 and any(a <= lo and hi <= b for a, b in segments) for lo, hi in given)
    variables = written(LIBRARY)
    assert variables
    assert not [1 for lo, hi in given for a, b in variables if lo < b and a < hi]


def written(library: Path) -> list[tuple[int, int]]:
    """Where in the file the segments begin and end that the loader writes to."""
    with library.open("rb") as file:
        header = mapped._HEADER.unpack(file.read(mapped._HEADER.size))
        file.seek(header[5])
        found = mapped._SEGMENT.iter_unpack(file.read(header[9] * header[10]))
    return [(offset, offset + length) for kind, flags, offset, _, _, length, _, _ in found if kind == 1 and flags & 2]


@pytest.mark.parametrize("content", [b"", b"PAR1" + bytes(5000), b"\x7fELF\x01\x01" + bytes(200), b"\x7fELF\x02\x01" + bytes(58)],
                         ids=["empty", "data", "32 bits", "no segments"])
def test_a_mapped_file_that_is_no_library_of_this_machine_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert constant(str(path)) == []


def test_a_mapping_is_given_back_in_whole_pages_of_what_lies_in_a_segment() -> None:
    mapping = Mapping(0x10000000, 0x10000000 + 8 * PAGE, 4 * PAGE, "lib.so")
    segments = [(0, 4 * PAGE), (5 * PAGE + 1, 9 * PAGE - 1), (20 * PAGE, 30 * PAGE)]
    assert list(parts(mapping, segments)) == [(0x10000000 + 2 * PAGE, 2 * PAGE)]


def test_without_the_kernel_s_account_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mapped, "_SMAPS", str(tmp_path / "none"))
    monkeypatch.setattr(mapped, "parts", lambda *_: pytest.fail("something was given back"))
    mapped.give_back_code()
