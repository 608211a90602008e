-- What a client of this process sees, once, under one number each. A number is made of the name, so it stays when a view is replaced at
-- a commit, and all views here agree on it. The schemas of these views stand for PostgreSQL's own.
CREATE MACRO memory.kshell_pg.kshell_schema(name) AS
CASE name WHEN 'kshell_pg' THEN 'pg_catalog' WHEN 'kshell_pg_information' THEN 'information_schema' ELSE name END;

CREATE MACRO memory.kshell_pg.kshell_shown(database, schema) AS
(database = 'memory' AND schema <> 'kshell_buffer');

CREATE MACRO memory.kshell_pg.kshell_number(kind, schema, name) AS
(hash(kind || chr(0) || schema || chr(0) || name) % 2147467264 + 16384)::BIGINT;

CREATE MACRO memory.kshell_pg.kshell_schema_oid(schema) AS
CASE memory.kshell_pg.kshell_schema(schema) WHEN 'pg_catalog' THEN 11 WHEN 'main' THEN 2200 WHEN 'information_schema' THEN 13000
     ELSE memory.kshell_pg.kshell_number('schema', '', schema) END::BIGINT;

CREATE MACRO memory.kshell_pg.kshell_relation_oid(schema, name) AS
coalesce(CASE WHEN schema = 'kshell_pg' THEN MAP {
    'pg_type': 1247, 'pg_attribute': 1249, 'pg_proc': 1255, 'pg_class': 1259, 'pg_authid': 1260, 'pg_auth_members': 1261, 'pg_database': 1262,
    'pg_tablespace': 1213, 'pg_shdepend': 1214, 'pg_foreign_server': 1417, 'pg_user_mapping': 1418, 'pg_sequence': 2224,
    'pg_foreign_data_wrapper': 2328, 'pg_shdescription': 2396, 'pg_am': 2601, 'pg_attrdef': 2604, 'pg_cast': 2605, 'pg_constraint': 2606,
    'pg_conversion': 2607, 'pg_depend': 2608, 'pg_description': 2609, 'pg_index': 2610, 'pg_inherits': 2611, 'pg_language': 2612,
    'pg_namespace': 2615, 'pg_opclass': 2616, 'pg_operator': 2617, 'pg_rewrite': 2618, 'pg_statistic_ext': 3381, 'pg_trigger': 2620,
    'pg_opfamily': 2753, 'pg_extension': 3079, 'pg_foreign_table': 3118, 'pg_policy': 3256, 'pg_partitioned_table': 3350,
    'pg_collation': 3456, 'pg_event_trigger': 3466, 'pg_enum': 3501, 'pg_range': 3541, 'pg_publication': 6104}[name] END,
    memory.kshell_pg.kshell_number('relation', schema, name))::BIGINT;

CREATE VIEW memory.kshell_pg.kshell_relations AS
SELECT memory.kshell_pg.kshell_relation_oid(schema_name, table_name) AS oid, schema_name, table_name AS name, 'r' AS kind, comment,
       column_count AS columns, estimated_size AS estimated, check_constraint_count AS checks, has_primary_key OR index_count > 0 AS indexed,
       NULL::VARCHAR AS sql
FROM duckdb_tables()
WHERE memory.kshell_pg.kshell_shown(database_name, schema_name) AND NOT internal AND NOT (schema_name = 'kshell' AND table_name = 'secrets')
UNION ALL
SELECT memory.kshell_pg.kshell_relation_oid(schema_name, view_name), schema_name, view_name, 'v', comment, column_count, -1, 0, false, sql
FROM duckdb_views()
WHERE memory.kshell_pg.kshell_shown(database_name, schema_name) AND NOT internal AND NOT starts_with(view_name, 'kshell_')
UNION ALL
SELECT memory.kshell_pg.kshell_relation_oid(schema_name, sequence_name), schema_name, sequence_name, 'S', comment, 3, 1, 0, false, NULL
FROM duckdb_sequences() WHERE memory.kshell_pg.kshell_shown(database_name, schema_name);

