"""The configuration: one file, its profiles, the environment, the flags, as values that know where they come from.

    flag > environment > profile > top level of the file > default

Invariant: an unknown key, a wrong value and a literal secret in a file that others may read are errors with file and line, before anything
connects. `${NAME}` and `file:/path` are looked up in strings that the file has already been parsed into, so a value can add no key and no
line. A secret is a `Secret` from here on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kshell.errors import Error, UsageError, did_you_mean
from kshell.options import Secret, names_secret, redact, size_bytes
from kshell.options.private import is_loose, secret_file
from kshell.places import config_folder

COLORS = ("red", "green", "yellow", "blue", "magenta", "cyan")
CATALOG_KEYS = ("catalog", "uri", "warehouse", "secret", "properties", "read_only")
_ENVIRONMENT = {"brokers": "KSHELL_BOOTSTRAP_SERVERS", "schema_registry": "KSHELL_SCHEMA_REGISTRY", "pager": "KSHELL_PAGER"}
_DEFAULTS: dict[str, Any] = {
    "brokers": None, "secret": None, "schema_registry": None, "catalogs": {}, "init": None, "read_only": False, "prompt_color": None,
    "editing_mode": "emacs", "pager": None, "buffer_bytes": None, "allow_commands": False,
}
KEYS = tuple(_DEFAULTS)
_EVERYWHERE = ("profiles",)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PASSWORD_IN_ADDRESS = re.compile(r"://[^/\s:@]*:[^/\s@$]+@")
_FILE = re.compile(r"file:(/(?!/)|~/).*")       # file://... is the address of a warehouse


@dataclass(frozen=True, slots=True)
class Value:
    value: Any
    origin: str                               # "flag --brokers", "environment KSHELL_PAGER", "profile prod, config.toml:7", "default"


@dataclass(frozen=True, slots=True)
class Config:
    values: Mapping[str, Value]
    profile: str | None = None
    path: Path | None = None                  # None: there is no file
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, key: str) -> Any:
        return self.values[key].value

    def typed(self) -> dict[str, tuple[str, Any]]:
        """What flags said, as `load` takes it."""
        begin = "flag "
        return {key: (v.origin.removeprefix(begin), v.value) for key, v in self.values.items() if v.origin.startswith(begin)}

    def secret(self) -> dict[str, Any] | None:
        """The options of the secret for `brokers`; None: there is none. Of the text of a name: {'name': ...}."""
        found = self["secret"]
        return {"name": found} if isinstance(found, str) else found


def load(*, path: str | None = None, profile: str | None = None, flags: Mapping[str, tuple[str, Any]] | None = None) -> Config:
    """`path` and `profile` as typed; else from the environment. `flags`: key -> (flag, value), only those that were typed.

    UsageError for everything that is wrong in it."""
    file = _file(path)
    name = profile or os.environ.get("KSHELL_PROFILE") or None
    if file is None:
        if name is not None:
            raise UsageError(f"there is no profile {name}: {usual_file()} does not exist",
                             hint="kshell config init writes it, or --config FILE names another")
        return Config(_merged({}, {}, "", None, flags or {}))
    parsed = _Parsed(file)
    return Config(_merged(parsed.top(), parsed.profile(name) if name else {}, name or "", file, flags or {}), name, file)


def _file(typed: str | None) -> Path | None:
    named = typed or os.environ.get("KSHELL_CONFIG") or None
    path = Path(named).expanduser() if named else usual_file()
    if path.is_file():
        return path
    if named:
        raise UsageError(f"there is no configuration file {named}", hint="--config FILE, or KSHELL_CONFIG, names one that exists")
    return None


def _merged(top: Mapping[str, Value], profile: Mapping[str, Value], name: str, file: Path | None,
            flags: Mapping[str, tuple[str, Any]]) -> dict[str, Value]:
    values = {key: Value(default, "default") for key, default in _DEFAULTS.items()}
    values |= top
    values |= {key: _joined(key, values[key], value) for key, value in profile.items()}
    for key, variable in _ENVIRONMENT.items():
        if os.environ.get(variable):
            values[key] = Value(os.environ[variable], f"environment {variable}")
    return values | {key: Value(value, f"flag {flag}") for key, (flag, value) in flags.items()}


def _joined(key: str, below: Value, value: Value) -> Value:
    """Catalogs of a profile stand beside those of the top level; everything else replaces."""
    return Value({**below.value, **value.value}, value.origin) if key == "catalogs" else value


class _Parsed:
    """A file, read and judged. Errors carry its lines."""

    def __init__(self, path: Path) -> None:
        import tomllib  # only where there is a file

        self.path = path
        try:
            self.text = path.read_text("utf-8")
            self.table = tomllib.loads(self.text)
        except OSError as failed:
            raise UsageError(f"{path}: {failed.strerror}", hint="give a file that this user may read") from None
        except UnicodeDecodeError:
            raise UsageError(f"{path} is not UTF-8 text") from None
        except tomllib.TOMLDecodeError as wrong:
            found = re.search(r"at line (\d+)", str(wrong))      # what the parser says is English and carries no value
            place = f"{path}:{found.group(1)}" if found else str(path)
            raise UsageError(f"{place}: this is no TOML: {re.sub(r' *.at .*$', '', str(wrong))}",
                             hint="kshell config init writes a file to start from") from None
        self.loose = is_loose(path)

    def top(self) -> dict[str, Value]:
        self._known(self.table, (*KEYS, *_EVERYWHERE), ())
        profiles = self.table.get("profiles", {})
        if not isinstance(profiles, dict) or not all(isinstance(p, dict) for p in profiles.values()):
            raise self.wrong(("profiles",), "profiles are sections such as [profiles.prod]")
        for name in profiles:                 # all of them: a mistake in one is told whichever is used
            self._known(profiles[name], KEYS, ("profiles", name))
            self._no_literal_secrets(profiles[name], ("profiles", name))
        own = {key: value for key, value in self.table.items() if key in KEYS}
        self._no_literal_secrets(own, ())
        return self._values(own, (), str(self.path))

    def profile(self, name: str) -> dict[str, Value]:
        profiles = self.table.get("profiles", {})
        if name not in profiles:
            raise UsageError(f"{self.path} has no profile {name}",
                             hint=did_you_mean(name, profiles) or f"profiles: {', '.join(profiles) or 'none'}")
        return self._values(profiles[name], ("profiles", name), f"profile {name}, {self.path}")

    def _values(self, table: Mapping[str, Any], section: tuple[str, ...], origin: str) -> dict[str, Value]:
        return {key: Value(self._value(key, value, (*section, key)), f"{origin}:{self.line((*section, key))}")
                for key, value in table.items()}

    def _value(self, key: str, raw: Any, at: tuple[str, ...]) -> Any:
        value = self._expanded(raw, at)
        match key:
            case "catalogs":
                return self._catalogs(value, at)
            case "secret":
                return self._secret(value, at)
            case "read_only" | "allow_commands":
                self._require(isinstance(value, bool), at, f"{key} is true or false")
            case "buffer_bytes":
                count = size_bytes(value) if isinstance(value, str) else None
                self._require(bool(count), at, "buffer_bytes is a size such as \"2GB\"")
                return count
            case "prompt_color":
                self._require(value in COLORS, at, f"prompt_color is one of {', '.join(COLORS)}")
            case "editing_mode":
                self._require(value in ("emacs", "vi"), at, "editing_mode is emacs or vi")
            case "init":
                self._require(isinstance(value, str), at, "init is the path of a script")
                return str(self.path.parent / Path(value).expanduser())
            case _:
                self._require(isinstance(value, str) and bool(value), at, f"{key} is a text")
        return value

    # ---- parts -------------------------------------------------------------------------------------------------------

    def _secret(self, value: Any, at: tuple[str, ...], kind: str = "kafka") -> Any:
        """The name of a secret, or its options, read by the declaration that CREATE SECRET has."""
        if isinstance(value, str):
            return value
        from kshell.lang.declared import SECRETS
        from kshell.options import RawOption, Span, canonical

        self._require(isinstance(value, dict), at, "secret is the name of a secret, or a table such as { type = \"kafka\", ... }")
        told = value.get("type", kind)
        self._require(told == kind, at, f"this secret has type = \"{kind}\"")
        nowhere = Span(0, 0)
        options = tuple(RawOption(canonical(k), k, v, nowhere, nowhere) for k, v in value.items() if k != "type")
        try:
            parsed = SECRETS[kind].parse(options)
        except Error as error:
            raise self.wrong(at, redact(error.message), error.hint) from None
        return {name: parsed[name] for name in parsed if name in parsed.given}

    def _catalogs(self, value: Any, at: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        self._require(isinstance(value, dict) and all(isinstance(c, dict) for c in value.values()), at,
                      "a catalog is a table such as catalogs.ice = { catalog = \"rest\", uri = \"https://...\" }")
        return {name: self._catalog(catalog, (*at, name)) for name, catalog in value.items()}

    def _catalog(self, catalog: dict[str, Any], at: tuple[str, ...]) -> dict[str, Any]:
        self._known(catalog, CATALOG_KEYS, at)
        self._require(catalog.get("catalog") in ("rest", "sql"), at, "a catalog has catalog = \"rest\" or \"sql\"")
        self._require(isinstance(catalog.get("uri"), str), at, "a catalog has uri = \"...\"")
        properties = catalog.get("properties", {})
        self._require(isinstance(properties, dict) and all(isinstance(v, str) for v in properties.values()), at, "properties are texts")
        self._require(isinstance(catalog.get("read_only", False), bool), at, "read_only is true or false")
        return {**catalog, **({"secret": self._secret(catalog["secret"], at, "iceberg_catalog")} if "secret" in catalog else {})}

    # ---- strings -----------------------------------------------------------------------------------------------------

    def _expanded(self, value: Any, at: tuple[str, ...]) -> Any:
        """Strings with what they stand for. Under a name that is secret the text is a Secret."""
        if isinstance(value, dict):
            return {key: self._expanded(item, (*at, key)) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        text = self._looked_up(value, at)
        return Secret(text) if names_secret(at[-1]) and at[-1] != "secret" else text

    def _looked_up(self, value: str, at: tuple[str, ...]) -> str:
        if _FILE.fullmatch(value) and at[-1] not in ("uri", "warehouse"):
            try:
                return secret_file(Path(value.removeprefix("file:")).expanduser())
            except Error as error:
                raise self.wrong(at, error.message, error.hint) from None
        return _VARIABLE.sub(lambda found: self._variable(found.group(1), at), value)

    def _variable(self, name: str, at: tuple[str, ...]) -> str:
        value = os.environ.get(name)
        if value is None:
            raise self.wrong(at, f"the environment has no variable {name}", f"export {name}=... before kshell starts")
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            raise self.wrong(at, f"the variable {name} holds a line break or another control character",
                             "file:/path may hold several lines")
        return value

    def _no_literal_secrets(self, table: Mapping[str, Any], section: tuple[str, ...]) -> None:
        for at, text in _leaves(table, section):
            literal = names_secret(at[-1]) and at[-1] != "secret" and not _FILE.fullmatch(text) and not _VARIABLE.search(text)
            if self.loose and (literal or _PASSWORD_IN_ADDRESS.search(text)):
                raise self.wrong(at, f"{at[-1]} is a literal secret in a file that others may read",
                                 f"chmod 600 {self.path}, or write ${{NAME}} or file:/path")

    # ---- errors ------------------------------------------------------------------------------------------------------

    def _known(self, table: Mapping[str, Any], keys: tuple[str, ...], section: tuple[str, ...]) -> None:
        for key in table:
            if key not in keys:
                raise self.wrong((*section, key), f"there is no key {key}", did_you_mean(key, keys) or f"keys: {', '.join(keys)}")

    def _require(self, holds: bool, at: tuple[str, ...], otherwise: str) -> None:
        if not holds:
            raise self.wrong(at, otherwise)

    def wrong(self, at: tuple[str, ...], message: str, hint: str | None = None) -> UsageError:
        return UsageError(f"{self.path}:{self.line(at)}: {message}", hint=hint)

    def line(self, at: tuple[str, ...]) -> int:
        """Where a key stands; tomllib does not say. The section that holds it is the nearest that is found."""
        section: list[str] = []
        best, depth = 1, 0
        for number, text in enumerate(self.text.splitlines(), start=1):
            header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", text)
            if header:
                section = _dotted(header.group(1))
                here = section
            else:
                key = re.match(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""", text)
                if key is None:
                    continue
                here = [*section, *_dotted(key.group(1))]
            both = min(len(here), len(at))
            shared = both if list(at[:both]) == here[:both] else 0
            if shared > depth:
                best, depth = number, shared
        return best


