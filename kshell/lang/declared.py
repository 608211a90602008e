"""Every option, argument and setting of kshell, declared once.

Invariant: parsing, did-you-mean, completion, `.manual` and the reference tables read these declarations and nothing else. An option that is
understood and not carried out is declared with `built=False` and refused by name."""

from __future__ import annotations

from kshell.options import (
    Address,
    Boolean,
    Count,
    Duration,
    Enum,
    ListOf,
    MapOf,
    Offsets,
    Option,
    OptionSet,
    OrNull,
    PositionOf,
    Regex,
    SecretText,
    Setting,
    Size,
    TableName,
    Text,
)

FORMATS = Enum(("json", "avro", "protobuf", "csv", "string", "raw"), aliases={"text": "string"})
KEY_FORMATS = Enum(("raw", "string", "json", "avro", "protobuf"), aliases={"text": "string"})
ENVELOPES = Enum(("connect", "debezium", "cloudevents"))
REGISTRY = Address("an address such as 'http://host:8081', or the name of a secret")
INCLUDED = ListOf(Enum(("topic", "headers", "value", "rest")), takes="a list of topic, headers, value, rest")
PARTITIONS = ListOf(Count(low=0), takes="a list of partitions such as [0, 1]", filled=True)
CLIENT_CONFIG = Option("CONFIG", MapOf("a map such as MAP {'fetch.min.bytes': '1'}"), {}, "settings of librdkafka, the client", fixed=True)

_BROKERS = "brokers belong to ATTACH 'kafka://host:9092' AS k (TYPE kafka); then FROM KAFKA k"
_NO_GROUP = "a source joins no group and commits nothing; a sink keeps the progress, its option is GROUP"

SOURCE = OptionSet(
    "CREATE SOURCE",
    (
        Option("TOPIC", Text("the name of a topic"), None, "the topic", fixed=True, otherwise="the source's name"),
        Option("TOPICS", ListOf(Text("the name of a topic"), takes="a list of topics", filled=True), None, "several topics in one source",
               fixed=True),
        Option("TOPIC_PATTERN", Regex(), None, "every topic whose whole name matches; internal topics only if it says so", fixed=True),
        Option("START", PositionOf(refused=(("committed", "cannot be 'committed': a source has no group"),)), "earliest",
               "where the buffer begins", fixed=True),
        Option("STOP", PositionOf(("latest", "timestamp", "map")), None, "where a bounded source ends and is done", fixed=True),
        Option("PARTITIONS", PARTITIONS, None, "only these partitions", fixed=True, otherwise="all"),
        Option("FORMAT", FORMATS, None, "how the value is decoded; string gives value VARCHAR, raw gives value BLOB", fixed=True,
               otherwise="the registry's type for <topic>-value, else json"),
        Option("KEY_FORMAT", KEY_FORMATS, "raw", "how the key is decoded", fixed=True),
        Option("SCHEMA_REGISTRY", REGISTRY, None, "where schemas are found", fixed=True,
               otherwise="that of the cluster, or of the configuration"),
        Option("SCHEMA", Text("a subject, or a file named .avsc, .proto, .desc or .json"), None,
               "the schema that makes the columns, and that of values which name none", fixed=True, otherwise="subject <topic>-value"),
        Option("MESSAGE", Text("the full name of a message such as 'shop.Order'"), None, "the Protobuf message", fixed=True,
               otherwise="the first of the file"),
        Option("ENVELOPE", ENVELOPES, None, "what is wrapped around JSON: the row is the payload of Connect's JsonConverter, "
               "a change event of Debezium, or a CloudEvent's data with its attributes as ce_ columns", fixed=True, otherwise="nothing"),
        Option("INCLUDE", INCLUDED, [], "more metadata columns", fixed=True),
        Option("SAMPLE", Count(), 1000, "messages read to infer columns when none are declared", fixed=True),
        Option("SCHEMA_EVOLUTION", Enum(("none", "add")), None,
               "add: new fields become columns (where columns are inferred); none: they go to _kafka_rest or are counted (declared)"),
        Option("RETAIN_BYTES", Size(), "512MB", "how much the buffer holds; above it the oldest rows go, or with a sink reading pauses"),
        Option("RETAIN_ROWS", OrNull(Count()), None, "the same in rows"),
        Option("RETAIN_TIME", OrNull(Duration(low=0.001)), None, "the same by age; ignored while a sink exists"),
        Option("ON_ERROR", Enum(("quarantine", "skip", "fail")), "quarantine",
               "a record that does not decode is kept in kshell.errors, or only counted, or stops the source"),
        Option("ISOLATION", Enum(("read_committed", "read_uncommitted")), "read_committed",
               "whether open and aborted transactions are seen", fixed=True),
        Option("UNTRUSTED", Boolean(), False, "decode in a process of its own, within limits; JSON by the exact form alone", fixed=True),
        CLIENT_CONFIG,
    ),
    exclusive=(("TOPIC", "TOPICS", "TOPIC_PATTERN"),),
    elsewhere={
        "CONNECTOR": "a source is FROM KAFKA; leave CONNECTOR out", "KAFKA_TOPIC": "write TOPIC", "VALUE_FORMAT": "write FORMAT",
        "BROKER": _BROKERS, "BROKERS": _BROKERS, "BOOTSTRAP_SERVERS": _BROKERS, "PROPERTIES_BOOTSTRAP_SERVER": _BROKERS,
        "PROPERTIES_BOOTSTRAP_SERVERS": _BROKERS, "GROUP": _NO_GROUP, "GROUP_ID": _NO_GROUP,
        "AUTO_OFFSET_RESET": "write START 'earliest' or 'latest'",
        "SCAN_STARTUP_MODE": "write START 'earliest' or 'latest'", "ON_FAILURE": "write ON_ERROR; ON_FAILURE is an option of sinks",
        "SECRET": "credentials belong to ATTACH",
    },
    replace="CREATE OR REPLACE SOURCE reads the topic again with other options",
)

