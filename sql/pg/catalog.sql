-- PostgreSQL's catalog as far as clients read it, over the relations that they see. Columns stand as in PostgreSQL 15.
CREATE VIEW memory.kshell_pg.pg_namespace AS
SELECT memory.kshell_pg.kshell_schema_oid(schema_name) AS oid, memory.kshell_pg.kshell_schema(schema_name) AS nspname, 10::BIGINT AS nspowner,
       NULL::VARCHAR[] AS nspacl,
       2615::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM duckdb_schemas() WHERE memory.kshell_pg.kshell_shown(database_name, schema_name);

-- psql looks for foreign keys where there are triggers, which in PostgreSQL keep them.
CREATE VIEW memory.kshell_pg.pg_class AS
SELECT oid, relname, relnamespace, 0::BIGINT AS reltype, 0::BIGINT AS reloftype, 10::BIGINT AS relowner,
       CASE relkind WHEN 'r' THEN 2 WHEN 'i' THEN 403 ELSE 0 END::BIGINT AS relam, 0::BIGINT AS relfilenode, 0::BIGINT AS reltablespace,
       0 AS relpages, reltuples::FLOAT AS reltuples, 0 AS relallvisible, 0::BIGINT AS reltoastrelid, relhasindex, false AS relisshared,
       'p' AS relpersistence, relkind, relnatts::SMALLINT AS relnatts, relchecks::SMALLINT AS relchecks, false AS relhasrules,
       relkind = 'r' AS relhastriggers, false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity, true AS relispopulated,
       'd' AS relreplident, false AS relispartition, 0::BIGINT AS relrewrite, 0::BIGINT AS relfrozenxid, 0::BIGINT AS relminmxid,
       NULL::VARCHAR[] AS relacl, NULL::VARCHAR[] AS reloptions, NULL::VARCHAR AS relpartbound,
       1259::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM (SELECT oid, name AS relname, memory.kshell_pg.kshell_schema_oid(schema_name) AS relnamespace, kind AS relkind, columns AS relnatts,
             estimated AS reltuples, checks AS relchecks, indexed AS relhasindex
      FROM memory.kshell_pg.kshell_relations
      UNION ALL
      SELECT oid, name, memory.kshell_pg.kshell_schema_oid(schema_name), 'i', len(positions), 0, 0, false FROM memory.kshell_pg.kshell_indexes);

-- atttypid: a list of UINTEGER is sent as oid[], and asyncpg collects them before it can read another list.
CREATE VIEW memory.kshell_pg.pg_attribute AS
SELECT c.relation AS attrelid, c.name AS attname, c.type::UINTEGER AS atttypid, -1 AS attstattarget, t.typlen::SMALLINT AS attlen,
       c.position::SMALLINT AS attnum, CASE WHEN t.typelem <> 0 THEN 1 ELSE 0 END AS attndims, -1 AS attcacheoff, c.modifier AS atttypmod,
       t.typbyval AS attbyval, t.typalign AS attalign, t.typstorage AS attstorage, '' AS attcompression, NOT c.is_nullable AS attnotnull,
       c.column_default IS NOT NULL AS atthasdef, false AS atthasmissing, '' AS attidentity, '' AS attgenerated, false AS attisdropped,
       true AS attislocal, 0 AS attinhcount, t.typcollation::BIGINT AS attcollation, NULL::VARCHAR[] AS attacl, NULL::VARCHAR[] AS attoptions,
       NULL::VARCHAR[] AS attfdwoptions, NULL::VARCHAR AS attmissingval
FROM memory.kshell_pg.kshell_columns AS c JOIN memory.kshell_pg.kshell_types AS t ON t.oid = c.type
UNION ALL
SELECT i.oid, name, 0::UINTEGER, -1, 0, position, 0, -1, -1, false, 'i', 'p', '', false, false, false, '', '', false, true, 0, 0, NULL, NULL, NULL, NULL
FROM (SELECT oid, unnest(column_texts) AS name, generate_subscripts(column_texts, 1) AS position FROM memory.kshell_pg.kshell_indexes) AS i;