def _dotted(text: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"""\s*("[^"]*"|'[^']*'|[^.]+)""", text)]


def _leaves(table: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*at, key))
        elif isinstance(value, str):
            yield (*at, key), value


# ---- kshell config -------------------------------------------------------------------------------------------------

EXAMPLE = """\
# kshell's configuration. Precedence: flag, environment, profile, top level of this file, default.
# Strings may hold ${NAME} (a variable of the environment); "file:/path" is the content of a file that only you may read.

# editing_mode = "emacs"            # or "vi"
# pager = "less -SRXF"
# buffer_bytes = "2GB"              # all sources together; default: a quarter of memory
# allow_commands = false            # whether COMMAND '...' may give the value of a secret

# [profiles.prod]                   # kshell -P prod
# brokers = "broker.prod:9093"      # attached as kafka
# secret = { type = "kafka", sasl_mechanism = "SCRAM-SHA-512", sasl_username = "${KAFKA_USER}", sasl_password = "${KAFKA_PASSWORD}" }
# schema_registry = "https://registry.prod:8081"         # or the name of a secret of TYPE schema_registry
# catalogs.ice = { catalog = "rest", uri = "https://catalog.prod", warehouse = "s3://warehouse" }
# init = "prod.sql"                 # run first; the path is seen from this file
# read_only = true
# prompt_color = "red"
"""