SINK = OptionSet(
    "CREATE SINK",
    (
        Option("MODE", Enum(("append",), unbuilt=("upsert",)), "append", "how rows reach the table", fixed=True),
        Option("ID", Text("1 to 40 of a-z, 0-9 and _", pattern="[a-z0-9_]{1,40}"), None,
               "names the progress in the table's snapshots: the same id on the same table resumes", fixed=True,
               otherwise="the sink's name"),
        Option("GROUP", Text("the name of a consumer group"), None, "consumer group whose offsets follow, for lag tools", fixed=True,
               otherwise="kshell-<id>-<first 8 hex digits of the table's UUID>"),
        Option("START", PositionOf(("earliest", "latest", "timestamp", "ago", "map", "source", "buffer")), "source",
               "where the first commit of this id begins", fixed=True),
        Option("PARTITION_BY", ListOf(Text("a transform such as 'day(ts)'"), takes="a list of transforms such as ['day(ts)']"), [],
               "partitions of a table that CREATE SINK makes", fixed=True),
        Option("SORT_BY", ListOf(Text("a column"), takes="a list of columns"), [], "order of the rows inside a file", fixed=True),
        Option("COMMIT_INTERVAL", Duration(low=10, high=3600), "60s", "commit at the latest after this time"),
        Option("COMMIT_ROWS", OrNull(Count()), 1_000_000, "commit at the latest after so many rows"),
        Option("COMMIT_BYTES", OrNull(Size()), "128MB", "commit at the latest after so many bytes"),
        Option("CREATE_TABLE", Boolean(), True, "make a missing namespace and table", fixed=True),
        Option("ERRORS_TABLE", OrNull(TableName()), None, "where quarantined records go; NULL for none", fixed=True,
               otherwise="<table>__errors"),
        Option("ON_FAILURE", Enum(("retry", "pause")), "retry", "when catalog or storage fail for a while"),
        Option("PAUSED", Boolean(), False, "create without starting", fixed=True),
        Option("DURABLE", Boolean(), True, "fsync files before the commit, on a local warehouse"),
        Option("KEEP_SNAPSHOTS", OrNull(Count()), None, "snapshots kept, older ones expire", fixed=True,
               otherwise="100 for a table that CREATE SINK makes, else all"),
        Option("COMPACT", Boolean(), None, "small files of earlier commits are merged, in commits of their own", fixed=True,
               otherwise="true for a table that CREATE SINK makes, else false"),
        Option("PROPERTIES", MapOf(), {}, "Iceberg table properties at creation", fixed=True),
    ),
    elsewhere={
        "ON_ERROR": "write ON_FAILURE retry or pause; ON_ERROR is an option of the source and is about records",
        "KEY": "MODE upsert is not built yet; latest row per key: SELECT arg_max(...) ... GROUP BY key",
        "CONNECTOR": "a sink is INTO ICEBERG; leave CONNECTOR out", "GROUP_ID": "write GROUP",
        "CATALOG": "the catalog is the first part of the table's name",
        "WAREHOUSE": "WAREHOUSE belongs to ATTACH ... (TYPE iceberg, CATALOG rest)",
        "FORMAT": "the format belongs to the source; a sink writes Parquet", "CONFIG": "CONFIG belongs to the source or to ATTACH",
    },
    replace="CREATE OR REPLACE SINK with other options goes on from the same progress",
)

