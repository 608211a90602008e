-- Functions over the catalog, and those of what kshell has none of.
CREATE MACRO memory.kshell_pg.pg_table_is_visible(relation_oid) AS
    relation_oid::BIGINT IN (SELECT oid FROM memory.kshell_pg.kshell_visible UNION ALL SELECT oid FROM memory.kshell_pg.kshell_indexes);
CREATE MACRO memory.kshell_pg.pg_get_expr(expression, relation) AS expression::VARCHAR, (expression, relation, pretty) AS expression::VARCHAR;
CREATE MACRO memory.kshell_pg.kshell_view_text(relation_oid) AS
    (SELECT min(v.definition) FROM memory.kshell_pg.pg_views AS v JOIN memory.kshell_pg.kshell_relations AS r
            ON v.viewname = r.name AND v.schemaname = memory.kshell_pg.kshell_schema(r.schema_name)
     WHERE r.oid = relation_oid::BIGINT);
CREATE MACRO memory.kshell_pg.pg_get_viewdef(relation) AS memory.kshell_pg.kshell_view_text(memory.kshell_pg.kshell_regclass(relation)),
    (relation, pretty) AS memory.kshell_pg.kshell_view_text(memory.kshell_pg.kshell_regclass(relation));
CREATE MACRO memory.kshell_pg.kshell_listed(names) AS '(' || array_to_string(names, ', ') || ')';
CREATE MACRO memory.kshell_pg.kshell_constraint_text(constraint_oid) AS
    (SELECT min(CASE kind WHEN 'p' THEN 'PRIMARY KEY ' || memory.kshell_pg.kshell_listed(column_names)
                          WHEN 'u' THEN 'UNIQUE ' || memory.kshell_pg.kshell_listed(column_names)
                          WHEN 'f' THEN 'FOREIGN KEY ' || memory.kshell_pg.kshell_listed(column_names) || ' REFERENCES ' || referenced_table
                                        || memory.kshell_pg.kshell_listed(referenced_column_names)
                          ELSE 'CHECK (' || expression || ')' END)
     FROM memory.kshell_pg.kshell_constraints WHERE oid = constraint_oid::BIGINT);
CREATE MACRO memory.kshell_pg.pg_get_constraintdef(constraint_oid) AS memory.kshell_pg.kshell_constraint_text(constraint_oid),
    (constraint_oid, pretty) AS memory.kshell_pg.kshell_constraint_text(constraint_oid);
CREATE MACRO memory.kshell_pg.kshell_index_text(index_number, part) AS
    (SELECT min(CASE WHEN part = 0
                     THEN CASE WHEN is_unique THEN 'CREATE UNIQUE INDEX ' ELSE 'CREATE INDEX ' END || name || ' ON '
                          || memory.kshell_pg.kshell_schema(schema_name) || '.' || table_name || ' USING btree '
                          || memory.kshell_pg.kshell_listed(column_texts)
                     ELSE column_texts[part] END)
     FROM memory.kshell_pg.kshell_indexes WHERE oid = index_number::BIGINT);
CREATE MACRO memory.kshell_pg.pg_get_indexdef(index_number) AS memory.kshell_pg.kshell_index_text(index_number, 0),
    (index_number, part, pretty) AS memory.kshell_pg.kshell_index_text(index_number, part);

CREATE VIEW memory.kshell_pg.pg_indexes AS
SELECT memory.kshell_pg.kshell_schema(schema_name) AS schemaname, table_name AS tablename, name AS indexname, NULL::VARCHAR AS tablespace,
       memory.kshell_pg.pg_get_indexdef(oid) AS indexdef
FROM memory.kshell_pg.kshell_indexes;

CREATE MACRO memory.kshell_pg.pg_get_function_arguments(function) AS
    (SELECT min(array_to_string(parameters, ', ')) FROM memory.kshell_pg.kshell_functions WHERE oid = function::BIGINT);
CREATE MACRO memory.kshell_pg.pg_get_function_identity_arguments(function) AS memory.kshell_pg.pg_get_function_arguments(function);
CREATE MACRO memory.kshell_pg.pg_get_function_result(function) AS
    (SELECT min(CASE WHEN rows THEN 'SETOF record' ELSE 'anyelement' END) FROM memory.kshell_pg.kshell_functions WHERE oid = function::BIGINT);
CREATE MACRO memory.kshell_pg.kshell_regproc(named) AS
    coalesce(TRY_CAST(named AS BIGINT), (SELECT min(oid) FROM memory.kshell_pg.kshell_functions
                                         WHERE name = replace(named::VARCHAR, 'pg_catalog.', '')), 0)::BIGINT;
