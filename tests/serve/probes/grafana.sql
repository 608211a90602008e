-- What Grafana's PostgreSQL data source asks: the version, the query builder's tables and columns, and panels with its macros expanded.

-- the version, for the choice of functions
-- = [["1400.0"]]
SELECT current_setting('server_version_num')::int/100 AS version;

-- whether TimescaleDB is there
-- = []
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb';

-- tables on the search path
-- = [["child"], ["orders"], ["t"]]
SELECT quote_ident(table_name) AS "table" FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog',
'_timescaledb_internal', '_timescaledb_config', 'timescaledb_information', 'timescaledb_experimental') AND quote_ident(table_schema) IN (
SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series(
array_lower(string_to_array(current_setting('search_path'),','),1), array_upper(string_to_array(current_setting('search_path'),','),1)
) AS i, string_to_array(current_setting('search_path'),',') s) ORDER BY 1;

-- columns of a table, by its name alone
-- = [["amount", "numeric"], ["id", "bigint"], ["name", "text"], ["tags", "ARRAY"], ["ts", "timestamp with time zone"]]
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
WHERE quote_ident(table_name) = 't' AND column_name <> 'geo' ORDER BY 1;

-- columns of a table on the search path
-- = [["ts", "timestamp with time zone"]]
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
WHERE quote_ident(table_name) = 't' AND quote_ident(table_schema) IN (
SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series(
array_lower(string_to_array(current_setting('search_path'),','),1), array_upper(string_to_array(current_setting('search_path'),','),1)
) AS i, string_to_array(current_setting('search_path'),',') s) AND data_type LIKE '%timestamp%';

-- the health check
-- = [["1"]]
SELECT 1;

-- a panel: $__timeGroup and $__timeFilter
-- = []
SELECT floor(extract(epoch from "ts")/60)*60 AS "time", avg(amount) AS "amount" FROM public.orders
WHERE "ts" BETWEEN '2026-01-02T03:00:00Z' AND '2026-01-02T04:00:00Z' GROUP BY 1 ORDER BY 1;