ATTACH_KAFKA = OptionSet(
    "ATTACH (TYPE kafka)",
    (
        Option("SECRET", Text("the name of a secret"), None, "credentials", otherwise="the secret whose SCOPE fits, if any"),
        Option("TIMEOUT", Duration(low=0.001), "30s", "limit of one call to the brokers"),
        *(option for option in SOURCE.options if not option.name.startswith("TOPIC")),
    ),
    elsewhere={
        **dict.fromkeys(("TOPIC", "TOPICS", "TOPIC_PATTERN"), "a topic belongs to CREATE SOURCE; every topic is readable as k.topic"),
        **dict.fromkeys(("BROKERS", "BOOTSTRAP_SERVERS"), "the brokers stand in the address: ATTACH 'kafka://host:9092' AS k (TYPE kafka)"),
        **dict.fromkeys(("SASL_USERNAME", "SASL_PASSWORD", "SASL_MECHANISM", "SECURITY_PROTOCOL", "SSL_CA", "SSL_CERT", "SSL_KEY"),
                        "credentials belong to CREATE SECRET s (TYPE kafka, ...); then ATTACH ... (TYPE kafka, SECRET s)"),
    },
    replace="ATTACH OR REPLACE",
)

ATTACH_ICEBERG = OptionSet(
    "ATTACH (TYPE iceberg)",
    (
        Option("CATALOG", Enum(("rest", "sql"), unbuilt=("glue", "hive", "dynamodb", "bigquery", "in-memory")), None,
               "the kind of catalog"),
        Option("WAREHOUSE", Text("a location such as 's3://bucket/path'"), None, "where the catalog puts its tables",
               otherwise="what the catalog says"),
        Option("SECRET", Text("the name of a secret"), None, "credentials"),
        Option("PROPERTIES", MapOf(), {}, "properties of the catalog and its storage, as PyIceberg names them"),
        Option("READ_ONLY", Boolean(), False, "refuse sinks and every other change"),
        Option("NAME", Text("a name"), None, "sql: the name under which the database files its tables",
               otherwise="the only one in it, or default in an empty one"),
    ),
    elsewhere={
        "URI": "the address stands before AS: ATTACH 'http://host:8181' AS c (TYPE iceberg, CATALOG rest)",
        **dict.fromkeys(("TOKEN", "CREDENTIAL", "S3_ENDPOINT", "S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"),
                        "write it as PyIceberg names it: PROPERTIES MAP {'token': getenv('TOKEN'), 's3.endpoint': '...'}"),
    },
)

