"""What to type here instead of a statement, a clause or a function of another program: one line for each habit.

Invariant: a habit is a hint on an error that there is anyway; nothing that runs is looked up here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kshell.lang.tokens import tokens

_NAME = r'(?P<name>[\w"]+(?: \. [\w"]+)*)'
_STATES = "SHOW SOURCES and SHOW SINKS list what runs, .status shows all of it on one screen"
_ADMIN = "kshell reads from Kafka and changes nothing there: kafka-topics.sh, or your platform, makes and removes topics"
_WINDOW = "windows are groups: SELECT time_bucket(INTERVAL '1 hour', _kafka_timestamp) AS hour, count(*) FROM {name} GROUP BY ALL"
_TRAVEL = ("a source as it was: FROM {name}(until := TIMESTAMPTZ '...'), or {name}(stop := MAP {{0: 100}}); a table: FROM "
           "iceberg_scan('....metadata.json', snapshot_from_id := n)")
_GROUPS = "SHOW CONSUMER GROUPS LIKE 'name' EXTENDED shows members, offsets and lag of every partition; .lag those of the sources here"
_SETTING = ("a setting is a name without quotes (.manual SET); START 'latest' of CREATE SOURCE, or FROM BEGINNING of TAIL, says where "
            "reading begins")
_CONNECTOR = "kshell reads Kafka itself: CREATE SOURCE name FROM KAFKA k, and writes Iceberg itself: CREATE SINK"
_OTHERS = "other databases are DuckDB's: ATTACH 'dbname=...' AS db (TYPE postgres)"
_SINK = "CREATE SINK {name} FROM source INTO ICEBERG catalog.namespace.table (option value, ...)"
_COMPACTS = "OPTIMIZE SINK name merges small files; KEEP_SNAPSHOTS of CREATE SINK says how many snapshots stay"
_INDEX = "there are no indexes to make: columns are scanned, PARTITION_BY and SORT_BY of CREATE SINK order the table"

# a word that is the whole line, and needs no semicolon to be answered
ALONE = {
    r"(EXIT|QUIT|BYE|LOGOUT)$": ".exit leaves, and so does Ctrl-D",
    r"(HELP|MAN)$": ".help lists the commands, .manual CREATE SOURCE explains a statement",
    r"(CLEAR|CLS)$": "Ctrl-L clears the screen",
    r"(LS|DIR)$": "SHOW TOPICS, SHOW SOURCES, SHOW ALL TABLES; .shell ls lists files",
}
# the beginning of a statement, blanks and comments taken out, strings as '' -> hint
_BEGINNINGS: tuple[tuple[str, str], ...] = (
    (r"(SHOW|LIST) STREAMS\b", "SHOW SOURCES lists what is read from Kafka, SHOW TOPICS what could be"),
    (r"(SHOW|LIST) (QUERIES|JOBS|PIPELINES|CONNECTORS)\b", _STATES),
    (r"(SHOW|LIST) PROPERTIES\b", "FROM duckdb_settings() lists DuckDB's settings, .manual SET those of kshell"),
    (r"(SHOW|LIST) FUNCTIONS\b", "FROM duckdb_functions() lists them"),
    (r"(SHOW|LIST) TYPES\b", "FROM duckdb_types() lists them"),
    (r"(SHOW|LIST) (CATALOGS|CLUSTERS|BROKERS)\b", "SHOW CONNECTIONS lists clusters and Iceberg catalogs, SHOW DATABASES the databases"),
    (r"SHOW CURRENT\b", "SELECT current_database(), current_schema()"),
    (rf"SHOW COLUMNS (FROM|IN) {_NAME}", "DESCRIBE {name}"),
    (r"SHOW (INDEXES|INDEX|INDICES)\b", "FROM duckdb_indexes() lists them"),
    (r"SHOW OBJECTS\b", "SHOW ALL TABLES lists tables and views"),
    (r"SHOW TABLES EXTENDED\b", "SHOW ALL TABLES lists tables and views with their columns"),
    (r"SHOW (MATERIALIZED )?VIEWS\b", "FROM duckdb_views() WHERE NOT internal lists views"),
    (r"SHOW SCHEMAS FROM\b", "SHOW SUBJECTS lists the schemas of the registry"),
    (r"SHOW (OFFSETS|PARTITIONS)\b", "DESCRIBE TOPIC 'name' EXTENDED shows the offsets of every partition"),
    (r"(SHOW|LIST) (GROUPS|LAG)\b|(SHOW|DESCRIBE|DESC) (CONSUMER )?GROUP\b", _GROUPS),
    (r"SHOW TOPIC ''", "DESCRIBE TOPIC 'name' shows one topic, SHOW TOPICS LIKE 'pattern' some"),
    (rf"SHOW (?P<noun>SOURCE|SINK) {_NAME}$", "DESCRIBE {noun} {name}, or SHOW CREATE {noun} {name}"),
    (r"(SHOW|LIST) TOPICS .*\b(WHERE|LIMIT|ORDER)\b", "FROM kafka_topics() WHERE ... is the same list as a table"),
    (r"SHOW SERVER_VERSION\b", "SELECT version(); .version names all parts"),
    (r"(DESCRIBE|DESC) (?P<noun>TOPICS|SOURCES|SINKS|CONNECTIONS)$", "SHOW {noun} lists them"),
    (r"FROM (TOPICS)$", "SHOW TOPICS lists them; FROM kafka_topics() is the same list as a table"),
    (r"(DESCRIBE|DESC) FUNCTION\b", "FROM duckdb_functions() WHERE function_name = 'name'"),
    (rf"(DESCRIBE|DESC) {_NAME} EXTENDED\b", "DESCRIBE {name}, DESCRIBE SOURCE {name} EXTENDED or DESCRIBE SINK ... EXTENDED"),
    (r"(SET|RESET|UNSET) ''", _SETTING),
    (rf"(UN)?DEFINE {_NAME}", "SET VARIABLE {name} = 'value', then getvariable('{name}')"),
    (r"RUN SCRIPT\b", ".read FILE runs a script"),
    (rf"CREATE TYPE {_NAME} AS STRUCT <", "CREATE TYPE {name} AS STRUCT(street VARCHAR)"),
    (r"(CREATE|DROP) (SOURCE |SINK )?CONNECTOR\b", _CONNECTOR),
    (r"(CREATE|DROP|DELETE|ALTER) TOPIC\b", _ADMIN),
    (r"ASSERT\b", "SELECT error('why') fails a script; WAIT SOURCE name UNTIL ROWS 10 TIMEOUT '60s' waits for rows"),
    (r"(PAUSE|RESUME) (ALL )?(QUERY|QUERIES|JOB|JOBS)\b", "PAUSE and RESUME take SOURCE name, SINK name or ALL"),
    (r"TERMINATE ALL\b", "PAUSE ALL stops reading and committing, RESUME ALL goes on"),
    (r"CREATE CATALOG\b", "ATTACH '<uri>' AS name (TYPE iceberg, CATALOG rest)"),
    (r"USE CATALOG\b", "a table of a catalog is named in full: FROM catalog.namespace.table; USE takes databases of DuckDB"),
    (r"(STOP|RESTART|KILL|CANCEL)\b|START (SINK|SOURCE|JOB)\b", "PAUSE SINK name stops it, RESUME SINK name goes on; Ctrl-C ends a query"),
    (rf"ALTER (?P<noun>SOURCE|SINK) {_NAME} (?P<verb>PAUSE|RESUME|FLUSH|REFRESH)\b(?! EVOLUTION)", "the verb first: {verb} {noun} {name}"),
    (rf"COMMIT SINK {_NAME}", "FLUSH SINK {name} commits at once"),
    (r"FLUSH SOURCE\b", "rows are committed by sinks: FLUSH SINK name, or FLUSH ALL"),
    (r"ADD (JAR|FILE)\b", "INSTALL and LOAD take extensions of DuckDB"),
    (r"EXECUTE STATEMENT SET\b|BEGIN STATEMENT SET\b", "CREATE SINK starts at once; several sinks may read one source"),
    (r"DROP MATERIALIZED VIEW\b", "DROP VIEW name, or DROP SINK name"),
    (r"CREATE SUBSCRIPTION\b|DECLARE\b|FETCH\b", "TAIL name shows rows as they arrive, TAIL name LIMIT 10 ten of them"),
    (r"COPY \( ?(SUBSCRIBE|TAIL)\b", "kshell -c \"TAIL name\" --ndjson gives rows to a program as they arrive"),
    (r"(CREATE|DROP|ALTER) CLUSTER\b", "there is nothing to size: a session reads in its own process; kshell run FILE is a worker"),
    (r"CREATE DEFAULT INDEX\b", _INDEX),
    (rf"CREATE SOURCE {_NAME} (\(.*\) )?FROM (POSTGRES|MYSQL|LOAD|SQL|WEBHOOK)\b", _OTHERS),
    (rf"CREATE SINK {_NAME} (FROM \S+ |AS .* )?WITH\b", _SINK),
    (rf"CREATE SINK {_NAME} INTO\b(?! ICEBERG)", _SINK),
    (r"TAIL - (F|N)\b", "TAIL name FROM BEGINNING, or TAIL name LAST 10: the newest ten and all that follow"),
    (rf"(?P<verb>TAIL|SUBSCRIBE|SUBSCRIBE TO) {_NAME} (?P<rows>\d+)$", "{verb} {name} LAST {rows} begins with the newest ones"),
    (r"(?P<verb>TAIL|SUBSCRIBE TO|SUBSCRIBE) (SELECT|FROM|WITH)\b", "a query stands in parentheses: {verb} (SELECT ...)"),
    (r"(TAIL|SUBSCRIBE|SUBSCRIBE TO) .*\bAS OF\b", "FROM BEGINNING, SINCE INTERVAL '5 minutes' and LAST 100 say where it begins"),
    (r"SUBSCRIBE .*\bWITH \(", "FROM END is without what is there already, FROM BEGINNING with it"),
    (rf"TAIL {_NAME} (GROUP|ORDER)\b", ".watch 2 SELECT ... FROM {name} GROUP BY ALL shows a result again and again"),
    (r"(OPTIMIZE|VACUUM) TABLE\b|EXPIRE SNAPSHOTS\b|REWRITE\b|CALL .*\bSYSTEM \. (EXPIRE|REWRITE|REMOVE)", _COMPACTS),
    (r"(KCAT|KAFKACAT)\b", "here: PRINT 'topic' FROM BEGINNING; outside: kshell --brokers host:9092 -c \"TAIL 'topic'\" --ndjson"),
    (r"(KAFKA|RPK|KCTL|CONFLUENT) ?- ?\w+|RPK\b", "here: SHOW TOPICS, DESCRIBE TOPIC 'name', PRINT 'name', SHOW CONSUMER GROUPS"),
    *ALONE.items(),
)
# a clause anywhere in it; {name} is the table behind the last FROM
_CLAUSES: tuple[tuple[str, str], ...] = (
    (r"\bEMIT FINAL\b", "a query without EMIT CHANGES ends by itself; EMIT CHANGES shows rows as they arrive"),
    (r"\bWINDOW (TUMBLING|HOPPING|SESSION)\b|\bTABLE ?\( ?(TUMBLE|HOP|CUMULATE|SESSION) ?\(|\b(TUMBLE|HOP) ?\(", _WINDOW),
    (r"\b(FOR )?(SYSTEM_TIME|VERSION|TIMESTAMP) AS OF\b|\bAT ?\( ?(VERSION|TIMESTAMP)\b", _TRAVEL),
    (r"\bWATERMARK FOR\b", "there are no watermarks, every row counts when it arrives: CREATE SOURCE {table} FROM KAFKA"),
    (r"\\ ?gx?$", "a statement ends at its semicolon; \\x shows rows one value a line"),
    (r"\bCREATE TABLE .*\bFORMAT \w+ ENCODE\b", "CREATE SOURCE {table} FROM KAFKA k (TOPIC '...', FORMAT json)"),
    (r"\b(?P<cluster>\w+) \. ''", "a topic's name stands in double quotes: {cluster}.\"topic\""),
)
FUNCTIONS = {                                     # a function of others -> what it is here
    **dict.fromkeys(("read_kafka", "kafka_read", "kafka_table", "kafka_consume", "from_kafka", "scan_kafka"), "kafka_scan('topic')"),
    "proctime": "now()", "mz_now": "now()", "mz_logical_timestamp": "now()", "unix_timestamp": "epoch(now())", "sysdate": "now()",
    "from_unixtime": "to_timestamp(seconds)", "stringtotimestamp": "strptime(text, '%Y-%m-%d')",
    **dict.fromkeys(("timestamptostring", "to_char", "date_format", "formatdatetime", "datetostring"), "strftime(ts, '%Y-%m-%d')"),
    **dict.fromkeys(("extractjsonfield", "get_json_object", "json_extract_scalar", "jsonb_extract_path_text"), "value->>'$.field'"),
    "collect_list": "list(x)", "collect_set": "list(DISTINCT x)", "latest_by_offset": "arg_max(x, _kafka_offset)",
    "earliest_by_offset": "arg_min(x, _kafka_offset)", "topk": "max(x, 3)",
    **dict.fromkeys(("count_distinct", "uniq"), "count(DISTINCT x)"),
    "nvl": "coalesce(a, b)", "explode": "unnest(list)", "as_map": "MAP {key: value}",
}
COLUMNS = {                                       # what the parts of a record are called elsewhere
    **{word: f"_kafka_{word}" for word in ("key", "partition", "timestamp", "topic", "headers")},
    "rowkey": "_kafka_key", "_rw_key": "_kafka_key", "message_offset": "_kafka_offset",
    **dict.fromkeys(("event_time", "mz_timestamp", "_rw_timestamp", "$rowtime"), "_kafka_timestamp"),
}
_INCLUDED = {"_kafka_topic": "topic", "_kafka_headers": "headers"}
_COMPILED = [(re.compile(rf"{pattern}", re.IGNORECASE | re.DOTALL), hint) for pattern, hint in _BEGINNINGS]
_ANYWHERE = [(re.compile(pattern, re.IGNORECASE | re.DOTALL), hint) for pattern, hint in _CLAUSES]
_TABLE = re.compile(rf"\bFROM (?:TABLE \( \w+ \( TABLE )?{_NAME}", re.IGNORECASE)
_CREATED = re.compile(rf"\bTABLE (?:IF NOT EXISTS )?{_NAME}", re.IGNORECASE)


def hint_for(text: str) -> str | None:
    """For a statement that was refused; None: it is nobody's habit."""
    plain = _plain(text)
    for pattern, hint in _COMPILED:
        if found := pattern.match(plain):
            return _filled(hint, found.groupdict())
    tables, created = _TABLE.findall(plain), _CREATED.search(plain)
    words = {"name": tables[-1] if tables else "name", "table": created["name"] if created else "name"}
    for pattern, hint in _ANYWHERE:
        if found := pattern.search(plain):
            return _filled(hint, {**words, **found.groupdict()})
    return None


