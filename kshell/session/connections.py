"""Clusters and catalogs by name: ATTACH, DETACH, and what is there without being attached.

Invariant: a name is a cluster or a catalog, never both; the embedded catalog `local` is made when it is first used, and a cluster of the
configuration is waited for when it is first used."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from kshell.columns import quote, quote_if_needed
from kshell.errors import BadValueError, ConflictError, ExistsError, NotFoundError, UnreachableError, did_you_mean
from kshell.lang import declared
from kshell.lang.statements import Attach
from kshell.options import revealed
from kshell.options.secret import wrap
from kshell.session.attached import Attached, Catalog, ConfiguredCatalog
from kshell.session.context import Context
from kshell.session.cures import broker_cure, catalog_cure
from kshell.session.expected import Expected
from kshell.session.placed import placed
from kshell.session.registries import Registries

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake
    from kshell.kafka.cluster import Cluster
    from kshell.schemas.registry import SchemaRegistry
    from kshell.session.secrets import Held, Secrets

LOCAL = "local"
_KAFKA_SCHEME = "kafka://"
_HINT_S = 1.0                                 # what an error may wait for the names of topics
_STORES = ("s3://", "s3a://", "gs://", "http://", "https://")


class Connections:
    def __init__(self, context: Context, secrets: Secrets) -> None:
        self._context = context
        self._secrets = secrets
        self.configured: dict[str, ConfiguredCatalog] = {}    # of the configuration: opened on first use
        self.clusters: dict[str, Attached] = {}
        self.expected: dict[str, Expected] = {}               # of the configuration: known by name, not connected
        self._connecting: set[Cluster] = set()                # by a statement, which Ctrl-C ends
        self.catalogs: dict[str, Catalog] = {}
        self.sealed = False                                   # no catalog is changed, by whatever is asked
        self.topics: dict[str, tuple[str, ...]] = {}          # as last seen; for completion and did-you-mean
        self.registries = Registries(context, secrets)
        self._lock = threading.Lock()
        self._naming = threading.Lock()                       # what is expected becomes what is attached

    # ---- ATTACH, DETACH ----------------------------------------------------------------------------------------------

    def attach(self, statement: Attach) -> str | None:
        """The note for the user; None: it was there and IF NOT EXISTS was said."""
        taken = self.owns(statement.name)
        if taken and statement.if_not_exists:
            return None
        if taken and not statement.or_replace:
            raise ExistsError(f"{statement.name} is attached already", hint=f"DETACH {statement.name}, or ATTACH OR REPLACE")
        return self._attach_kafka(statement) if statement.kind == "kafka" else self._attach_iceberg(statement)

    def _attach_kafka(self, statement: Attach) -> str:
        from kshell.kafka.settings import checked

        options = declared.ATTACH_KAFKA.parse(statement.options, self._context.resolve, zone=self._context.zone())
        if options["SCHEMA_REGISTRY"] is not None:
            with placed(options.spans.get("SCHEMA_REGISTRY")):    # a name that is wrong is told here, not at the first source
                self.registries.named(options["SCHEMA_REGISTRY"])
        secret = self._secrets.chosen(options["SECRET"], "kafka", statement.uri)
        address = address_of(statement.uri) or (secret.values.get("BOOTSTRAP_SERVERS", "") if secret else "")
        if not address:
            raise BadValueError("the address names no broker", hint="ATTACH 'kafka://host:9092', or BOOTSTRAP_SERVERS in the secret")
        with placed(options.spans.get("CONFIG")):
            config = checked(wrap(options["CONFIG"] or {}))
        cluster = self._connected(statement.name, address, config, options["TIMEOUT"], secret)
        own = ("SECRET", "SCHEMA_REGISTRY", "TIMEOUT", "CONFIG")
        defaults = {k: v for k, v in options.items() if k in options.given and k not in own}
        self._put_cluster(statement.name, Attached(cluster, statement.uri, options.written(), defaults, secret))
        count = len(self.topics[statement.name])
        return f"cluster {statement.name} attached: {count} topic{'s' if count != 1 else ''}"

    def attach_address(self, name: str, address: str, secret: str | None = None) -> Cluster:
        """For FROM KAFKA 'host:9092', and wherever brokers are to be connected at once. `secret`: by name, else by SCOPE."""
        uri = _KAFKA_SCHEME + address_of(address)
        held = self._secrets.chosen(secret, "kafka", uri)
        cluster = self._connected(name, address_of(address), {}, self._context.settings.timeout, held)
        self._put_cluster(name, Attached(cluster, uri, {"SECRET": held.name} if held else {}, secret=held))
        return cluster

    def expect(self, name: str, address: str, secret: str | None = None) -> None:
        """For the brokers of the configuration: the name holds at once, who uses it waits for the connection."""
        address, uri = address_of(address), _KAFKA_SCHEME + address_of(address)
        held = self._secrets.chosen(secret, "kafka", uri)
        self.expected[name] = Expected(
            address, uri, held, make=lambda: self._made(name, address, {}, self._context.settings.timeout, held),
            reach=lambda expected, cluster: self._arrived(name, expected, cluster),
            unheard=lambda failed: self._context.warn(f"{failed.message}; the next use of {name} tries again"))

    def begin(self) -> None:
        """Connect what is expected, beside whatever else goes on."""
        for expected in list(self.expected.values()):
            expected.begin()

    def _arrived(self, name: str, expected: Expected, cluster: Cluster) -> None:
        self._reach(cluster, expected.secret)
        with self._naming:
            if self.expected.get(name) is expected:
                self.clusters[name] = Attached(cluster, expected.uri, expected.options, secret=expected.secret)
                del self.expected[name]
                return
        cluster.close()                       # meanwhile it was detached, or another has taken its name

    def _connected(self, name: str, address: str, config: Mapping[str, str], timeout_s: float, secret: Held | None) -> Cluster:
        cluster = self._made(name, address, config, timeout_s, secret)
        self._connecting.add(cluster)
        try:
            self._reach(cluster, secret)
        finally:
            self._connecting.discard(cluster)
        return cluster

    def _made(self, name: str, address: str, config: Mapping[str, str], timeout_s: float, secret: Held | None) -> Cluster:
        from kshell.kafka.cluster import Cluster
        from kshell.session.secrets import as_kafka

        return Cluster(name, address, config, timeout_s, security=as_kafka(secret) if secret else {})

    def _reach(self, cluster: Cluster, secret: Held | None) -> None:
        """Connect; one that cannot be reached is closed."""
        try:
            self.topics[cluster.name] = tuple(t.name for t in cluster.topics())
        except UnreachableError as failed:
            cluster.close()
            raise UnreachableError(failed.message, hint=broker_cure(failed, secret)) from None
        except BaseException:
            cluster.close()
            raise
        if secret is not None and secret.insecure:
            self._context.warn(f"cluster {cluster.name}: certificates and host names are not checked (INSECURE in secret {secret.name})")

    def _put_cluster(self, name: str, attached: Attached) -> None:
        with self._naming:
            old, expected = self.clusters.get(name), self.expected.pop(name, None)
            self.clusters[name] = attached
        if old is not None:
            old.cluster.close()
        if expected is not None:
            expected.close()

    def _attach_iceberg(self, statement: Attach) -> str:
        options = declared.ATTACH_ICEBERG.parse(statement.options, self._context.resolve, zone=self._context.zone())
        asked = ConfiguredCatalog(str(options["CATALOG"]), statement.uri, options["WAREHOUSE"], options["SECRET"],
                                  wrap(options["PROPERTIES"] or {}))
        lake = self._opened(statement.name, asked, options["NAME"])
        self._put_catalog(statement.name, Catalog(lake, bool(options["READ_ONLY"]), options.written()))
        return f"catalog {statement.name} attached"

    def _opened(self, name: str, asked: ConfiguredCatalog, files_as: str | None = None) -> Lake:
        """The catalog with its secret: here the values are unwrapped, for the call that opens it and for DuckDB."""
        from kshell.iceberg.catalogs import open_catalog
        from kshell.session.secrets import as_catalog

        secret = self._secrets.chosen(asked.secret, "iceberg_catalog", asked.uri)
        properties = {**(as_catalog(secret) if secret else {}), **revealed(asked.properties)}
        try:
            lake = open_catalog(asked.kind, name, asked.uri, asked.warehouse, properties, catalog_name=files_as,
                                data_dir=self._context.data_dir, sealed=self.sealed)
        except UnreachableError as failed:
            raise UnreachableError(failed.message, hint=catalog_cure(failed, secret)) from None
        self._let_duckdb_read(name, properties, asked.warehouse)
        return lake

    def _let_duckdb_read(self, name: str, properties: Mapping[str, str], warehouse: str | None) -> None:
        """Writer and reader use the same keys."""
        from kshell.session.secrets import duckdb_secret

        text = duckdb_secret(name, properties, warehouse)
        if text is not None or (warehouse or "").startswith(_STORES):
            self._context.engine.need("httpfs")
        if text is not None:
            with closing(self._context.engine.cursor()) as cursor:
                cursor.execute(text)

    def _put_catalog(self, name: str, catalog: Catalog) -> None:
        """Its tables are views in an in-memory database of its name, made when they are first used."""
        if name not in self.catalogs:
            self._context.engine.cursor().execute(f"ATTACH IF NOT EXISTS ':memory:' AS {quote(name)}")
        self.catalogs[name] = catalog

    def seal(self) -> None:
        """No catalog, of today or of later, is changed from here on."""
        self.sealed = True
        for catalog in list(self.catalogs.values()):
            catalog.lake.seal()

    def detach(self, name: str, used_by: list[str]) -> str:
        if used_by:
            raise ConflictError(f"{name} is used by {', '.join(used_by)}",
                                hint=f"DROP {'SINK' if name in self.catalogs else 'SOURCE'} {used_by[0]} first")
        with self._naming:
            gone = [self.expected.pop(name, None), attached.cluster if (attached := self.clusters.pop(name, None)) is not None else None]
        for connection in gone:
            if connection is not None:
                connection.close()
                self.topics.pop(name, None)
                return f"cluster {name} detached"
        catalog = self.catalogs.pop(name)
        catalog.lake.close()
        self._context.engine.cursor().execute(f"DETACH {quote(name)}")
        return f"catalog {name} detached"

    def owns(self, name: str) -> bool:
        return name in self.clusters or name in self.expected or name in self.catalogs

    def cluster_names(self) -> list[str]:
        """Of those that are attached and those that are expected."""
        return list(dict.fromkeys([*self.clusters, *self.expected]))

    def cancel(self) -> None:
        """Calls of a statement that are under way end with CancelledError, from any thread."""
        for cluster in [*(attached.cluster for attached in list(self.clusters.values())), *list(self._connecting)]:
            cluster.cancel()

    # ---- look-up -----------------------------------------------------------------------------------------------------

    def attached(self, name: str | None, *, is_address: bool = False) -> Attached:
        """The cluster of this name; of an address, attached on the fly; without a name the only one, or the one called kafka."""
        if name is not None and is_address:
            return self._by_address(name)
        return self._by_name(name if name is not None else self._only())

    def _only(self) -> str:
        names = self.cluster_names()
        if len(names) == 1:
            return names[0]
        if "kafka" in names:
            return "kafka"
        if not names:
            raise NotFoundError("no cluster is attached",
                                hint="ATTACH 'kafka://host:9092' AS k (TYPE kafka), or start with --brokers host:9092")
        raise BadValueError(f"several clusters are attached: {', '.join(names)}", hint=f"say which: FROM KAFKA {names[0]}")

    def _by_name(self, name: str) -> Attached:
        if (expected := self.expected.get(name)) is not None:
            expected.wait(self._context.cancel.check)
        if name not in self.clusters:
            otherwise = f"ATTACH 'kafka://host:9092' AS {quote_if_needed(name)} (TYPE kafka)"
            raise NotFoundError(f"no cluster {name} is attached", named=name,
                                hint=did_you_mean(name, self.cluster_names()) or otherwise)
        return self.clusters[name]

    def _by_address(self, address: str) -> Attached:
        at = {expected.address: name for name, expected in list(self.expected.items())}
        at |= {attached.cluster.bootstrap: name for name, attached in list(self.clusters.items())}
        if (known := at.get(address_of(address))) is not None:
            return self._by_name(known)
        name = next(n for n in ("kafka", *(f"kafka{i}" for i in range(2, 1000))) if not self.owns(n))
        self.attach_address(name, address)
        return self.clusters[name]

    def cluster(self, name: str | None) -> Cluster:
        return self.attached(name).cluster

    def registry(self, named: str | None, cluster: str) -> SchemaRegistry | None:
        """By address or name of a secret, else that of the cluster, else that of the configuration. None: no registry is known."""
        attached = self.clusters.get(cluster)
        return self.registries.chosen({"SCHEMA_REGISTRY": named}, attached.options if attached is not None else {})

    def catalog(self, name: str) -> Catalog:
        """The catalog of this name. `local` is made on first use; those of PyIceberg's own configuration open by name."""
        with self._lock:
            if name not in self.catalogs:
                self._open_by_name(name)
            return self.catalogs[name]

    def _open_by_name(self, name: str) -> None:
        from kshell.iceberg.catalogs import open_catalog

        if name == LOCAL:
            lake = open_catalog(LOCAL, LOCAL, data_dir=self._context.data_dir, sealed=self.sealed)
            self._put_catalog(LOCAL, Catalog(lake, read_only=False))
            return
        if name in self.configured:
            asked = self.configured[name]
            self._put_catalog(name, Catalog(self._opened(name, asked), asked.read_only))
            return
        from kshell.iceberg.configured import names, open_configured

        if name not in names():
            raise NotFoundError(f"no catalog {name} is attached", named=name,
                                hint=did_you_mean(name, [*self.catalogs, LOCAL, *self.configured, *names()])
                                or f"ATTACH '<uri>' AS {quote_if_needed(name)} (TYPE iceberg, CATALOG rest)")
        self._put_catalog(name, Catalog(open_configured(name, sealed=self.sealed), read_only=False))

    def topics_for_hints(self) -> Iterator[tuple[str, str]]:
        """As `known_topics`; a cluster that nothing has asked yet gets a second to answer."""
        for expected in list(self.expected.values()):
            expected.hope(_HINT_S)
        return self.known_topics()

    def known_topics(self) -> Iterator[tuple[str, str]]:
        """(cluster, topic) as last seen; asks nobody."""
        for cluster, topics in list(self.topics.items()):
            for topic in topics:
                yield cluster, topic

    def close(self) -> None:
        for expected in list(self.expected.values()):
            expected.close()
        for attached in self.clusters.values():
            attached.cluster.close()
        for catalog in self.catalogs.values():
            catalog.lake.close()


def address_of(uri: str) -> str:
    """kafka://a:9092,b:9092 -> a:9092,b:9092"""
    return uri.removeprefix(_KAFKA_SCHEME).rstrip("/")