def write_example(path: str | None) -> Path:
    """A commented file where there is none. UsageError where there is one."""
    place = Path(path).expanduser() if path else usual_file()
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(EXAMPLE)
    except FileExistsError:
        raise UsageError(f"{place} exists already", hint="kshell config validate checks it") from None
    return place


def usual_file() -> Path:
    return config_folder() / "config.toml"


def profiles(path: Path | None) -> list[str]:
    """The names of the profiles in a file; none without one."""
    return list(_Parsed(path).table.get("profiles", {})) if path is not None and path.is_file() else []


def validate(path: str | None) -> list[str]:
    """Reads the file with every profile in it; the names of the profiles."""
    file = _file(path)
    if file is None:
        raise UsageError(f"there is no configuration file {usual_file()}", hint="kshell config init writes one")
    parsed = _Parsed(file)
    parsed.top()
    names = list(parsed.table.get("profiles", {}))
    for name in names:
        parsed.profile(name)
    return names


def rows(config: Config) -> list[tuple[str, str | None, str]]:
    """key, value, origin; secrets as ***."""
    listed = [("config", str(config.path) if config.path else None, "file" if config.path else "there is none"),
              ("profile", config.profile, "as chosen" if config.profile else "none")]
    for key, value in config.values.items():
        parts = [(key, value.value)] if not isinstance(value.value, dict) or not value.value else list(_flat(key, value.value))
        listed += [(name, None if part in (None, {}) else _text(part), value.origin) for name, part in parts]
    return listed


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = f"{prefix}.{key.lower()}"
        if isinstance(value, dict):
            yield from _flat(name, value)
        else:
            yield name, value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return redact(str(value))
