-- information_schema with what clients see, and with PostgreSQL's names of types.
CREATE MACRO memory.kshell_pg_information.kshell_type(type) AS
CASE WHEN type LIKE '%[]' THEN 'ARRAY' ELSE type END;

CREATE VIEW memory.kshell_pg_information.information_schema_catalog_name AS SELECT 'memory' AS catalog_name;

CREATE VIEW memory.kshell_pg_information.schemata AS
SELECT 'memory' AS catalog_name, nspname AS schema_name, memory.kshell_pg.kshell_setting('session_authorization') AS schema_owner,
       NULL::VARCHAR AS default_character_set_catalog, NULL::VARCHAR AS default_character_set_schema,
       NULL::VARCHAR AS default_character_set_name, NULL::VARCHAR AS sql_path
FROM memory.kshell_pg.pg_namespace;

CREATE VIEW memory.kshell_pg_information.tables AS
SELECT 'memory' AS table_catalog, memory.kshell_pg.kshell_schema(schema_name) AS table_schema, name AS table_name,
       CASE kind WHEN 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type, NULL::VARCHAR AS self_referencing_column_name,
       NULL::VARCHAR AS reference_generation, NULL::VARCHAR AS user_defined_type_catalog, NULL::VARCHAR AS user_defined_type_schema,
       NULL::VARCHAR AS user_defined_type_name, 'NO' AS is_insertable_into, 'NO' AS is_typed, NULL::VARCHAR AS commit_action,
       comment AS "TABLE_COMMENT"
FROM memory.kshell_pg.kshell_relations WHERE kind IN ('r', 'v');

CREATE VIEW memory.kshell_pg_information.views AS
SELECT 'memory' AS table_catalog, schemaname AS table_schema, viewname AS table_name, definition AS view_definition, 'NONE' AS check_option,
       'NO' AS is_updatable, 'NO' AS is_insertable_into, 'NO' AS is_trigger_updatable, 'NO' AS is_trigger_deletable,
       'NO' AS is_trigger_insertable_into
FROM memory.kshell_pg.pg_views;

CREATE VIEW memory.kshell_pg_information.columns AS
SELECT 'memory' AS table_catalog, memory.kshell_pg.kshell_schema(c.schema_name) AS table_schema, c.table_name, c.name AS column_name,
       c.position AS ordinal_position, c.column_default, CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable,
       memory.kshell_pg_information.kshell_type(t.formatted) AS data_type, NULL::INTEGER AS character_maximum_length,
       CASE WHEN t.typname = 'text' THEN 1073741824 END AS character_octet_length,
       CASE t.typname WHEN 'int2' THEN 16 WHEN 'int4' THEN 32 WHEN 'int8' THEN 64 WHEN 'float4' THEN 24 WHEN 'float8' THEN 53
            WHEN 'numeric' THEN c.numeric_precision END::INTEGER AS numeric_precision,
       CASE WHEN t.typname = 'numeric' THEN 10 WHEN t.typcategory = 'N' THEN 2 END AS numeric_precision_radix,
       CASE WHEN t.typname = 'numeric' THEN coalesce(c.numeric_scale, 0) WHEN t.typname IN ('int2', 'int4', 'int8') THEN 0 END::INTEGER
           AS numeric_scale,
       CASE t.typname WHEN 'date' THEN 0 ELSE CASE WHEN t.typcategory IN ('D', 'T') THEN 6 END END AS datetime_precision,
       NULL::VARCHAR AS interval_type, NULL::INTEGER AS interval_precision, NULL::VARCHAR AS character_set_catalog,
       NULL::VARCHAR AS character_set_schema, NULL::VARCHAR AS character_set_name, NULL::VARCHAR AS collation_catalog,
       NULL::VARCHAR AS collation_schema, NULL::VARCHAR AS collation_name, NULL::VARCHAR AS domain_catalog, NULL::VARCHAR AS domain_schema,
       NULL::VARCHAR AS domain_name, 'memory' AS udt_catalog, 'pg_catalog' AS udt_schema, t.typname AS udt_name,
       NULL::VARCHAR AS scope_catalog, NULL::VARCHAR AS scope_schema, NULL::VARCHAR AS scope_name, NULL::INTEGER AS maximum_cardinality,
       c.position::VARCHAR AS dtd_identifier, 'NO' AS is_self_referencing, 'NO' AS is_identity, NULL::VARCHAR AS identity_generation,
       NULL::VARCHAR AS identity_start, NULL::VARCHAR AS identity_increment, NULL::VARCHAR AS identity_maximum,
       NULL::VARCHAR AS identity_minimum, 'NO' AS identity_cycle, 'NEVER' AS is_generated, NULL::VARCHAR AS generation_expression,
       'NO' AS is_updatable, c.comment AS "COLUMN_COMMENT"
