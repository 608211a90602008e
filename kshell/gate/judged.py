"""Which functions a statement that only reads may call: every table function of DuckDB and of the extensions has a verdict here.

Invariant: a table function that is not in ALLOWED is refused; a function that stands in no list is refused too, and fails a test until
somebody has judged it."""

from __future__ import annotations

from collections.abc import Mapping


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What is computed from the arguments alone, or tells which relations and types there are.
ALLOWED = _names("""
    range generate_series unnest repeat json_each json_tree pragma_table_info pragma_version icu_calendar_names pg_timezone_names
    duckdb_tables duckdb_columns duckdb_views duckdb_schemas duckdb_databases duckdb_types duckdb_functions duckdb_keywords
    duckdb_constraints duckdb_indexes
    """)

# A view or a macro of the owner may call these as long as no argument of a client reaches them.
READS_FILES = _names("""
    read_csv read_csv_auto read_json read_json_auto read_json_objects read_json_objects_auto read_ndjson read_ndjson_auto
    read_ndjson_objects read_parquet parquet_scan read_text read_blob read_avro read_duckdb glob sniff_csv parquet_metadata
    parquet_file_metadata parquet_full_metadata parquet_kv_metadata parquet_schema parquet_bloom_probe
    """)
READS_TABLE_FILES = _names("""
    iceberg_scan iceberg_metadata iceberg_snapshots iceberg_column_stats iceberg_partition_stats iceberg_table_properties
    iceberg_schema_properties
    """)
NAMES_A_TABLE = frozenset(["query_table", "seq_scan", "pragma_show", "pragma_storage_info", "duckdb_table_sample"])
TELLS_OF_THE_PROCESS = _names("""
    duckdb_settings duckdb_variables duckdb_logs duckdb_log_contexts duckdb_memory duckdb_temporary_files duckdb_extensions
    duckdb_external_file_cache duckdb_prepared_statements duckdb_connection_count duckdb_approx_database_count duckdb_dependencies
    duckdb_optimizers duckdb_sequences duckdb_secret_types duckdb_coordinate_systems pragma_collations pragma_database_size
    pragma_metadata_info pragma_platform pragma_user_agent
    """)
NOT_NEEDED = frozenset(["repeat_row", "summary", "test_all_types", "test_vector_types"])

# Nobody's view or macro may call these for a statement that only reads.
HIDES_A_QUERY = frozenset(["query", "json_execute_serialized_sql"])
READS_MEMORY = frozenset(["arrow_scan", "arrow_scan_dumb", "pandas_scan", "python_map_function"])
TELLS_SECRETS = frozenset(["duckdb_secrets", "which_secret"])
ACTS = _names("""
    checkpoint force_checkpoint enable_logging disable_logging truncate_duckdb_logs enable_profiling disable_profiling
    set_iceberg_table_properties set_iceberg_schema_properties remove_iceberg_table_properties remove_iceberg_schema_properties
    iceberg_to_ducklake iceberg_load_table_response quack_serve quack_stop quack_query quack_query_by_name quack_identify
    quack_clear_cache quack_active_connections quack_server_list
    """)

OF_AN_OWNER = READS_FILES | READS_TABLE_FILES | NAMES_A_TABLE | TELLS_OF_THE_PROCESS | NOT_NEEDED

# kshell's own, which read topics.
READS_TOPICS = frozenset(["kafka_scan", "kafka_topics", "kafka_groups", "kafka_offsets"])

_WHY: Mapping[frozenset[str], str] = {
    READS_FILES: "reads files", READS_TABLE_FILES: "reads the files of a table", NAMES_A_TABLE: "takes a table's name as a string",
    TELLS_OF_THE_PROCESS: "tells of the process", NOT_NEEDED: "is not among the functions of a query that only reads",
    HIDES_A_QUERY: "runs a query that stands in a string", READS_MEMORY: "reads memory", TELLS_SECRETS: "tells of secrets",
    ACTS: "changes something", READS_TOPICS: "reads a topic",
}

REFUSED = frozenset().union(*_WHY)

# Scalar functions: they advance a sequence, change the session, wait, write, or plan a query that stands in a string (planning
# `FROM read_csv(...)` reads the file).
REFUSED_SCALARS: Mapping[str, str] = {
    "nextval": "advances a sequence", "setseed": "changes the session", "sleep_ms": "only waits", "write_log": "writes into a log",
    "json_serialize_plan": "plans a query that stands in a string", "iceberg_verify_equality_deletes": "belongs to the reading of tables",
}
_REFUSED_PREFIXES = {"quack_": "belongs to a server", "kshell_gate": "belongs to a server"}

# Scalar functions that DuckDB calls volatile and that change nothing which outlives the statement.
HARMLESS_VOLATILES = _names("""
    current_connection_id current_query current_query_id current_transaction_id currval error gen_random_uuid random stats uuid
    uuidv4 uuidv7
    """)


def why(name: str) -> str:
    """What a refused table function does, as the end of a sentence."""
    return next((said for names, said in _WHY.items() if name in names), "is not known to only read")


def why_scalar(name: str) -> str | None:
    """What a refused scalar function does; None: it is not refused."""
    return REFUSED_SCALARS.get(name) or next((said for prefix, said in _REFUSED_PREFIXES.items() if name.startswith(prefix)), None)