def _filled(hint: str, words: Mapping[str, str | None]) -> str:
    return hint.format(**{key: (word or "name").replace(" . ", ".") for key, word in words.items()}) if "{" in hint else hint


def stands_alone(text: str) -> bool:
    """Whether a line is a word of other programs that ends no statement of ours."""
    return any(re.match(word, text.strip(), re.IGNORECASE) for word in ALONE)


def column_hint(name: str) -> str | None:
    """For a column that is not there and that no other is like."""
    ours = COLUMNS.get(name.lower())
    if ours in _INCLUDED:
        return f"{ours} is there with INCLUDE [{_INCLUDED[ours]}] in CREATE SOURCE, or include := ['{_INCLUDED[ours]}'] in kafka_scan"
    if name.lower() in ("value", "payload", "message"):
        return "the fields of a record's value are columns; FORMAT string or raw gives the whole value"
    return f"the column is {ours}" if ours else None


def function_hint(name: str) -> str | None:
    ours = FUNCTIONS.get(name.lower())
    return f"here it is {ours}" if ours else None


def _plain(text: str) -> str:
    """The words with one blank between them, without comments, and strings empty: what is in quotes is nobody's habit."""
    empty = {"string": "''", "open": "''", "name": '""'}
    return " ".join(empty[t.kind] if t.kind in empty and (t.kind != "name" or " " in t.text) else t.text
                    for t in tokens(text) if t.kind != "end" and t.text != ";")