_MOMENT = PositionOf(("timestamp", "ago"))
KAFKA_SCAN = OptionSet(
    "kafka_scan",
    (
        Option("connection", Text("the name of a cluster"), None, "the cluster", otherwise="the only cluster, or kafka"),
        Option("start", Offsets(), None, "first offset, inclusive", otherwise="the beginning"),
        Option("stop", Offsets(), None, "last offset, exclusive", otherwise="the high watermark"),
        Option("since", _MOMENT, None, "records from this time on"),
        Option("until", _MOMENT, None, "records before this time"),
        Option("lateness", Duration(), "10 minutes", "how far behind their place in the topic timestamps may be, for until"),
        Option("last", Count(), None, "the newest n records over all partitions"),
        Option("partition", ListOf(Count(low=0), takes="a partition or a list of partitions", single=True, filled=True), None,
               "only these partitions", otherwise="all"),
        Option("max_messages", Count(), None, "stop after n records"),
        Option("format", FORMATS, None, "as in CREATE SOURCE", otherwise="the registry's type for <topic>-value, else json"),
        Option("key_format", KEY_FORMATS, "raw", "as in CREATE SOURCE"),
        Option("schema_registry", REGISTRY, None, "as in CREATE SOURCE", otherwise="that of the cluster"),
        Option("schema", Text("a subject or a file"), None, "as in CREATE SOURCE"),
        Option("message", Text("the full name of a message"), None, "as in CREATE SOURCE"),
        Option("envelope", ENVELOPES, None, "as in CREATE SOURCE"),
        Option("columns", MapOf("columns such as {'id': 'BIGINT'}"), None, "names and types", otherwise="inferred"),
        Option("include", INCLUDED, [], "as in CREATE SOURCE"),
        Option("timeout", Duration(low=0.001), "30s", "without progress for so long the scan fails"),
    ),
    exclusive=(("since", "start"), ("since", "stop"), ("until", "start"), ("until", "stop"), ("last", "start"), ("last", "since")),
    elsewhere={
        "OFFSET": "write start := 100, stop := 200", "LIMIT": "write max_messages := n, or LIMIT after the FROM clause",
        "TOPIC": "the topic is the first argument: kafka_scan('orders')", "CLUSTER": "write connection := 'k'",
        "PARTITIONS": "write partition := [0, 1]",
    },
    noun="argument",
)

SETTINGS = OptionSet(
    "kshell",
    (
        Option("kshell_grammar", Boolean(), True, "off: every statement goes to DuckDB as it is"),
        Option("kshell_timeout", Duration(low=0.001), "30s", "limit of one call to brokers and catalogs"),
        Option("kshell_statement_timeout", OrNull(Duration(low=0.001)), None, "limit of one statement"),
        Option("kshell_buffer_bytes", Size(), None, "memory of all buffers together", otherwise="a quarter of memory"),
        Option("kshell_refresh", Duration(low=0.1), "10s", "how often tables of sinks are looked at for commits of others"),
    ),
    noun="setting",
)