CREATE VIEW memory.kshell_pg.pg_attrdef AS
SELECT memory.kshell_pg.kshell_number('default', schema_name || chr(0) || table_name, name) AS oid, relation AS adrelid,
       position::SMALLINT AS adnum, column_default AS adbin,
       2604::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM memory.kshell_pg.kshell_columns WHERE column_default IS NOT NULL;

CREATE VIEW memory.kshell_pg.pg_index AS
SELECT oid AS indexrelid, relation AS indrelid, len(positions)::SMALLINT AS indnatts, len(positions)::SMALLINT AS indnkeyatts,
       is_unique AS indisunique, false AS indnullsnotdistinct, is_primary AS indisprimary, false AS indisexclusion, true AS indimmediate,
       false AS indisclustered, true AS indisvalid, false AS indcheckxmin, true AS indisready, true AS indislive, false AS indisreplident,
       array_to_string(positions, ' ') AS indkey, zeros AS indcollation, zeros AS indclass, zeros AS indoption,
       NULL::VARCHAR AS indexprs, NULL::VARCHAR AS indpred,
       2610::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM (SELECT *, array_to_string(list_transform(positions, lambda _: 0), ' ') AS zeros FROM memory.kshell_pg.kshell_indexes);

CREATE VIEW memory.kshell_pg.pg_constraint AS
SELECT c.oid, c.name AS conname, memory.kshell_pg.kshell_schema_oid(c.schema_name) AS connamespace, c.kind AS contype, false AS condeferrable,
       false AS condeferred, true AS convalidated, c.relation AS conrelid, 0::BIGINT AS contypid, coalesce(k.index_oid, c.index_oid)::BIGINT AS conindid,
       0::BIGINT AS conparentid, c.referenced::BIGINT AS confrelid, CASE WHEN c.kind = 'f' THEN 'a' ELSE ' ' END AS confupdtype,
       CASE WHEN c.kind = 'f' THEN 'a' ELSE ' ' END AS confdeltype, CASE WHEN c.kind = 'f' THEN 's' ELSE ' ' END AS confmatchtype,
       true AS conislocal, 0 AS coninhcount, true AS connoinherit, c.positions AS conkey,
       CASE WHEN c.kind = 'f' THEN list_transform(c.referenced_column_names, lambda n: list_position(t.names, n)::SMALLINT) END AS confkey,
       NULL::BIGINT[] AS conpfeqop, NULL::BIGINT[] AS conppeqop, NULL::BIGINT[] AS conffeqop, NULL::SMALLINT[] AS confdelsetcols,
       NULL::BIGINT[] AS conexclop, c.expression AS conbin,
       2606::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM memory.kshell_pg.kshell_constraints AS c
LEFT JOIN (SELECT relation, list(name ORDER BY position) AS names FROM memory.kshell_pg.kshell_columns GROUP BY relation) AS t
       ON t.relation = c.referenced
LEFT JOIN memory.kshell_pg.kshell_constraints AS k
       ON c.kind = 'f' AND k.relation = c.referenced AND k.kind IN ('p', 'u') AND k.column_names = c.referenced_column_names;

CREATE VIEW memory.kshell_pg.pg_description AS
SELECT oid AS objoid, 1259::BIGINT AS classoid, 0 AS objsubid, comment AS description
FROM memory.kshell_pg.kshell_relations WHERE comment IS NOT NULL
UNION ALL
SELECT relation, 1259, position, comment FROM memory.kshell_pg.kshell_columns WHERE comment IS NOT NULL;

-- A foreign key hangs on the index of the key that it names.
CREATE VIEW memory.kshell_pg.pg_depend AS
SELECT 2606::BIGINT AS classid, f.oid AS objid, 0 AS objsubid, 1259::BIGINT AS refclassid, k.index_oid::BIGINT AS refobjid, 0 AS refobjsubid,
       'n' AS deptype