-- The columns of every relation. Nothing of PostgreSQL is known of a type but its number.
CREATE VIEW memory.kshell_pg.kshell_columns AS
SELECT memory.kshell_pg.kshell_relation_oid(schema_name, table_name) AS relation, schema_name, table_name, column_name AS name,
       column_index AS position, comment, column_default, is_nullable, data_type, memory.kshell_pg.kshell_type_oid(data_type) AS type,
       memory.kshell_pg.kshell_type_modifier(data_type) AS modifier, numeric_precision, numeric_scale
FROM duckdb_columns()
WHERE memory.kshell_pg.kshell_shown(database_name, schema_name) AND NOT internal
  AND NOT (schema_name = 'kshell_pg' AND starts_with(table_name, 'kshell_')) AND NOT (schema_name = 'kshell' AND table_name = 'secrets');

-- Constraints with columns counted from 1. DuckDB keeps the index of a key to itself: it gets the name of its constraint.
CREATE VIEW memory.kshell_pg.kshell_constraints AS
SELECT memory.kshell_pg.kshell_number('constraint', c.schema_name || chr(0) || c.table_name, c.constraint_name) AS oid, c.schema_name,
       c.table_name, c.constraint_name AS name, memory.kshell_pg.kshell_relation_oid(c.schema_name, c.table_name) AS relation,
       CASE c.constraint_type WHEN 'PRIMARY KEY' THEN 'p' WHEN 'UNIQUE' THEN 'u' WHEN 'FOREIGN KEY' THEN 'f' ELSE 'c' END AS kind,
       c.constraint_type, c.constraint_column_names AS column_names, c.expression, c.referenced_table, c.referenced_column_names,
       list_transform(c.constraint_column_indexes, lambda i: (i + 1)::SMALLINT) AS positions,
       CASE WHEN c.constraint_type = 'FOREIGN KEY' THEN memory.kshell_pg.kshell_relation_oid(c.schema_name, c.referenced_table) ELSE 0 END
           AS referenced,
       CASE WHEN c.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
            THEN memory.kshell_pg.kshell_number('index', c.schema_name, c.constraint_name) ELSE 0 END AS index_oid
FROM duckdb_constraints() AS c
WHERE memory.kshell_pg.kshell_shown(c.database_name, c.schema_name) AND c.constraint_type <> 'NOT NULL';

CREATE VIEW memory.kshell_pg.kshell_indexes AS
SELECT index_oid AS oid, schema_name, name, table_name, relation, kind = 'p' AS is_primary, true AS is_unique, positions,
       column_names AS column_texts
FROM memory.kshell_pg.kshell_constraints WHERE kind IN ('p', 'u')
UNION ALL
SELECT memory.kshell_pg.kshell_number('index', i.schema_name, i.index_name), i.schema_name, i.index_name, i.table_name,
       memory.kshell_pg.kshell_relation_oid(i.schema_name, i.table_name), i.is_primary, i.is_unique,
       list_transform(string_split(trim(i.expressions, '[]'), ', '),
                      lambda part: coalesce(list_position(t.names, trim(part, '''"')), 0)::SMALLINT),
       string_split(trim(i.expressions, '[]'), ', ')
FROM duckdb_indexes() AS i
JOIN (SELECT schema_name, table_name, list(column_name ORDER BY column_index) AS names FROM duckdb_columns()
      WHERE memory.kshell_pg.kshell_shown(database_name, schema_name) GROUP BY ALL) AS t USING (schema_name, table_name)
WHERE memory.kshell_pg.kshell_shown(i.database_name, i.schema_name);

-- A relation is visible where its schema is the first on the path that has its name.
CREATE VIEW memory.kshell_pg.kshell_visible AS
SELECT name, arg_min(oid, place) AS oid
FROM (SELECT name, oid, list_position(list_prepend('pg_catalog', memory.kshell_pg.kshell_path()), memory.kshell_pg.kshell_schema(schema_name)) AS place
      FROM memory.kshell_pg.kshell_relations)
WHERE place IS NOT NULL GROUP BY name;
