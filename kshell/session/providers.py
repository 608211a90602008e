"""Where the values of a kafka secret come from besides its statement: PROVIDER env and PROVIDER file.

Invariant: what the statement says goes before what its provider says; a value that is secret is a Secret from here on, and a file that
holds one is read only when nobody else may."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kshell.errors import BadValueError, Error, RefusedError
from kshell.lang import declared
from kshell.options import RawOption, Secret, SecretText, Span, canonical, names_secret, redact
from kshell.options.private import refuse_loose
from kshell.options.secret import wrap

PREFIX = "KAFKA_"
_SETTINGS = {
    "bootstrap.servers": "BOOTSTRAP_SERVERS", "metadata.broker.list": "BOOTSTRAP_SERVERS", "security.protocol": "SECURITY_PROTOCOL",
    "sasl.mechanism": "SASL_MECHANISM", "sasl.mechanisms": "SASL_MECHANISM", "sasl.username": "SASL_USERNAME",
    "sasl.password": "SASL_PASSWORD", "ssl.ca.location": "SSL_CA", "ssl.ca.pem": "SSL_CA", "ssl.certificate.location": "SSL_CERT",
    "ssl.certificate.pem": "SSL_CERT", "ssl.key.location": "SSL_KEY", "ssl.key.pem": "SSL_KEY", "ssl.key.password": "SSL_KEY_PASSWORD",
    "sasl.oauthbearer.client.id": "OAUTH_CLIENT_ID", "sasl.oauthbearer.client.secret": "OAUTH_CLIENT_SECRET",
    "sasl.oauthbearer.token.endpoint.url": "OAUTH_TOKEN_ENDPOINT_URL", "sasl.oauthbearer.scope": "OAUTH_SCOPE",
}
_OF_JAVA = {
    "sasl.jaas.config": "sasl.username and sasl.password", "ssl.truststore.location": "ssl.ca.location, a file in PEM",
    "ssl.keystore.type": "ssl.certificate.location and ssl.key.location, files in PEM",
}
_HERE = ("PROVIDER", "PATH", "SCOPE", "CONFIG")           # said in the statement only


def provided(provider: str, path: str | None, secret: str) -> dict[str, Any]:
    """Option -> value. `config` gives none: everything stands in the statement."""
    if provider == "file" and path is None:
        raise BadValueError(f"secret {secret}: PROVIDER file needs a path", hint="PATH '/etc/kafka/client.properties'")
    if provider != "file" and path is not None:
        raise BadValueError(f"secret {secret}: PATH belongs to PROVIDER file", hint="PROVIDER file, PATH '...'")
    if provider == "env":
        return _of_environment(secret)
    return _of_file(Path(str(path)).expanduser()) if provider == "file" else {}


def _of_environment(secret: str) -> dict[str, Any]:
    names = [name for name in declared.SECRETS["kafka"].names() if name not in _HERE and os.environ.get(PREFIX + name)]
    if not names:
        raise BadValueError(f"secret {secret}: the environment has no variable {PREFIX}...",
                            hint=f"export {PREFIX}SASL_USERNAME=... {PREFIX}SASL_PASSWORD=... before kshell starts")
    return _read({name: os.environ[PREFIX + name] for name in names}, f"variable {PREFIX}")


def _of_file(path: Path) -> dict[str, Any]:
    settings = _properties(path)
    if any(names_secret(name) for name in settings):
        refuse_loose(path)
    for name, instead in _OF_JAVA.items():
        if name in settings:
            raise RefusedError(f"{path}: {name} is a setting of the Java client", hint=f"the client of kshell takes {instead}")
    values = _read({_SETTINGS[name]: value for name, value in settings.items() if name in _SETTINGS}, f"{path}: ")
    rest = _rest(path, {name: value for name, value in settings.items() if name not in _SETTINGS})
    return values | ({"CONFIG": rest} if rest else {})


def _rest(path: Path, rest: Mapping[str, str]) -> dict[str, str]:
    from kshell.kafka.settings import checked

    try:
        return wrap(checked(rest))
    except Error as wrong:
        raise type(wrong)(f"{path}: {wrong.message}", hint=(wrong.hint or "").replace("out of CONFIG", "out of the file") or None) from None


def _properties(path: Path) -> dict[str, str]:
    try:
        text = path.read_text("utf-8")
    except OSError as failed:
        raise BadValueError(f"cannot read {path}: {failed.strerror}", hint="give the path of a file that this user may read") from None
    except UnicodeDecodeError:
        raise BadValueError(f"{path} is not UTF-8 text", hint="a .properties file has a line name=value for each setting") from None
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(("#", "!")):
            continue
        pair = re.fullmatch(r"\s*([\w.-]+)\s*[=:]\s*(.*?)\s*", line)
        if pair is None:
            raise BadValueError(f"{path}:{number}: this is no setting", hint="a .properties file has a line name=value for each setting")
        found[pair[1]] = pair[2]
    return found


def _read(texts: Mapping[str, str], where: str) -> dict[str, Any]:
    """The values by the declaration that CREATE SECRET has."""
    nowhere, known = Span(0, 0), declared.SECRETS["kafka"]
    values: dict[str, Any] = {}
    for name, text in texts.items():
        secret = isinstance(known[name].kind, SecretText)
        given: Any = Secret(text) if secret else {"true": True, "false": False}.get(text.lower(), text)
        try:
            values[name] = known.parse((RawOption(canonical(name), name, given, nowhere, nowhere),))[name]
        except Error as wrong:
            raise BadValueError(redact(f"{where}{name}: {wrong.message}"), hint=wrong.hint) from None
    return values


__all__ = ["provided"]
