"""Secrets of the session: CREATE SECRET, DROP SECRET, and what ATTACH makes of them.

Invariant: a value is a `Secret` from the moment it is read; it is kept here, in the secrets file where PERSISTENT was said, nowhere else.
A secret is used by its name, or for an address inside its SCOPE; one without a SCOPE is never sent anywhere by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kshell.columns import literal, quote
from kshell.errors import BadValueError, ExistsError, NotFoundError, did_you_mean
from kshell.lang import declared
from kshell.lang import show as written
from kshell.lang.statements import CreateSecret
from kshell.options import Lookup, Secret, SecretText, canonical, redact, reveal
from kshell.options.secret import wrap
from kshell.session.context import Context
from kshell.session.keyfile import KeyFile
from kshell.session.providers import provided

HIDDEN = "***"
_MAPS = ("CONFIG", "PROPERTIES")
_ASKED = {"kafka": ("SASL_USERNAME", "SASL_PASSWORD"), "schema_registry": ("USERNAME", "PASSWORD")}
_S3 = {"S3_ACCESS_KEY_ID": "s3.access-key-id", "S3_SECRET_ACCESS_KEY": "s3.secret-access-key", "S3_SESSION_TOKEN": "s3.session-token",
       "S3_REGION": "s3.region", "S3_ENDPOINT": "s3.endpoint"}
_CATALOG = {"CREDENTIAL": "credential", "TOKEN": "token", "OAUTH2_SERVER_URI": "oauth2-server-uri", **_S3}


@dataclass(frozen=True, slots=True)
class Held:
    """`values`: the options that were given. `definition`: CREATE SECRET as it can be shown."""

    name: str
    kind: str
    values: Mapping[str, Any]
    persistent: bool
    definition: str

    @property
    def scope(self) -> str | None:
        return self.values.get("SCOPE")

    @property
    def insecure(self) -> bool:
        return bool(self.values.get("INSECURE"))

    def shown(self) -> str:
        """Every option, values that are secret as ***."""
        return ", ".join(f"{name} {_shown(self.kind, name, value)}" for name, value in self.values.items())


class Secrets:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._by_name: dict[str, Held] = {}
        self._file = KeyFile()
        self._read_file = False

    def __iter__(self) -> Iterator[Held]:
        self._load()
        return iter(list(self._by_name.values()))

    def known(self) -> list[Held]:
        """Those that have been read or made so far; opens no file."""
        return list(self._by_name.values())

    def storage(self, held: Held) -> str:
        """memory, file or keyring."""
        return "memory" if not held.persistent else "keyring" if held.name in self._file.in_keyring else "file"

    # ---- CREATE, DROP ------------------------------------------------------------------------------------------------

    def create(self, statement: CreateSecret) -> str | None:
        """The note for the user; None: it was there and IF NOT EXISTS was said."""
        self._load()
        if statement.name.lower() in self._by_name:
            if statement.if_not_exists:
                return None
            if not statement.or_replace:
                raise ExistsError(f"secret {statement.name} exists already", hint="CREATE OR REPLACE SECRET, or DROP SECRET first")
        _no_core_dumps()
        held = self._made(statement)
        if held.persistent:
            self._file.write([h for h in self._by_name.values() if h.persistent and h.name.lower() != held.name.lower()], held)
        self._by_name[held.name.lower()] = held
        return f"secret {held.name} created" + (f", kept in {self._file.place_of(held.name)}" if held.persistent else "")

    def put(self, name: str, kind: str, values: Mapping[str, Any]) -> None:
        """A secret of the configuration."""
        _no_core_dumps()
        self._by_name[name.lower()] = Held(name, kind, dict(values), False, _definition(name, kind, values, persistent=False))

    def _made(self, statement: CreateSecret) -> Held:
        parsed = declared.SECRETS[statement.kind].parse(statement.options, self._context.resolve)
        values = {name: parsed[name] for name in parsed if name in parsed.given}
        given: dict[str, Any] = {}
        if statement.kind == "kafka":
            given = provided(parsed["PROVIDER"], parsed["PATH"], statement.name)
            config = {**given.get("CONFIG", {}), **values.get("CONFIG", {})}
            values = {**given, **values, **({"CONFIG": config} if config else {})}
        self._ask_for_missing(statement, values)
        for name in _MAPS:
            if name in values:
                values[name] = wrap(values[name])
        _require_files(statement.name, values)
        if statement.kind == "kafka":
            as_kafka(Held(statement.name, "kafka", values, False, ""))      # what cannot be is told here, not at the first ATTACH
        told = {o.key: o.value for o in statement.options}
        own = {**values, **({"CONFIG": wrap(parsed["CONFIG"])} if "CONFIG" in parsed.given else {})}
        shown = {name: _as_written(statement.kind, name, told.get(canonical(name)), value) for name, value in own.items()
                 if name in parsed.given or name not in given}
        return Held(statement.name, statement.kind, values, statement.persistent,
                    _definition(statement.name, statement.kind, shown, persistent=statement.persistent))

    def _ask_for_missing(self, statement: CreateSecret, values: dict[str, Any]) -> None:
        user, password = _ASKED.get(statement.kind, ("", ""))
        if user in values and password not in values:
            values[password] = True
        for name in [n for n, value in values.items() if value is True and isinstance(_kind(statement.kind, n), SecretText)]:
            answer = self._context.ask(f"{name} of secret {statement.name} (Enter cancels): ")
            if not answer:
                raise BadValueError(f"{name} of secret {statement.name} is missing",
                                    hint=f"{name} getenv('NAME'), or {name} FILE '/path'; at a terminal it is asked for")
            values[name] = Secret(answer)

    def drop(self, name: str) -> str | None:
        """The note; None: there is none of this name here."""
        self._load()
        held = self._by_name.pop(name.lower(), None)
        if held is None:
            return None
        if held.persistent:
            self._file.forget(held.name)
            self._file.write([h for h in self._by_name.values() if h.persistent])
        return f"secret {held.name} dropped"

    def _load(self) -> None:
        """The secrets file, once, when a secret is first asked for."""
        if self._read_file:
            return
        for name, kind, values in self._file.read():
            definition = _definition(name, kind, values, persistent=True)
            self._by_name.setdefault(name.lower(), Held(name, kind, values, True, definition))
        self._read_file = True
        for name in self._file.not_given:
            self._context.warn(f"secret {name} is in the keyring of the system, which does not give it: unlock it, "
                               "or pip install 'kshell[keyring]'")

    # ---- which one ---------------------------------------------------------------------------------------------------

    def get(self, name: str, kind: str) -> Held:
        self._load()
        found = self._by_name.get(name.lower())
        if found is None:
            near = did_you_mean(name, [h.name for h in self._by_name.values()])
            raise NotFoundError(f"there is no secret {name}", named=name,
                                hint=near or f"CREATE SECRET {written.name_text(name)} (TYPE {kind}, ...)")
        if found.kind != kind:
            raise BadValueError(f"secret {name} has TYPE {found.kind}, not {kind}", hint=f"CREATE SECRET ... (TYPE {kind}, ...)")
        return found

    def chosen(self, name: str | None, kind: str, uri: str) -> Held | None:
        """By name, else the one whose SCOPE is the longest that holds every host of the address."""
        if name is not None:
            return self.get(name, kind)
        if not self._by_name and not self._file.path.exists():
            return None
        fitting = [h for h in self if h.kind == kind and h.scope and _inside(uri, h.scope)]
        return max(fitting, key=lambda held: len(held.scope or ""), default=None)


def _no_core_dumps() -> None:
    """Memory holds secrets from here on, and a crash must not write it down."""
    try:
        import resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, ValueError, OSError):
        return                                # a system without such limits


def _inside(uri: str, scope: str) -> bool:
    """Whether every host of the address is in the scope: same host, and same port where the scope names one."""
    scheme, _, allowed = scope.partition("://")
    own_scheme, _, hosts = uri.partition("://")
    if own_scheme != scheme:
        return False
    if scheme != "kafka":
        return uri == scope or uri.startswith(scope.rstrip("/") + "/") or urlsplit(uri).netloc == allowed.rstrip("/")
    known = [host.strip().lower() for host in allowed.rstrip("/").split(",")]
    asked = [host.strip().lower() for host in hosts.rstrip("/").split(",")]
    return all(any(host == k or host.rpartition(":")[0] == k for k in known) for host in asked)


# ---- what ATTACH makes of it ---------------------------------------------------------------------------------------

def as_kafka(held: Held) -> dict[str, str]:
    """Settings of the client. RefusedError where they would send a password in the clear."""
    from kshell.kafka import settings

    get = held.values.get
    oauth = {name: get(f"OAUTH_{name.upper()}") for name in ("client_id", "client_secret", "token_endpoint_url", "scope")}
    password = None if get("SASL_PASSWORD") is True else get("SASL_PASSWORD")
    made = settings.security(
        protocol=get("SECURITY_PROTOCOL"), mechanism=get("SASL_MECHANISM"), username=get("SASL_USERNAME"), password=password,
        ca=get("SSL_CA"), certificate=get("SSL_CERT"), key=get("SSL_KEY"), key_password=get("SSL_KEY_PASSWORD"), oauth=oauth,
        allow_plaintext_credentials=bool(get("ALLOW_PLAINTEXT_CREDENTIALS")), insecure=held.insecure)
    return {**made, **settings.checked(get("CONFIG") or {})}


def as_catalog(held: Held) -> dict[str, str]:
    """Properties of PyIceberg, unwrapped: they go into the call that opens the catalog."""
    named = {theirs: reveal(held.values[ours]) for ours, theirs in _CATALOG.items() if ours in held.values}
    return {**named, **{key: reveal(value) for key, value in (held.values.get("PROPERTIES") or {}).items()}}


def duckdb_secret(name: str, properties: Mapping[str, str], warehouse: str | None) -> str | None:
    """The statement that lets DuckDB read what PyIceberg writes with these properties; None: there are no keys of an object store."""
    if "s3.access-key-id" not in properties or "s3.secret-access-key" not in properties:
        return None
    endpoint = urlsplit(properties["s3.endpoint"]) if "s3.endpoint" in properties else None
    parts = {"KEY_ID": properties["s3.access-key-id"], "SECRET": properties["s3.secret-access-key"],
             "SESSION_TOKEN": properties.get("s3.session-token"), "REGION": properties.get("s3.region")}
    if endpoint is not None:
        parts |= {"ENDPOINT": endpoint.netloc or endpoint.path, "URL_STYLE": "path"}
    if warehouse and warehouse.startswith(("s3://", "s3a://")):
        parts["SCOPE"] = "s3://" + warehouse.partition("://")[2]
    listed = ", ".join(f"{key} {literal(value)}" for key, value in parts.items() if value)
    ssl = f", USE_SSL {str(endpoint.scheme != 'http').lower()}" if endpoint is not None else ""
    return f"CREATE OR REPLACE TEMPORARY SECRET {quote(f'kshell_{name}')} (TYPE s3, PROVIDER config, {listed}{ssl})"


def _require_files(secret: str, values: Mapping[str, Any]) -> None:
    for name in ("SSL_CA", "SSL_CERT", "SSL_KEY"):
        value = values.get(name)
        if isinstance(value, str) and not isinstance(value, Secret) and "-----BEGIN" not in value and not Path(value).is_file():
            raise BadValueError(f"{name} of secret {secret}: there is no file {value}", hint=f"{name} takes a path, or the PEM text itself")


# ---- shown ---------------------------------------------------------------------------------------------------------

def _kind(kind: str, name: str) -> Any:
    return declared.SECRETS[kind][name].kind


def _shown(kind: str, name: str, value: Any) -> str:
    return redact(written.option_text(declared.SECRETS[kind], name, HIDDEN if isinstance(value, Secret) else value))


def _as_written(kind: str, name: str, told: Any, value: Any) -> Any:
    """A value that is looked up is shown as its look-up: the text can be run again."""
    return told if isinstance(told, Lookup) else value


def _definition(name: str, kind: str, values: Mapping[str, Any], *, persistent: bool) -> str:
    parts = [f"TYPE {kind}", *(f"{key} {_shown(kind, key, value)}" for key, value in values.items())]
    return f"CREATE {'PERSISTENT ' if persistent else ''}SECRET {written.name_text(name)} ({', '.join(parts)});"


__all__ = ["HIDDEN", "Held", "Secrets", "as_catalog", "as_kafka", "duckdb_secret"]