_PEM = "a path, or the PEM text itself"
SECRETS = {
    "kafka": OptionSet(
        "CREATE SECRET (TYPE kafka)",
        (
            Option("BOOTSTRAP_SERVERS", Setting("host:port[,host:port]"), None, "brokers, where ATTACH names none",
                   otherwise="the address of ATTACH"),
            Option("SECURITY_PROTOCOL", Enum(("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")), None, "how to connect",
                   otherwise="SASL_SSL with credentials, SSL with a certificate, else PLAINTEXT"),
            Option("SASL_MECHANISM", Enum(("plain", "scram-sha-256", "scram-sha-512", "oauthbearer", "gssapi")), None, "how to sign in",
                   otherwise="PLAIN with a password"),
            Option("SASL_USERNAME", Setting("the name of a user"), None, "user"),
            Option("SASL_PASSWORD", SecretText(), None, "password", otherwise="asked for at a terminal when there is a user"),
            Option("SSL_CA", Setting(_PEM), None, "the authority that signed the broker's certificate", otherwise="those of the system"),
            Option("SSL_CERT", Setting(_PEM), None, "own certificate"),
            Option("SSL_KEY", SecretText(f"getenv('NAME'), FILE '/path', {_PEM}", path=True), None, "own key"),
            Option("SSL_KEY_PASSWORD", SecretText(), None, "what the key is encrypted with"),
            Option("OAUTH_CLIENT_ID", Setting(), None, "client of the token endpoint"),
            Option("OAUTH_CLIENT_SECRET", SecretText(), None, "its secret"),
            Option("OAUTH_TOKEN_ENDPOINT_URL", Setting("an address"), None, "where tokens come from"),
            Option("OAUTH_SCOPE", Setting(), None, "scope of the tokens"),
            Option("SCOPE", Setting("an address such as 'kafka://host:9093'"), None, "ATTACH takes this secret for these brokers by itself",
                   otherwise="only by its name"),
            Option("ALLOW_PLAINTEXT_CREDENTIALS", Boolean(), False, "send credentials unencrypted"),
            Option("INSECURE", Boolean(), False, "check neither certificates nor host names"),
            Option("PROVIDER", Enum(("config", "env", "file")), "config",
                   "where values come from that the statement leaves out: nowhere, variables named KAFKA_SASL_PASSWORD and so on, or PATH"),
            Option("PATH", Setting("a path"), None, "PROVIDER file: a .properties file of librdkafka's settings"),
            Option("CONFIG", MapOf("a map such as MAP {'sasl.oauthbearer.extensions': '...'}"), {}, "more settings of librdkafka"),
        ),
    ),
    "schema_registry": OptionSet(
        "CREATE SECRET (TYPE schema_registry)",
        (
            Option("URL", Setting("an address"), None, "address of the registry"),
            Option("USERNAME", Setting("the name of a user"), None, "user"),
            Option("PASSWORD", SecretText(), None, "password", otherwise="asked for at a terminal when there is a user"),
            Option("TOKEN", SecretText(), None, "bearer token"),
            Option("SSL_CA", Setting(_PEM), None, "the authority that signed its certificate", otherwise="those of the system"),
            Option("SCOPE", Setting("an address such as 'https://host'"), None, "registries it is for"),
        ),
    ),
    "iceberg_catalog": OptionSet(
        "CREATE SECRET (TYPE iceberg_catalog)",
        (
            Option("CREDENTIAL", SecretText(), None, "client and secret of OAuth2, as id:secret"),
            Option("TOKEN", SecretText(), None, "bearer token"),
            Option("OAUTH2_SERVER_URI", Setting("an address"), None, "where tokens come from"),
            Option("S3_ACCESS_KEY_ID", Setting(), None, "access key of the object store, for writing and for reading"),
            Option("S3_SECRET_ACCESS_KEY", SecretText(), None, "its secret key"),
            Option("S3_SESSION_TOKEN", SecretText(), None, "session token"),
            Option("S3_REGION", Setting(), None, "region"),
            Option("S3_ENDPOINT", Setting("an address"), None, "address of a store that is not Amazon's"),
            Option("SCOPE", Setting("an address such as 'https://host'"), None, "ATTACH takes this secret for this catalog by itself",
                   otherwise="only by its name"),
            Option("PROPERTIES", MapOf(), {}, "more properties, as PyIceberg names them"),
        ),
    ),
}


_TOKEN_FILE = Option("token_file", Text("a path"), None, "a file of mode 0600 with the token; made where there is none, and kept",
                     otherwise="a random token, which goes with the server")
