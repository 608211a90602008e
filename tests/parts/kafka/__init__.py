"""One Apache Kafka broker in KRaft mode, broker and controller in one process. Answers about 1.2 s after `start`.

Quick because the storage is formatted once and copied, and because the classes come from an archive (AppCDS) of one short life."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.parts import jars
from tests.parts.server import Server, free_ports

HERE = Path(__file__).parent
CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAQ"         # any 16 bytes in url-safe base64; fixed, so that one formatted storage fits every broker
FORMAT_TIMEOUT_S = 60


class Broker(Server):
    """Ports: `port` clients, +1 the controller, +2 SASL_PLAINTEXT, +3 SSL and +4 SASL_SSL when `secure`."""

    ready_word = "Kafka Server started"

    def __init__(self, folder: Path, *, port: int | None = None, heap: str = "160m", full_jit: bool = False, secure: bool = False,
                 auto_create: bool = False, session_timeout_ms: int = 3000) -> None:
        """After a crash the broker is let in again once `session_timeout_ms` have passed; one that gets no processor time for
        longer than that is taken for dead."""
        super().__init__(folder)
        self.port = port or free_ports(5)
        self.heap, self.full_jit, self.secure, self.auto_create = heap, full_jit, secure, auto_create
        self.session_timeout_ms = session_timeout_ms

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def secure_bootstrap(self) -> str:
        """Where users with SCRAM passwords connect. Only with `secure`."""
        return f"127.0.0.1:{self.port + 2}"

    @property
    def tls_bootstrap(self) -> str:
        """Where nobody signs in. Only with `secure`, as below."""
        return f"127.0.0.1:{self.port + 3}"

    @property
    def secure_tls_bootstrap(self) -> str:
        """TLS and SCRAM passwords."""
        return f"127.0.0.1:{self.port + 4}"

    @property
    def ca(self) -> Path:
        """The authority that signed the broker's certificate: itself."""
        return _certificate() / "ca.pem"

    def command(self) -> list[str]:
        if not (self.folder / "data").exists():
            shutil.copytree(_formatted() / "data", self.folder / "data")
        self.write_properties()
        return self.java("kafka.Kafka", str(self.folder / "server.properties"), archive=_archive())

    def write_properties(self) -> None:
        listeners = f"PLAINTEXT://{self.bootstrap}"
        if self.secure:
            listeners += (f",SASL_PLAINTEXT://{self.secure_bootstrap},SSL://{self.tls_bootstrap}"
                          f",SASL_SSL://{self.secure_tls_bootstrap}")
        text = (HERE / "server.properties").read_text()
        for name, value in (("folder", self.folder), ("listeners", listeners), ("controller_port", self.port + 1),
                            ("auto_create", str(self.auto_create).lower()), ("session_timeout_ms", self.session_timeout_ms)):
            text = text.replace("{" + name + "}", str(value))
        extra = (HERE / "secure.properties").read_text().replace("{keystore}", str(_certificate() / "broker.p12")) if self.secure else ""
        (self.folder / "server.properties").write_text(text + extra)

    def java(self, main: str, *arguments: str, archive: Path | None = None, flags: tuple[str, ...] = ()) -> list[str]:
        jit = [] if self.full_jit else ["-XX:TieredStopAtLevel=1"]
        shared = [f"-XX:SharedArchiveFile={archive}"] if archive else []
        classes = jars.classpath(jars.of(HERE / "pom.xml"))
        return ["java", f"-Xmx{self.heap}", "-Xms32m", "-Xss512k", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto", *jit, *shared,
                *flags, f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}", "-cp", classes, main, *arguments]


class _Rehearsal(Broker):
    """A broker whose loaded classes are written to an archive when it ends."""

    def __init__(self, folder: Path, archive: Path) -> None:
        super().__init__(folder)
        self._archive = archive

    def command(self) -> list[str]:
        shutil.copytree(_formatted() / "data", self.folder / "data")
        self.write_properties()
        return self.java("kafka.Kafka", str(self.folder / "server.properties"), flags=(f"-XX:ArchiveClassesAtExit={self._archive}",))


def _key() -> str:
    return jars.of(HERE / "pom.xml").name


def _formatted() -> Path:
    """A folder with `data` as Kafka's own tool formats it. Nothing in there depends on ports."""
    def build(folder: Path) -> None:
        broker = Broker(folder)
        broker.write_properties()
        properties = str(folder / "server.properties")
        jars.run(broker.java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties), FORMAT_TIMEOUT_S)

    return jars.built(f"{_key()}-formatted", build)


def _certificate() -> Path:
    """A folder with `broker.p12` and, for clients, `ca.pem`. Valid for 127.0.0.1 only."""
    def build(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        store = ["-keystore", str(folder / "broker.p12"), "-storepass", "for-tests", "-alias", "broker"]
        jars.run(["keytool", "-genkeypair", *store, "-storetype", "PKCS12", "-keyalg", "EC", "-groupname", "secp256r1",
                  "-dname", "CN=127.0.0.1", "-validity", "3650", "-ext", "SAN=ip:127.0.0.1", "-ext", "BC=ca:true"], FORMAT_TIMEOUT_S)
        jars.run(["keytool", "-exportcert", "-rfc", *store, "-file", str(folder / "ca.pem")], FORMAT_TIMEOUT_S)

    return jars.built("broker-certificate", build)


def _archive() -> Path:
    def build(file: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="kshell-rehearsal-") as folder:
            rehearsal = _Rehearsal(Path(folder), file)
            rehearsal.start()
            rehearsal.stop()

    return jars.built(f"{_key()}.jsa", build)
