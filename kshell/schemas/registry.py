"""A registry with Confluent's API: schemas by id, by GUID and by subject, complete with what they refer to.

Invariant: what exists is asked for once; what does not exist is believed for a minute, and only after it was asked for several times;
after an outage nothing is asked for a while, so that a reader of records waits for its registry and not for each record."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from kshell.schemas.http import Access, Http, NotThere
from kshell.schemas.limits import (
    LIST_BYTES,
    MOST_CACHED,
    MOST_PATIENT,
    MOST_REFERENCES,
    MOST_UNKNOWN,
    PAUSE_S,
    SCHEMA_BYTES,
    TRIES,
    UNKNOWN_S,
)
from kshell.schemas.values import Reference, Schema, SchemaKind, SchemaTooLarge, SchemaUnavailable, SchemaUnknown

_TYPES: dict[str, SchemaKind] = {"AVRO": "avro", "PROTOBUF": "protobuf", "JSON": "json"}
_LEAST_PAUSE_S, _MOST_PAUSE_S = 0.5, 10.0
Key = tuple[str, ...]
T = TypeVar("T")


class SchemaRegistry:
    """May be asked from any thread. `secret`: the name of what it is signed in to with. `pause` waits between the tries of a 404."""

    frames = True
    unframed = None

    def __init__(self, access: Access, *, secret: str | None = None, clock: Callable[[], float] = time.monotonic,
                 pause: Callable[[float], None] = time.sleep) -> None:
        self.secret = secret
        self._http = Http(access, clock=clock)
        self._clock, self._pause = clock, pause
        self.url = access.url
        self._lock = threading.Lock()
        self._known: OrderedDict[Key, Schema] = OrderedDict()
        self._missing: OrderedDict[Key, tuple[float, Exception]] = OrderedDict()
        self._outage: tuple[float, SchemaUnavailable] | None = None
        self._waited: list[float] = []        # when a 404 was last waited for
        self._doubted: OrderedDict[str, tuple[float, int]] = OrderedDict()       # path -> first 404, how many

    @property
    def ahead_s(self) -> float | None:
        """How far its clock is ahead of ours, as of its last answer; None: it has not said."""
        return self._http.skew.seconds

    # ---- schemas -----------------------------------------------------------------------------------------------------

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        query = f"?{urlencode({'subject': subject})}" if subject else ""
        return self._kept(("id", str(id), subject or ""), f"/schemas/ids/{id}{query}", f"schema {id}", {"id": id})

    def by_guid(self, guid: str) -> Schema:
        try:
            return self._kept(("guid", guid), f"/schemas/guids/{quote(guid, safe='')}", f"schema {guid}", {"guid": guid})
        except SchemaUnavailable as outage:
            if outage.cause != "address" or not self._has_types():
                raise
            raise SchemaUnknown(f"the registry {self.url} does not look schemas up by GUID") from None

    def _has_types(self) -> bool:
        """It is a registry, and lacks a path that later ones have."""
        return isinstance(self._asked("/schemas/types", "types of schemas", tries=1), list)

    def ask_again(self) -> None:
        """What it did not have is asked for anew, however short a time ago that was."""
        with self._lock:
            self._missing.clear()

    def latest(self, subject: str) -> Schema:
        path = f"/subjects/{quote(subject, safe='')}/versions/latest"
        return self._schema(self._asked(path, f"subject {subject}", tries=1), f"subject {subject}", {}, _Budget())

    def _version(self, subject: str, version: int, what: str, budget: _Budget) -> Schema:
        """A version that others refer to, also one that was deleted since."""
        path = f"/subjects/{quote(subject, safe='')}/versions/{version}?deleted=true"
        key = ("version", subject, str(version))
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return known
        return self._remember(key, self._schema(self._asked(path, what), what, {}, budget))

    def _kept(self, key: Key, path: str, what: str, given: Mapping[str, Any]) -> Schema:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
            until, missing = self._missing.get(key, (0.0, None))
        if missing is not None and self._clock() < until:
            raise type(missing)(*missing.args)
        try:
            return self._remember(key, self._schema(self._asked(path, what), what, given, _Budget()))
        except (SchemaUnknown, SchemaTooLarge) as verdict:
            with self._lock:
                self._missing[key] = (self._clock() + UNKNOWN_S, verdict)
                while len(self._missing) > MOST_UNKNOWN:
                    self._missing.popitem(last=False)
            raise

    def _remember(self, key: Key, schema: Schema) -> Schema:
        with self._lock:
            self._known[key] = schema
            while len(self._known) > MOST_CACHED:
                self._known.popitem(last=False)
        return schema

    def _schema(self, told: Any, what: str, given: Mapping[str, Any], budget: _Budget) -> Schema:
        found = told if isinstance(told, dict) else {}
        text, kind = found.get("schema"), found.get("schemaType") or "AVRO"
        if not isinstance(text, str):
            raise SchemaUnavailable(f"the schema registry {self.url} answers JSON that is no schema", "address")
        if kind not in _TYPES:
            raise SchemaUnknown(f"{what} is of type {str(kind)[:40]}, which has no decoder")
        if len(text.encode("utf-8", "surrogatepass")) > SCHEMA_BYTES:
            raise SchemaTooLarge(f"{what} is larger than {SCHEMA_BYTES:,} bytes")
        references = tuple(self._reference(reference, what, budget) for reference in found.get("references") or ())
        named = {"id": _number(found.get("id")), "guid": _text(found.get("guid")), **given}
        return Schema(_TYPES[kind], text, subject=_text(found.get("subject")), version=_number(found.get("version")),
                      references=references, **named)

    def _reference(self, told: Any, what: str, budget: _Budget) -> Reference:
        try:
            name, subject, version = str(told["name"]), str(told["subject"]), int(told["version"])
        except (KeyError, TypeError, ValueError):
            raise SchemaUnavailable(f"the schema registry {self.url} answers a reference that names no subject", "address") from None
        budget.spend(what)
        there = f"{what} refers to version {version} of {subject}, which"
        return Reference(name, subject, version, self._version(subject, version, there, budget))

    # ---- lists -------------------------------------------------------------------------------------------------------

    def subjects(self, *, deleted: bool = False) -> list[str]:
        told = self._asked(f"/subjects{'?deleted=true' if deleted else ''}", "the list of subjects", LIST_BYTES, tries=1)
        if not isinstance(told, list):
            raise SchemaUnavailable(f"the schema registry {self.url} answers no list of subjects", "address")
        return sorted(map(str, told))

    def versions(self, subject: str) -> list[int]:
        told = self._asked(f"/subjects/{quote(subject, safe='')}/versions", f"subject {subject}", LIST_BYTES, tries=1)
        return [int(version) for version in told] if isinstance(told, list) else []

    def compatibility(self, subject: str) -> str | None:
        """BACKWARD, NONE, ...: the subject's own, else that of the registry. None: it does not say."""
        for path in (f"/config/{quote(subject, safe='')}?defaultToGlobal=true", "/config"):
            try:
                told = self._asked(path, "", tries=1)
            except SchemaUnknown:
                continue
            except SchemaUnavailable as outage:
                if outage.cause == "address":
                    continue
                raise
            return _text(told.get("compatibilityLevel")) if isinstance(told, dict) else None
        return None

    # ---- asking ------------------------------------------------------------------------------------------------------

    def _asked(self, path: str, what: str, most_bytes: int = SCHEMA_BYTES, *, tries: int = TRIES) -> Any:
        self._raise_recent_outage()
        for left in reversed(range(tries)):
            try:
                return self._timed(lambda: self._http.get(path, most_bytes))
            except NotThere:
                if not left or (left == tries - 1 and not self._patient() and self._confirmed(path, what)):
                    raise SchemaUnknown(f"{what} does not exist in the registry {self.url}") from None
            self._pause(PAUSE_S * 2 ** (tries - 1 - left))
        raise AssertionError("the last try answers or raises")

    def _patient(self) -> bool:
        """Whether this 404 may be waited for. Bytes that look like ids and are none must not hold up whoever reads them."""
        now = self._clock()
        with self._lock:
            self._waited = [at for at in self._waited if at > now - UNKNOWN_S]
            if len(self._waited) >= MOST_PATIENT:
                return False
            self._waited.append(now)
            return True

    def _confirmed(self, path: str, what: str) -> bool:
        """The tries of an impatient 404 are the questions of others who come again. SchemaUnavailable: not enough of them yet."""
        now = self._clock()
        with self._lock:
            first, count = self._doubted.pop(path, (now, 0))
            if count + 1 >= TRIES and now - first >= PAUSE_S:
                return True
            self._doubted[path] = (first, count + 1)
            while len(self._doubted) > MOST_UNKNOWN:
                self._doubted.popitem(last=False)
        raise SchemaUnavailable(f"{what} is not in the schema registry {self.url} yet; it is asked again", "unconfirmed")

    def _timed(self, ask: Callable[[], T]) -> T:
        began = self._clock()
        try:
            return ask()
        except SchemaUnavailable as outage:
            if outage.cause == "address":     # it answers, and at once: another path may be right
                raise
            now = self._clock()
            rest = min(_MOST_PAUSE_S, max(_LEAST_PAUSE_S, 2 * (now - began)))
            with self._lock:
                self._outage = (now + rest, outage)
            raise

    def _raise_recent_outage(self) -> None:
        with self._lock:
            until, outage = self._outage or (0.0, None)
        if outage is not None and self._clock() < until:
            raise SchemaUnavailable(outage.reason, outage.cause)


class _Budget:
    """References of one schema, those of its references included."""

    def __init__(self) -> None:
        self._left = MOST_REFERENCES

    def spend(self, what: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise SchemaTooLarge(f"{what} refers to more than {MOST_REFERENCES} schemas")


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