_READ_ONLY = Option("read_only", Boolean(), True, "clients only read; FALSE is refused")
_TLS = (
    Option("tls_cert", Text("a path"), None, "PEM file with the certificate and its chain; read again on SIGHUP", otherwise="no TLS"),
    Option("tls_key", Text("a path"), None, "PEM file with its key", otherwise="the file of tls_cert"),
)
_SESSIONS = (
    Option("max_sessions", Count(high=10_000), 64, "connected clients; one more is refused"),
    Option("max_running", Count(high=1_000), 8, "statements that run at once; one more waits 5 s, then it is refused"),
)
_LIMITS = (
    *_SESSIONS,
    Option("statement_timeout", Duration(low=0.001), "60s", "limit of one statement"),
    Option("max_rows", Count(), 1_000_000, "rows of one result; a longer one ends with an error, never silently"),
    Option("max_bytes", Size(), "1GiB", "bytes of one result, likewise"),
)


def _listens(port: int) -> tuple[Option, ...]:
    return (
        Option("port", Count(low=0, high=65_535), port, "where it listens; 0: any free port"),
        Option("host", Text("an address of this machine"), "127.0.0.1", "where it listens; an address that other machines reach needs TLS "
               "and a password or token that is given"),
        Option("insecure", Boolean(), False, "serve such an address all the same; SHOW SERVERS shows it"),
    )


_SOCKET = Option("socket", Text("a path"), None, "a UNIX socket of mode 0600; then no port, unless host or port is given too")
_SERVED = "write it once: CALL kshell_serve('pgwire', port := 5433)"
SERVERS = {
    "pgwire": OptionSet(
        "kshell_serve('pgwire')",
        (
            *_listens(5433), _SOCKET,
            Option("user", Text("a name"), "kshell", "whom clients sign in as"),
            Option("password", SecretText(), None, "what they sign in with", otherwise="the token"),
            _TOKEN_FILE, *_TLS, *_LIMITS, _READ_ONLY,
        ),
        exclusive=(("password", "token_file"),),
        elsewhere={"TOKEN": "write password := getenv('NAME'), or token_file := '/path'", "KIND": _SERVED,
                   "TIMEOUT": "write statement_timeout", "DATABASE": "the database is called memory",
                   "ALLOW_ORIGIN": "allow_origin belongs to 'http'"},
        noun="argument",
    ),
    "http": OptionSet(
        "kshell_serve('http')",
        (
            *_listens(8642), _SOCKET,
            Option("token", SecretText(), None, "bearer token of requests", otherwise="a random one"),
            _TOKEN_FILE, *_TLS,
            Option("allow_origin", ListOf(Text("an origin such as 'https://host'"), takes="a list of origins", single=True), [],
                   "web pages of these origins may ask"),
            *_LIMITS, _READ_ONLY,
        ),
        exclusive=(("token", "token_file"),),
        elsewhere={"PASSWORD": "write token := getenv('NAME'), or token_file := '/path'", "USER": "http has a token and no user",
                   "KIND": _SERVED, "TIMEOUT": "write statement_timeout"},
        noun="argument",
    ),
    "quack": OptionSet(
        "kshell_serve('quack')",
        (
            *_listens(9494),
            Option("token", SecretText(), None, "TOKEN of ATTACH", otherwise="a random one"),
            _TOKEN_FILE, *_SESSIONS,
            Option("statement_timeout", Duration(low=0.001), "60s", "how long a result may stay open; then its session ends"),
            _READ_ONLY,
        ),
        exclusive=(("token", "token_file"),),
        elsewhere={**dict.fromkeys(("MAX_ROWS", "MAX_BYTES"), "rows go over as the client asks for them, and none is held for it here"),
                   "PASSWORD": "write token := getenv('NAME'), or token_file := '/path'", "USER": "quack has a token and no user",
                   "KIND": _SERVED, "TIMEOUT": "write statement_timeout",
                   **dict.fromkeys(("TLS_CERT", "TLS_KEY"), "quack has no TLS: let a TLS proxy ask localhost, with insecure := true"),
                   "SOCKET": "quack listens on a port"},
        noun="argument",
    ),
}
