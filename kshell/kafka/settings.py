"""librdkafka's settings: which a user may give in CONFIG, which kshell fixes, and what a client of ours is built with.

Invariant: CONFIG passes an allow-list. What decides exactly-once is fixed here and cannot be given; what loads code, runs a
command or switches verification off is never accepted, whatever librdkafka may add later."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from kshell.errors import BadValueError, RefusedError, UnknownOptionError, did_you_mean
from kshell.options import reveal, revealed

log = logging.getLogger("kshell.kafka")
log.addHandler(logging.NullHandler())         # without one, warnings would go to stderr

READER_GROUP = "kshell-reader"                # the client demands a name; an assign-only consumer never joins it
QUEUE_KBYTES = 65_536

_NAMES: Mapping[str, str] = {
    "": (
        "client.dns.lookup client.id client.rack connections.max.idle.ms debug group.instance.id heartbeat.interval.ms "
        "max.partition.fetch.bytes max.poll.interval.ms queued.min.messages receive.message.max.bytes security.protocol "
        "session.timeout.ms"
    ),
    "broker.": "address.family address.ttl version.fallback",
    "api.version.": "fallback.ms request.timeout.ms",
    "retry.backoff.": "max.ms ms",
    "reconnect.backoff.": "max.ms ms",
    "topic.metadata.refresh.": "fast.interval.ms interval.ms sparse",
    "metadata.": "max.age.ms recovery.rebootstrap.trigger.ms recovery.strategy",
    "fetch.": "error.backoff.ms max.bytes message.max.bytes min.bytes queue.backoff.ms wait.max.ms",
    "socket.": "connection.setup.timeout.ms keepalive.enable max.fails nagle.disable receive.buffer.bytes send.buffer.bytes timeout.ms",
    "ssl.": (
        "ca.certificate.stores ca.location ca.pem certificate.location certificate.pem cipher.suites crl.location curves.list "
        "key.location key.password key.pem keystore.location keystore.password sigalgs.list"
    ),
    "sasl.": "kerberos.keytab kerberos.principal kerberos.service.name mechanism mechanisms password username",
    "sasl.oauthbearer.": (
        "client.credentials.client.id client.credentials.client.secret client.id client.secret config extensions grant.type "
        "method scope token.endpoint.url"
    ),
    "sasl.oauthbearer.assertion.": (
        "algorithm claim.aud claim.exp.seconds claim.iss claim.jti.include claim.nbf.seconds claim.sub file jwt.template.file "
        "private.key.file private.key.passphrase private.key.pem"
    ),
}
ALLOWED = frozenset(prefix + name for prefix, names in _NAMES.items() for name in names.split())

# what kshell fixes -> what to write instead; None: there is nothing to decide
OWNED: Mapping[str, str | None] = {
    "allow.auto.create.topics": None, "auto.commit.interval.ms": None, "auto.offset.reset": "use START",
    "bootstrap.servers": "use the address of ATTACH", "check.crcs": None, "enable.auto.commit": None, "enable.auto.offset.store": None,
    "enable.metrics.push": None, "enable.partition.eof": None, "group.id": "use GROUP of the sink", "group.protocol": None,
    "group.remote.assignor": None, "isolation.level": "use ISOLATION", "log_level": "use debug",
    "metadata.broker.list": "use the address of ATTACH", "partition.assignment.strategy": None,
    "queued.max.messages.kbytes": "it follows from the memory budget",
}

# never, with the reason; a name here covers everything below it
REFUSED: Mapping[str, str] = {
    "enable.sasl.oauthbearer.unsecure.jwt": "it accepts unsigned tokens",
    "enable.ssl.certificate.verification": "switching verification off needs INSECURE true on the connection",
    "interceptors": "it runs code", "plugin.library.paths": "it loads code", "sasl.kerberos.kinit.cmd": "it runs a command",
    "ssl.endpoint.identification.algorithm": "switching verification off needs INSECURE true on the connection",
    "ssl.engine": "it loads code", "ssl.providers": "it loads code", "test": "it is for tests of the client library",
}

_LOUD = frozenset({"security", "conf", "all"})     # these topics of `debug` print credentials

_CLIENT: Mapping[str, str | bool | int] = {
    "client.id": "kshell", "enable.metrics.push": False, "socket.keepalive.enable": True, "reconnect.backoff.max.ms": 1000,
    "topic.metadata.refresh.interval.ms": 30_000,
}

# exactly_once: positions come from the table, never from the broker's memory of a group, and nothing resets by itself
_READER: Mapping[str, str | bool | int] = {
    "group.id": READER_GROUP, "auto.offset.reset": "error", "enable.auto.commit": False, "enable.auto.offset.store": False,
    "check.crcs": True, "allow.auto.create.topics": False, "enable.partition.eof": True, "queued.max.messages.kbytes": QUEUE_KBYTES,
}

# a full queue makes the fetcher wait this long: the library's default of a second cuts a drain to an eighth
_READER_DEFAULTS: Mapping[str, str | bool | int] = {
    "fetch.queue.backoff.ms": 10, "fetch.error.backoff.ms": 100,
    "fetch.wait.max.ms": 100,                 # the end of a partition is only known once a fetch comes back empty
}


def checked(config: Mapping[str, str]) -> dict[str, str]:
    """CONFIG as given, or an error that names the first setting that may not stand there."""
    return {name: _checked(name, value) for name, value in config.items()}


def tried(config: Mapping[str, str]) -> None:
    """CONFIG as the client library judges it, values too: BadValueError in its words."""
    from confluent_kafka import Consumer, KafkaException

    accepted = checked(config)
    try:
        Consumer({**revealed(accepted), "group.id": READER_GROUP, "log_level": 0}).close()
    except KafkaException as refused:
        said = refused.args[0].str() if hasattr(refused.args[0], "str") else str(refused)
        raise BadValueError(f"CONFIG: {said}", hint="settings and their values: librdkafka's CONFIGURATION.md") from None


def _checked(name: str, value: str) -> str:
    if name in OWNED:
        instead = OWNED[name]
        raise RefusedError(f"{name} is owned by kshell" + (f"; {instead}" if instead else ""), hint=f"take {name} out of CONFIG")
    for refused, reason in REFUSED.items():
        if name == refused or name.startswith(refused + "."):
            raise RefusedError(f"{name} is not accepted in CONFIG: {reason}", hint=f"take {name} out of CONFIG")
    if name.endswith("_cb"):
        raise RefusedError(f"{name} is not accepted in CONFIG: it runs code", hint=f"take {name} out of CONFIG")
    if name not in ALLOWED:
        raise UnknownOptionError(f"CONFIG has no setting {name!r}",
                                 hint=did_you_mean(name, ALLOWED) or "CONFIG takes settings of librdkafka's consumer")
    if name == "debug" and _LOUD & {topic.strip() for topic in value.split(",")}:
        raise RefusedError(f"debug = {value!r} would print credentials", hint="debug = 'broker,fetch,topic' shows connections and fetches")
    return value


def security(*, protocol: str | None = None, mechanism: str | None = None, username: str | None = None, password: str | None = None,
             ca: str | None = None, certificate: str | None = None, key: str | None = None, key_password: str | None = None,
             oauth: Mapping[str, str | None] | None = None, allow_plaintext_credentials: bool = False,
             insecure: bool = False) -> dict[str, str]:
    """The settings of a connection's options; `oauth`: client_id, client_secret, token_endpoint_url, scope.

    With credentials the default is SASL_SSL; without encryption they are refused unless allowed."""
    tokens = {_OAUTH[name]: value for name, value in (oauth or {}).items() if value is not None}
    credentials = bool(password or tokens)
    protocol = (protocol or ("SASL_SSL" if credentials else "SSL" if ca or certificate else "PLAINTEXT")).upper()
    if credentials and not protocol.endswith("SSL") and not allow_plaintext_credentials:
        raise RefusedError(f"{protocol} would send the password unencrypted",
                           hint="use SECURITY_PROTOCOL 'SASL_SSL', or say ALLOW_PLAINTEXT_CREDENTIALS true")
    given = {
        "security.protocol": protocol, "sasl.mechanism": (mechanism or _mechanism(password, tokens) or "").upper() or None,
        "sasl.username": username, "sasl.password": password, "ssl.key.password": key_password,
        "enable.ssl.certificate.verification": "false" if insecure else None, **_pem("ca", ca), **_pem("certificate", certificate),
        **_pem("key", key), **({"sasl.oauthbearer.method": "oidc"} if tokens else {}), **tokens,
    }
    return {name: value for name, value in given.items() if value is not None}


_OAUTH = {"client_id": "sasl.oauthbearer.client.id", "client_secret": "sasl.oauthbearer.client.secret",
          "token_endpoint_url": "sasl.oauthbearer.token.endpoint.url", "scope": "sasl.oauthbearer.scope"}


def _mechanism(password: str | None, tokens: Mapping[str, str]) -> str | None:
    return "OAUTHBEARER" if tokens else "PLAIN" if password else None


def _pem(what: str, given: str | None) -> dict[str, str | None]:
    """A path, or the text of a PEM file itself."""
    return {f"ssl.{what}.{'pem' if '-----BEGIN' in str(reveal(given)) else 'location'}": given}


def client(bootstrap: str, config: Mapping[str, str]) -> dict[str, str | bool | int]:
    """For any client. Silent unless the user asks to debug: what matters arrives as events, and stderr is not the library's."""
    return {**_CLIENT, **revealed(config), "bootstrap.servers": bootstrap, "log_level": 7 if "debug" in config else 0}


def reader(bootstrap: str, config: Mapping[str, str], isolation: str) -> dict[str, str | bool | int]:
    """For a consumer that is assigned its partitions. The fixed settings stand last: nothing overrides them."""
    return {**_READER_DEFAULTS, **client(bootstrap, config), **_READER, "isolation.level": isolation}


def committer(bootstrap: str, config: Mapping[str, str], group: str) -> dict[str, str | bool | int]:
    """For a consumer that never joins its group and only leaves offsets there."""
    return {**client(bootstrap, config), **_READER, "group.id": group}