FROM memory.kshell_pg.kshell_columns AS c JOIN memory.kshell_pg.kshell_types AS t ON t.oid = c.type;

CREATE VIEW memory.kshell_pg_information.element_types AS
SELECT 'memory' AS object_catalog, c.table_schema AS object_schema, c.table_name AS object_name, 'TABLE' AS object_type,
       c.dtd_identifier AS collection_type_identifier, t.formatted AS data_type, 'memory' AS udt_catalog, 'pg_catalog' AS udt_schema,
       t.typname AS udt_name, 'a' || c.dtd_identifier AS dtd_identifier
FROM memory.kshell_pg_information.columns AS c JOIN memory.kshell_pg.kshell_types AS t ON '_' || t.typname = c.udt_name;

CREATE VIEW memory.kshell_pg_information.table_constraints AS
SELECT 'memory' AS constraint_catalog, memory.kshell_pg.kshell_schema(schema_name) AS constraint_schema, name AS constraint_name,
       'memory' AS table_catalog, memory.kshell_pg.kshell_schema(schema_name) AS table_schema, table_name, constraint_type,
       'NO' AS is_deferrable, 'NO' AS initially_deferred, 'YES' AS enforced, NULL::VARCHAR AS nulls_distinct
FROM memory.kshell_pg.kshell_constraints;

CREATE VIEW memory.kshell_pg_information.key_column_usage AS
SELECT 'memory' AS constraint_catalog, memory.kshell_pg.kshell_schema(schema_name) AS constraint_schema, name AS constraint_name,
       'memory' AS table_catalog, memory.kshell_pg.kshell_schema(schema_name) AS table_schema, table_name,
       unnest(column_names) AS column_name, generate_subscripts(column_names, 1)::INTEGER AS ordinal_position,
       CASE WHEN kind = 'f' THEN generate_subscripts(column_names, 1) END::INTEGER AS position_in_unique_constraint
FROM memory.kshell_pg.kshell_constraints WHERE kind IN ('p', 'u', 'f');

CREATE VIEW memory.kshell_pg_information.constraint_column_usage AS
SELECT 'memory' AS table_catalog, memory.kshell_pg.kshell_schema(schema_name) AS table_schema,
       CASE WHEN kind = 'f' THEN referenced_table ELSE table_name END AS table_name,
       unnest(CASE WHEN kind = 'f' THEN referenced_column_names ELSE column_names END) AS column_name, 'memory' AS constraint_catalog,
       memory.kshell_pg.kshell_schema(schema_name) AS constraint_schema, name AS constraint_name
FROM memory.kshell_pg.kshell_constraints;

CREATE VIEW memory.kshell_pg_information.constraint_table_usage AS
SELECT DISTINCT table_catalog, table_schema, table_name, constraint_catalog, constraint_schema, constraint_name
FROM memory.kshell_pg_information.constraint_column_usage;

CREATE VIEW memory.kshell_pg_information.referential_constraints AS
SELECT 'memory' AS constraint_catalog, memory.kshell_pg.kshell_schema(f.schema_name) AS constraint_schema, f.name AS constraint_name,
       'memory' AS unique_constraint_catalog, memory.kshell_pg.kshell_schema(f.schema_name) AS unique_constraint_schema,
       k.name AS unique_constraint_name, 'NONE' AS match_option, 'NO ACTION' AS update_rule, 'NO ACTION' AS delete_rule
FROM memory.kshell_pg.kshell_constraints AS f
LEFT JOIN memory.kshell_pg.kshell_constraints AS k
       ON k.relation = f.referenced AND k.kind IN ('p', 'u') AND k.column_names = f.referenced_column_names
WHERE f.kind = 'f';

CREATE VIEW memory.kshell_pg_information.check_constraints AS
SELECT 'memory' AS constraint_catalog, memory.kshell_pg.kshell_schema(schema_name) AS constraint_schema, name AS constraint_name,
       expression AS check_clause
FROM memory.kshell_pg.kshell_constraints WHERE kind = 'c';

