-- Functions of PostgreSQL that clients call. What is said of a session comes from its settings, the variable `kshell_pg`.
CREATE MACRO memory.kshell_pg.kshell_setting(name) AS CAST(getvariable('kshell_pg') AS MAP(VARCHAR, VARCHAR))[name];

CREATE MACRO memory.kshell_pg.kshell_main(schema) AS CASE schema WHEN 'public' THEN 'main' ELSE schema END;

-- Schemas that stand on the search path of this session, as their owner gave it.
CREATE MACRO memory.kshell_pg.kshell_path() AS
list_transform(string_split(coalesce(memory.kshell_pg.kshell_setting('search_path'), 'main'), ','),
               lambda part: memory.kshell_pg.kshell_main(trim(trim(part), '"')));

CREATE MACRO memory.kshell_pg.current_setting(name) AS
    coalesce(memory.kshell_pg.kshell_setting(lower(name)), error('unrecognized configuration parameter "' || name || '"')),
    (name, missing_ok) AS CASE WHEN missing_ok THEN memory.kshell_pg.kshell_setting(lower(name)) ELSE
        coalesce(memory.kshell_pg.kshell_setting(lower(name)), error('unrecognized configuration parameter "' || name || '"')) END;
CREATE MACRO memory.kshell_pg.set_config(name, value, is_local) AS value;
CREATE MACRO memory.kshell_pg.version() AS memory.kshell_pg.kshell_setting('version');
CREATE MACRO memory.kshell_pg.current_user() AS memory.kshell_pg.kshell_setting('session_authorization');
CREATE MACRO memory.kshell_pg.session_user() AS memory.kshell_pg.kshell_setting('session_authorization');
CREATE MACRO memory.kshell_pg.current_role() AS memory.kshell_pg.kshell_setting('session_authorization');
CREATE MACRO memory.kshell_pg.user() AS memory.kshell_pg.kshell_setting('session_authorization');
CREATE MACRO memory.kshell_pg.current_database() AS 'memory';
CREATE MACRO memory.kshell_pg.current_catalog() AS 'memory';
CREATE MACRO memory.kshell_pg.current_schema() AS memory.kshell_pg.kshell_path()[1];
CREATE MACRO memory.kshell_pg.current_schemas(implicit) AS
    CASE WHEN implicit THEN list_prepend('pg_catalog', memory.kshell_pg.kshell_path()) ELSE memory.kshell_pg.kshell_path() END;
CREATE MACRO memory.kshell_pg.pg_backend_pid() AS TRY_CAST(memory.kshell_pg.kshell_setting('backend_pid') AS INTEGER);
CREATE MACRO memory.kshell_pg.pg_get_userbyid(role) AS memory.kshell_pg.kshell_setting('session_authorization');
CREATE MACRO memory.kshell_pg.kshell_regrole(role) AS 10::BIGINT;
CREATE MACRO memory.kshell_pg.kshell_regrole_name(role) AS memory.kshell_pg.kshell_setting('session_authorization');

CREATE MACRO memory.kshell_pg.pg_is_in_recovery() AS false;
CREATE MACRO memory.kshell_pg.pg_is_wal_replay_paused() AS false;
CREATE MACRO memory.kshell_pg.pg_encoding_to_char(encoding) AS CASE WHEN encoding = 6 THEN 'UTF8' ELSE '' END;
CREATE MACRO memory.kshell_pg.pg_char_to_encoding(encoding) AS CASE WHEN upper(encoding) IN ('UTF8', 'UNICODE') THEN 6 ELSE -1 END;
CREATE MACRO memory.kshell_pg.pg_client_encoding() AS 'UTF8';
CREATE MACRO memory.kshell_pg.getdatabaseencoding() AS 'UTF8';

CREATE MACRO memory.kshell_pg.quote_ident(name) AS
    CASE WHEN regexp_full_match(name::VARCHAR, '[a-z_][a-z0-9_]*') THEN name::VARCHAR ELSE '"' || replace(name::VARCHAR, '"', '""') || '"' END;
CREATE MACRO memory.kshell_pg.quote_literal(value) AS '''' || replace(value::VARCHAR, '''', '''''') || '''';
CREATE MACRO memory.kshell_pg.quote_nullable(value) AS coalesce('''' || replace(value::VARCHAR, '''', '''''') || '''', 'NULL');

CREATE MACRO memory.kshell_pg.array_lower(list, dimension) AS CASE WHEN len(list) > 0 AND dimension = 1 THEN 1 END;
CREATE MACRO memory.kshell_pg.array_upper(list, dimension) AS CASE WHEN len(list) > 0 AND dimension = 1 THEN len(list) END;
CREATE MACRO memory.kshell_pg.array_ndims(list) AS CASE WHEN len(list) > 0 THEN 1 END;
CREATE MACRO memory.kshell_pg.kshell_vector(items) AS
    list_transform(list_filter(string_split(items, ' '), lambda x: x <> ''), lambda x: x::BIGINT);
CREATE MACRO memory.kshell_pg.array_remove(list, item) AS list_filter(list, lambda x: x IS DISTINCT FROM item);
CREATE MACRO memory.kshell_pg_information._pg_expandarray(list) AS unnest([{'x': x, 'n': i} FOR x, i IN list]);
CREATE MACRO memory.kshell_pg."~*"(text, pattern) AS regexp_matches(text::VARCHAR, pattern, 'i');
CREATE MACRO memory.kshell_pg."!~*"(text, pattern) AS NOT regexp_matches(text::VARCHAR, pattern, 'i');
-- PostgreSQL's ~, which finds the pattern anywhere; DuckDB's own matches the whole text.
CREATE MACRO memory.kshell_pg."~@"(text, pattern) AS regexp_matches(text::VARCHAR, pattern);
CREATE MACRO memory.kshell_pg."!~@"(text, pattern) AS NOT regexp_matches(text::VARCHAR, pattern);
