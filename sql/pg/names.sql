-- Names as text, and the numbers they stand for: what ::regclass and its kin become.
-- The parts of a name as text holds them: 'orders', 'main.orders', '"Odd name"'.
CREATE MACRO memory.kshell_pg.kshell_name_parts(named) AS
list_transform(regexp_extract_all(named::VARCHAR, '"([^"]|"")*"|[^".]+'),
               lambda part: lower(CASE WHEN part[1] = '"' THEN replace(part[2:-2], '""', '"') ELSE trim(part) END));

CREATE MACRO memory.kshell_pg.to_regclass(named) AS
(SELECT arg_min(oid, place) FROM (
    SELECT r.oid,
           CASE WHEN len(memory.kshell_pg.kshell_name_parts(named)) > 1
                THEN CASE WHEN lower(memory.kshell_pg.kshell_schema(r.schema_name))
                               = memory.kshell_pg.kshell_main(memory.kshell_pg.kshell_name_parts(named)[-2]) THEN 0 END
                ELSE list_position(list_prepend('pg_catalog', memory.kshell_pg.kshell_path()), memory.kshell_pg.kshell_schema(r.schema_name))
           END AS place
    FROM memory.kshell_pg.kshell_relations AS r WHERE lower(r.name) = memory.kshell_pg.kshell_name_parts(named)[-1])
 WHERE place IS NOT NULL);

CREATE MACRO memory.kshell_pg.kshell_regclass(named) AS
coalesce(TRY_CAST(named AS BIGINT), memory.kshell_pg.to_regclass(named), error('relation "' || named::VARCHAR || '" does not exist'))::BIGINT;

CREATE MACRO memory.kshell_pg.kshell_regclass_name(relation_oid) AS
coalesce((SELECT CASE WHEN r.oid IN (SELECT oid FROM memory.kshell_pg.kshell_visible) THEN r.name
                      ELSE memory.kshell_pg.kshell_schema(r.schema_name) || '.' || r.name END
          FROM memory.kshell_pg.kshell_relations AS r WHERE r.oid = TRY_CAST(relation_oid AS BIGINT)),
         (SELECT i.name FROM memory.kshell_pg.kshell_indexes AS i WHERE i.oid = TRY_CAST(relation_oid AS BIGINT)),
         relation_oid::VARCHAR);

CREATE MACRO memory.kshell_pg.to_regnamespace(named) AS
(SELECT min(oid) FROM memory.kshell_pg.pg_namespace WHERE lower(nspname) = memory.kshell_pg.kshell_main(trim(lower(named::VARCHAR), '"')));

CREATE MACRO memory.kshell_pg.kshell_regnamespace(named) AS
coalesce(TRY_CAST(named AS BIGINT), memory.kshell_pg.to_regnamespace(named), error('schema "' || named::VARCHAR || '" does not exist'))::BIGINT;

CREATE MACRO memory.kshell_pg.kshell_regnamespace_name(schema) AS
coalesce((SELECT min(nspname) FROM memory.kshell_pg.pg_namespace WHERE oid = TRY_CAST(schema AS BIGINT)), schema::VARCHAR);