FROM memory.kshell_pg.kshell_constraints AS f
JOIN memory.kshell_pg.kshell_constraints AS k
  ON k.relation = f.referenced AND k.kind IN ('p', 'u') AND k.column_names = f.referenced_column_names
WHERE f.kind = 'f';

-- Functions: macros of the user, and those of PostgreSQL that clients look up by name.
CREATE VIEW memory.kshell_pg.kshell_functions AS
SELECT memory.kshell_pg.kshell_number('function', schema_name, function_name || chr(0) || len(parameters)) AS oid, function_name AS name,
       memory.kshell_pg.kshell_schema_oid(schema_name) AS schema_oid, 'f' AS kind, function_type = 'table_macro' AS rows, parameters,
       any_value(comment) AS comment
FROM duckdb_functions()
WHERE memory.kshell_pg.kshell_shown(database_name, schema_name) AND NOT internal AND schema_name NOT IN ('kshell_pg', 'kshell_pg_information')
GROUP BY ALL
UNION ALL
SELECT * FROM (VALUES (750, 'array_in', 11, 'f', false, [], NULL), (751, 'array_out', 11, 'f', false, [], NULL),
                      (2400, 'array_recv', 11, 'f', false, [], NULL), (2401, 'array_send', 11, 'f', false, [], NULL));

CREATE VIEW memory.kshell_pg.pg_proc AS
SELECT oid, name AS proname, schema_oid::BIGINT AS pronamespace, 10::BIGINT AS proowner, 14::BIGINT AS prolang, 1::FLOAT AS procost,
       CASE WHEN rows THEN 1000 ELSE 0 END::FLOAT AS prorows, 0::BIGINT AS provariadic, 0::BIGINT AS prosupport, kind AS prokind,
       false AS prosecdef, false AS proleakproof, false AS proisstrict, rows AS proretset, 's' AS provolatile, 'u' AS proparallel,
       len(parameters)::SMALLINT AS pronargs, 0::SMALLINT AS pronargdefaults, CASE WHEN rows THEN 2249 ELSE 2283 END::BIGINT AS prorettype,
       coalesce(array_to_string(list_transform(parameters, lambda _: 2283), ' '), '') AS proargtypes, NULL::BIGINT[] AS proallargtypes, NULL::VARCHAR[] AS proargmodes,
       parameters::VARCHAR[] AS proargnames, NULL::VARCHAR AS proargdefaults, NULL::BIGINT[] AS protrftypes, NULL::VARCHAR AS prosrc,
       NULL::VARCHAR AS probin, NULL::VARCHAR AS prosqlbody, NULL::VARCHAR[] AS proconfig, NULL::VARCHAR[] AS proacl,
       1255::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM memory.kshell_pg.kshell_functions;

CREATE VIEW memory.kshell_pg.pg_language AS
SELECT 14::BIGINT AS oid, 'sql' AS lanname, 10::BIGINT AS lanowner, false AS lanispl, true AS lanpltrusted, 0::BIGINT AS lanplcallfoid,
       0::BIGINT AS laninline, 0::BIGINT AS lanvalidator, NULL::VARCHAR[] AS lanacl,
       2612::BIGINT AS tableoid, 0::BIGINT AS xmin;

-- One database, one login.
CREATE VIEW memory.kshell_pg.pg_database AS
SELECT 16383::BIGINT AS oid, 'memory' AS datname, 10::BIGINT AS datdba, 6 AS encoding, 'c' AS datlocprovider, false AS datistemplate,
       true AS datallowconn, -1 AS datconnlimit, 0::BIGINT AS datfrozenxid, 0::BIGINT AS datminmxid, 1663::BIGINT AS dattablespace,
       'C.UTF-8' AS datcollate, 'C.UTF-8' AS datctype, NULL::VARCHAR AS daticulocale, NULL::VARCHAR AS datcollversion,
       NULL::VARCHAR[] AS datacl, 12000::BIGINT AS datlastsysoid,
       1262::BIGINT AS tableoid, 0::BIGINT AS xmin;

