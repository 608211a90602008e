"""The text of a Protobuf schema into descriptors: Google's own compiler in a child process.

The text comes from whoever may write to the registry, and the compiler is C++: so the child has a folder of its own, no environment, and
limits on time, memory and files. A descriptor set (file .desc, `protoc --include_imports --descriptor_set_out`) needs no compiler.

Invariant: no generated code is imported, and nothing is added to a descriptor pool that another schema sees. What does not compile is
`Unusable` for as long as its text is the same; a compiler that does not end is an outage, never a verdict."""

from __future__ import annotations

import base64
import binascii
import importlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kshell.decode.protobuf_known import KNOWN
from kshell.decode.unusable import Unusable
from kshell.schemas.values import Reference, Schema, SchemaUnavailable

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

SECONDS = 20
_OWN = "own"                                  # the folder of the schema's files
_MEMORY, _FILE = 1 << 30, 64 << 20
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
_MISSING = re.compile(r"^(\S+\.proto): File not found\.", re.MULTILINE)
_NOT_LOADED = re.compile(r"Depends on file '([^']+)'")
# -I -S: neither the environment nor site-packages decide what the child imports
_CHILD = f"""
import sys
sys.path.append(sys.argv.pop(1))
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, ({_MEMORY}, {_MEMORY}))
    resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
    resource.setrlimit(resource.RLIMIT_FSIZE, ({_FILE}, {_FILE}))
except ImportError:
    pass
from grpc_tools import protoc
sys.exit(protoc.main(sys.argv))
"""


def descriptors(schema: Schema) -> FileDescriptor:
    """The descriptor of the schema's own file, in a pool of its own."""
    files = _decoded(schema.text) if _BASE64.fullmatch(schema.text) else _compiled(schema)
    return _pooled(files)


def _decoded(text: str) -> list[FileDescriptorProto]:
    """A descriptor set, or one file of it: what registries call `format=serialized`."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
    from google.protobuf.message import DecodeError

    found: list[Any] = []
    with suppress(binascii.Error, DecodeError):
        found = list(FileDescriptorSet.FromString(base64.b64decode(text)).file)
    if not found or not found[-1].name:
        with suppress(binascii.Error, DecodeError):
            found = [FileDescriptorProto.FromString(base64.b64decode(text))]
    if not found or not found[-1].name:
        raise Unusable("SCHEMA_INVALID", "it is no Protobuf descriptor set", hint="protoc --include_imports --descriptor_set_out=FILE.desc")
    return found


def _compiled(schema: Schema) -> list[FileDescriptorProto]:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    with tempfile.TemporaryDirectory(prefix="kshell-proto-") as folder:
        own = Path(folder, _OWN)
        texts = dict(_texts(schema.references))
        main = next(name for i in range(len(texts) + 1) if (name := f"schema{i or ''}.proto") not in texts)
        for name, text in {**KNOWN, **texts, main: schema.text}.items():
            _write(own, name, text)
        output = Path(folder, "set")
        _run(folder, ["protoc", f"-I{_OWN}", *(f"-I{place}" for place in _includes()), "--include_imports",
                      f"--descriptor_set_out={output}", main])
        return list(FileDescriptorSet.FromString(output.read_bytes()).file)


def _texts(references: tuple[Reference, ...]) -> Iterator[tuple[str, str]]:
    """(name, text) of what a schema imports, the types that come with the compiler left out: theirs are the ones with a meaning."""
    for reference in references:
        yield from _texts(reference.schema.references)
        if not any(_stands_in(place, reference.name) for place in _includes()):
            yield reference.name, reference.schema.text


def _stands_in(folder: Path, name: str) -> bool:
    """Names come from the registry: one that no file can have stands nowhere."""
    try:
        return Path(folder, name).is_file()
    except (OSError, ValueError):
        return False


def _write(folder: Path, name: str, text: str) -> None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts or not name.isprintable() or "\\" in name:
        raise Unusable("SCHEMA_INVALID", f"a reference has the name {name!r}, which is no path of a file")
    place = folder / pure
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    except (OSError, UnicodeEncodeError) as error:
        raise Unusable("SCHEMA_INVALID", f"the reference {name!r} cannot be a file: {type(error).__name__}") from None


def _includes() -> list[Path]:
    """Folders of google/protobuf/*.proto and google/type/*.proto."""
    bundled = Path(_package("grpc_tools"), "_proto")
    common = find_spec("google.type")
    return [bundled, *(Path(place).parents[1] for place in (common.submodule_search_locations or () if common else ()))]


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SchemaUnavailable(f"the compiler of Protobuf schemas is not installed: pip install {name.replace('_', 'io-')}")
    return Path(next(iter(spec.submodule_search_locations)))


def _run(folder: str, arguments: list[str]) -> None:
    command = [sys.executable, "-I", "-S", "-c", _CHILD, str(_package("grpc_tools").parent), *arguments[1:]]
    try:
        ended = subprocess.run(command, cwd=folder, env={"LANG": "C.UTF-8"}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise SchemaUnavailable(f"the schema did not compile within {SECONDS} s") from None
    except OSError as error:
        raise SchemaUnavailable(f"the compiler of Protobuf schemas did not start: {error.strerror}") from None
    if ended.returncode:
        raise _reason(ended.stderr.decode("utf-8", "replace"), ended.returncode)


def _reason(said: str, code: int) -> Unusable:
    missing = _MISSING.search(said)
    if missing:
        return Unusable("SCHEMA_INVALID", f"it imports {missing[1]}, which is not there",
                        hint=f"register {missing[1]} as a reference of the schema, or put the file beside it")
    lines = [line for line in said.splitlines() if ".proto:" in line and "warning:" not in line]
    first = re.sub(rf"^{_OWN}/(schema\d*\.proto:)?", "", lines[0]) if lines else f"the compiler ended with {code}"
    return Unusable("SCHEMA_INVALID", f"it does not compile: {first}")


def _pooled(files: list[FileDescriptorProto]) -> FileDescriptor:
    from google.protobuf.descriptor_pool import DescriptorPool

    pool: Any = DescriptorPool()
    given, done = {file.name: file for file in files}, set[str]()
    for file in files:
        _add(pool, file.name, given, done)
    found: FileDescriptor = pool.FindFileByName(files[-1].name)
    return found


def _add(pool: Any, name: str, given: dict[str, FileDescriptorProto], done: set[str]) -> None:
    """With what it imports before it. Types that come with the runtime may be left out of a set."""
    file = None if name in done else given.get(name) or _runtime(name)
    done.add(name)
    if file is None:
        return                                # it is in the pool, or missing: the pool says so for the file that needs it
    for imported in file.dependency:
        _add(pool, imported, given, done)
    try:
        pool.Add(file)
    except (TypeError, ValueError, KeyError) as error:
        missing = _NOT_LOADED.search(str(error))
        if missing:
            raise Unusable("SCHEMA_INVALID", f"it imports {missing[1]}, which is not in the set",
                           hint="protoc --include_imports puts what a file imports into the set") from None
        raise Unusable("SCHEMA_INVALID", f"it does not hold together: {str(error)[:120]}") from None


def _runtime(name: str) -> FileDescriptorProto | None:
    if not re.fullmatch(r"google/protobuf/[a-z_]+\.proto", name):
        return None
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    try:
        module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    except ImportError:
        return None
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file