CREATE MACRO memory.kshell_pg.kshell_regproc_name(function) AS
    coalesce((SELECT min(name) FROM memory.kshell_pg.kshell_functions WHERE oid = TRY_CAST(function AS BIGINT)),
             CASE WHEN function::VARCHAR = '0' THEN '-' ELSE function::VARCHAR END);

CREATE MACRO memory.kshell_pg.kshell_comment(object, class, part) AS
    (SELECT min(description) FROM memory.kshell_pg.pg_description WHERE objoid = object::BIGINT AND classoid = class AND objsubid = part);
CREATE MACRO memory.kshell_pg.obj_description(object) AS memory.kshell_pg.kshell_comment(object, 1259, 0),
    (object, class) AS memory.kshell_pg.kshell_comment(object, memory.kshell_pg.kshell_regclass('pg_catalog.' || class), 0);
CREATE MACRO memory.kshell_pg.col_description(relation_oid, part) AS memory.kshell_pg.kshell_comment(relation_oid, 1259, part);
CREATE MACRO memory.kshell_pg.shobj_description(object, class) AS NULL::VARCHAR;

-- What kshell has none of: sizes on disk, triggers, rules, partitions, statistics, locks.
CREATE MACRO memory.kshell_pg.pg_table_size(relation) AS NULL::BIGINT;
CREATE MACRO memory.kshell_pg.pg_total_relation_size(relation) AS NULL::BIGINT;
CREATE MACRO memory.kshell_pg.pg_relation_size(relation) AS NULL::BIGINT, (relation, fork) AS NULL::BIGINT;
CREATE MACRO memory.kshell_pg.pg_indexes_size(relation) AS NULL::BIGINT;
CREATE MACRO memory.kshell_pg.pg_database_size(database) AS NULL::BIGINT;
CREATE MACRO memory.kshell_pg.pg_tablespace_size(tablespace) AS NULL::BIGINT;
CREATE MACRO memory.kshell_pg.pg_tablespace_location(tablespace) AS '';
CREATE MACRO memory.kshell_pg.pg_relation_filepath(relation) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_relation_is_publishable(relation) AS false;
CREATE MACRO memory.kshell_pg.pg_relation_is_updatable(relation, deep) AS 0;
CREATE MACRO memory.kshell_pg.pg_get_statisticsobjdef_columns(object) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_get_statisticsobjdef(object) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_get_triggerdef(object) AS NULL::VARCHAR, (object, pretty) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_get_ruledef(object) AS NULL::VARCHAR, (object, pretty) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_get_partkeydef(relation) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_get_partition_constraintdef(relation) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_get_functiondef(function) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_get_function_sqlbody(function) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_statistics_obj_is_visible(object) AS true;
CREATE MACRO memory.kshell_pg.pg_advisory_unlock_all() AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_get_serial_sequence(relation, name) AS NULL::VARCHAR;
CREATE MACRO memory.kshell_pg.pg_partition_ancestors(relation) AS unnest([NULL::BIGINT][:0]);
CREATE MACRO memory.kshell_pg.pg_partition_ancestors(relation_oid) AS TABLE
    SELECT relation_oid::BIGINT AS relid, 0::BIGINT AS ordinality WHERE false;
CREATE MACRO memory.kshell_pg.pg_partition_tree(relation_oid) AS TABLE
    SELECT relation_oid::BIGINT AS relid, NULL::BIGINT AS parentrelid, true AS isleaf, 0 AS level WHERE false;
CREATE MACRO memory.kshell_pg.pg_get_keywords() AS TABLE
    SELECT keyword_name AS word,
           CASE keyword_category WHEN 'reserved' THEN 'R' WHEN 'unreserved' THEN 'U' WHEN 'column_name' THEN 'C' ELSE 'T' END AS catcode,
           keyword_category AS catdesc
    FROM duckdb_keywords();
CREATE MACRO memory.kshell_pg.pg_options_to_table(options) AS TABLE SELECT NULL::VARCHAR AS option_name, NULL::VARCHAR AS option_value WHERE false;
CREATE MACRO memory.kshell_pg.aclexplode(acl) AS TABLE
    SELECT NULL::BIGINT AS grantor, NULL::BIGINT AS grantee, NULL::VARCHAR AS privilege_type, NULL::BOOLEAN AS is_grantable WHERE false;
CREATE MACRO memory.kshell_pg.pg_stat_get_numscans(relation) AS 0::BIGINT;
CREATE MACRO memory.kshell_pg.pg_stat_get_live_tuples(relation) AS NULL::BIGINT;
CREATE MACRO memory.kshell_pg.pg_blocking_pids(pid) AS CAST([] AS INTEGER[]);
CREATE MACRO memory.kshell_pg.has_parameter_privilege(parameter, privilege) AS false;
CREATE MACRO memory.kshell_pg.row_security_active(relation) AS false;