CREATE VIEW memory.kshell_pg.pg_tablespace AS
SELECT 1663::BIGINT AS oid, 'pg_default' AS spcname, 10::BIGINT AS spcowner, NULL::VARCHAR[] AS spcacl, NULL::VARCHAR[] AS spcoptions,
       1213::BIGINT AS tableoid, 0::BIGINT AS xmin;

CREATE VIEW memory.kshell_pg.pg_am AS
SELECT oid::BIGINT AS oid, amname, 0::BIGINT AS amhandler, amtype, 2601::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM (VALUES (2, 'heap', 't'), (403, 'btree', 'i')) AS t(oid, amname, amtype);

CREATE VIEW memory.kshell_pg.pg_collation AS
SELECT oid::BIGINT AS oid, collname, 11::BIGINT AS collnamespace, 10::BIGINT AS collowner, provider AS collprovider,
       true AS collisdeterministic, -1 AS collencoding, locale AS collcollate, locale AS collctype, NULL::VARCHAR AS colliculocale,
       NULL::VARCHAR AS collversion,
       3456::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM (VALUES (100, 'default', 'd', NULL), (950, 'C', 'c', 'C'), (951, 'POSIX', 'c', 'POSIX')) AS t(oid, collname, provider, locale);

CREATE VIEW memory.kshell_pg.pg_roles AS
SELECT memory.kshell_pg.kshell_setting('session_authorization') AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole,
       false AS rolcreatedb, true AS rolcanlogin, false AS rolreplication, -1 AS rolconnlimit, '********' AS rolpassword,
       NULL::TIMESTAMPTZ AS rolvaliduntil, false AS rolbypassrls, NULL::VARCHAR[] AS rolconfig, 10::BIGINT AS oid;

CREATE VIEW memory.kshell_pg.pg_user AS
SELECT rolname AS usename, oid AS usesysid, false AS usecreatedb, false AS usesuper, false AS userepl, false AS usebypassrls,
       rolpassword AS passwd, rolvaliduntil AS valuntil, rolconfig AS useconfig
FROM memory.kshell_pg.pg_roles;

CREATE VIEW memory.kshell_pg.pg_shadow AS SELECT * FROM memory.kshell_pg.pg_user;

CREATE VIEW memory.kshell_pg.pg_authid AS
SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit,
       NULL::VARCHAR AS rolpassword, rolvaliduntil,
       1260::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM memory.kshell_pg.pg_roles;

-- A client sees its own session, and nobody else's text.
CREATE VIEW memory.kshell_pg.pg_stat_activity AS
SELECT 16383::BIGINT AS datid, 'memory' AS datname, memory.kshell_pg.pg_backend_pid() AS pid, NULL::INTEGER AS leader_pid,
       10::BIGINT AS usesysid, memory.kshell_pg.kshell_setting('session_authorization') AS usename,
       memory.kshell_pg.kshell_setting('application_name') AS application_name, NULL::VARCHAR AS client_addr,
       NULL::VARCHAR AS client_hostname, NULL::INTEGER AS client_port, NULL::TIMESTAMPTZ AS backend_start,
       NULL::TIMESTAMPTZ AS xact_start, now() AS query_start, now() AS state_change, NULL::VARCHAR AS wait_event_type,
       NULL::VARCHAR AS wait_event, 'active' AS state, NULL::BIGINT AS backend_xid, NULL::BIGINT AS backend_xmin, NULL::BIGINT AS query_id,
       NULL::VARCHAR AS query, 'client backend' AS backend_type;

CREATE VIEW memory.kshell_pg.pg_settings AS
SELECT entry.key AS name, entry.value AS setting, NULL::VARCHAR AS unit, 'Client' AS category, '' AS short_desc, NULL::VARCHAR AS extra_desc,
       'user' AS context, 'string' AS vartype, 'session' AS source, NULL::VARCHAR AS min_val, NULL::VARCHAR AS max_val,
       NULL::VARCHAR[] AS enumvals, entry.value AS boot_val, entry.value AS reset_val, NULL::VARCHAR AS sourcefile,
       NULL::INTEGER AS sourceline, false AS pending_restart