CREATE VIEW memory.kshell_pg_information.table_privileges AS
SELECT memory.kshell_pg.kshell_setting('session_authorization') AS grantor, memory.kshell_pg.kshell_setting('session_authorization') AS grantee,
       table_catalog, table_schema, table_name, 'SELECT' AS privilege_type, 'NO' AS is_grantable, 'YES' AS with_hierarchy
FROM memory.kshell_pg_information.tables;

CREATE VIEW memory.kshell_pg_information.role_table_grants AS SELECT * FROM memory.kshell_pg_information.table_privileges;

CREATE VIEW memory.kshell_pg_information.column_privileges AS
SELECT memory.kshell_pg.kshell_setting('session_authorization') AS grantor, memory.kshell_pg.kshell_setting('session_authorization') AS grantee,
       table_catalog, table_schema, table_name, column_name, 'SELECT' AS privilege_type, 'NO' AS is_grantable
FROM memory.kshell_pg_information.columns;

CREATE VIEW memory.kshell_pg_information.enabled_roles AS
SELECT memory.kshell_pg.kshell_setting('session_authorization') AS role_name;

CREATE VIEW memory.kshell_pg_information.applicable_roles AS
SELECT role_name AS grantee, role_name, 'NO' AS is_grantable FROM memory.kshell_pg_information.enabled_roles WHERE false;

CREATE VIEW memory.kshell_pg_information.sequences AS
SELECT 'memory' AS sequence_catalog, schemaname AS sequence_schema, sequencename AS sequence_name, data_type, 64 AS numeric_precision,
       2 AS numeric_precision_radix, 0 AS numeric_scale, start_value::VARCHAR AS start_value, min_value::VARCHAR AS minimum_value,
       max_value::VARCHAR AS maximum_value, increment_by::VARCHAR AS increment, CASE WHEN cycle THEN 'YES' ELSE 'NO' END AS cycle_option
FROM memory.kshell_pg.pg_sequences;

CREATE VIEW memory.kshell_pg_information.routines AS
SELECT 'memory' AS specific_catalog, n.nspname AS specific_schema, p.proname || '_' || p.oid AS specific_name, 'memory' AS routine_catalog,
       n.nspname AS routine_schema, p.proname AS routine_name, 'FUNCTION' AS routine_type,
       CASE WHEN p.proretset THEN 'record' ELSE 'anyelement' END AS data_type, NULL::VARCHAR AS routine_definition,
       'SQL' AS external_language, 'SQL' AS routine_body
FROM memory.kshell_pg.pg_proc AS p JOIN memory.kshell_pg.pg_namespace AS n ON n.oid = p.pronamespace;

CREATE VIEW memory.kshell_pg_information.parameters AS
SELECT 'memory' AS specific_catalog, n.nspname AS specific_schema, p.proname || '_' || p.oid AS specific_name,
       generate_subscripts(p.proargnames, 1)::INTEGER AS ordinal_position, 'IN' AS parameter_mode, unnest(p.proargnames) AS parameter_name,
       'anyelement' AS data_type, 'anyelement' AS udt_name, NULL::VARCHAR AS parameter_default
FROM memory.kshell_pg.pg_proc AS p JOIN memory.kshell_pg.pg_namespace AS n ON n.oid = p.pronamespace;

CREATE VIEW memory.kshell_pg_information.triggers AS
SELECT NULL::VARCHAR AS trigger_catalog, NULL::VARCHAR AS trigger_schema, NULL::VARCHAR AS trigger_name, NULL::VARCHAR AS event_manipulation,
       NULL::VARCHAR AS event_object_catalog, NULL::VARCHAR AS event_object_schema, NULL::VARCHAR AS event_object_table,
       NULL::INTEGER AS action_order, NULL::VARCHAR AS action_condition, NULL::VARCHAR AS action_statement,
       NULL::VARCHAR AS action_orientation, NULL::VARCHAR AS action_timing, NULL::TIMESTAMPTZ AS created
WHERE false;

CREATE VIEW memory.kshell_pg_information.domains AS
SELECT NULL::VARCHAR AS domain_catalog, NULL::VARCHAR AS domain_schema, NULL::VARCHAR AS domain_name, NULL::VARCHAR AS data_type WHERE false;

CREATE VIEW memory.kshell_pg_information.character_sets AS
SELECT NULL::VARCHAR AS character_set_catalog, NULL::VARCHAR AS character_set_schema, 'UTF8' AS character_set_name,
       'UCS' AS character_repertoire, 'UTF8' AS form_of_use, 'memory' AS default_collate_catalog, 'pg_catalog' AS default_collate_schema,
       'C' AS default_collate_name;