FROM (SELECT unnest(map_entries(CAST(getvariable('kshell_pg') AS MAP(VARCHAR, VARCHAR)))) AS entry);

CREATE VIEW memory.kshell_pg.pg_tables AS
SELECT memory.kshell_pg.kshell_schema(schema_name) AS schemaname, name AS tablename,
       memory.kshell_pg.kshell_setting('session_authorization') AS tableowner, NULL::VARCHAR AS tablespace, indexed AS hasindexes,
       false AS hasrules, false AS hastriggers, false AS rowsecurity
FROM memory.kshell_pg.kshell_relations WHERE kind = 'r';

-- How the rows of a source are put together is no text for a client: such a definition is NULL, as one without the right to see it.
CREATE VIEW memory.kshell_pg.pg_views AS
SELECT memory.kshell_pg.kshell_schema(schema_name) AS schemaname, name AS viewname,
       memory.kshell_pg.kshell_setting('session_authorization') AS viewowner,
       CASE WHEN NOT regexp_matches(sql, 'kshell_buffer|kshell_pg|iceberg_scan|memory\.live')
            THEN regexp_replace(sql, '^CREATE VIEW .*? AS ', '', 's') END AS definition
FROM memory.kshell_pg.kshell_relations WHERE kind = 'v';

CREATE VIEW memory.kshell_pg.pg_sequence AS
SELECT memory.kshell_pg.kshell_relation_oid(schema_name, sequence_name) AS seqrelid, 20::BIGINT AS seqtypid, start_value AS seqstart,
       increment_by AS seqincrement, max_value AS seqmax, min_value AS seqmin, 1::BIGINT AS seqcache, cycle AS seqcycle
FROM duckdb_sequences() WHERE memory.kshell_pg.kshell_shown(database_name, schema_name);

CREATE VIEW memory.kshell_pg.pg_sequences AS
SELECT memory.kshell_pg.kshell_schema(schema_name) AS schemaname, sequence_name AS sequencename,
       memory.kshell_pg.kshell_setting('session_authorization') AS sequenceowner, 'bigint' AS data_type, start_value, min_value, max_value,
       increment_by, cycle, 1::BIGINT AS cache_size, last_value
FROM duckdb_sequences() WHERE memory.kshell_pg.kshell_shown(database_name, schema_name);

CREATE VIEW memory.kshell_pg.pg_stat_user_tables AS
SELECT oid AS relid, memory.kshell_pg.kshell_schema(schema_name) AS schemaname, name AS relname, 0::BIGINT AS seq_scan,
       0::BIGINT AS seq_tup_read, 0::BIGINT AS idx_scan, 0::BIGINT AS idx_tup_fetch, 0::BIGINT AS n_tup_ins, 0::BIGINT AS n_tup_upd,
       0::BIGINT AS n_tup_del, 0::BIGINT AS n_tup_hot_upd, estimated::BIGINT AS n_live_tup, 0::BIGINT AS n_dead_tup,
       NULL::TIMESTAMPTZ AS last_vacuum, NULL::TIMESTAMPTZ AS last_autovacuum, NULL::TIMESTAMPTZ AS last_analyze,
       NULL::TIMESTAMPTZ AS last_autoanalyze
FROM memory.kshell_pg.kshell_relations WHERE kind = 'r';

CREATE VIEW memory.kshell_pg.pg_stat_all_tables AS SELECT * FROM memory.kshell_pg.pg_stat_user_tables;

CREATE VIEW memory.kshell_pg.pg_stat_database AS
SELECT 16383::BIGINT AS datid, 'memory' AS datname, 1 AS numbackends, 0::BIGINT AS xact_commit, 0::BIGINT AS xact_rollback,
       0::BIGINT AS blks_read, 0::BIGINT AS blks_hit, 0::BIGINT AS tup_returned, 0::BIGINT AS tup_fetched, 0::BIGINT AS tup_inserted,
       0::BIGINT AS tup_updated, 0::BIGINT AS tup_deleted, NULL::TIMESTAMPTZ AS stats_reset;
