-- What Metabase asks beside pgjdbc's metadata: one statement for the tables, one for all fields, one for the keys.

-- the time zone
-- = [["UTC"]]
SELECT current_setting('TimeZone');

-- schemas that may be synchronised
-- = [["kshell"], ["lake"], ["live"], ["main"]]
SELECT nspname AS schema FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
AND has_schema_privilege(nspname, 'USAGE') ORDER BY 1;

-- tables with their comments and sizes
-- = [["live", "orders", "VIEW", null], ["main", "child", "TABLE", null], ["main", "t", "TABLE", "hi"], ["main", "orders", "VIEW", null]]
SELECT "n"."nspname" AS "schema", "c"."relname" AS "name",
CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type", "d"."description" AS "description"
FROM "pg_catalog"."pg_class" AS "c" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid"
LEFT JOIN "pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = 0)
AND ("d"."classoid" = 'pg_class'::regclass) LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname")
AND ("c"."relname" = "stat"."relname") WHERE ("c"."relnamespace" = "n"."oid") AND ("n"."nspname" !~ '^pg_')
AND ("n"."nspname" <> 'information_schema') AND ("c"."relkind" IN ('r', 'p', 'v', 'f', 'm')) AND ("n"."nspname" IN ('main', 'live'))
ORDER BY "schema" ASC, "type" ASC, "name" ASC;

-- what the login may do with each
-- = [["main", "child", "t", "f", "f", "f"], ["main", "orders", "t", "f", "f", "f"], ["main", "t", "t", "f", "f", "f"]]
WITH table_privileges AS (SELECT NULL AS role, t.schemaname AS schema, t.objectname AS table,
pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' ||
replace(t.objectname, '"', '""') || '"', 'select') AS select, false AS update, false AS insert, false AS delete
FROM (SELECT schemaname, tablename AS objectname FROM pg_catalog.pg_tables UNION SELECT schemaname, viewname AS objectname
FROM pg_catalog.pg_views UNION SELECT schemaname, matviewname AS objectname FROM pg_catalog.pg_matviews) t
WHERE t.schemaname !~ '^pg_' AND t.schemaname <> 'information_schema'
AND pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage'))
SELECT schema, table_privileges.table, table_privileges.select, update, insert, delete FROM table_privileges WHERE schema = 'main' ORDER BY 2;

-- fields of all tables
-- = [["id", "int8", "0", "main", "t", "f", "t", "the id"], ["name", "text", "3", "main", "t", "f", "f", null]]
SELECT "c"."column_name" AS "name", "c"."udt_name" AS "database-type", "c"."ordinal_position" - 1 AS "database-position",
"c"."table_schema" AS "table-schema", "c"."table_name" AS "table-name",
("column_default" IS NULL) AND (LOWER("is_nullable") = 'no') AND FALSE AS "database-required", "pk"."column_name" IS NOT NULL AS "pk?",
col_description(CAST(CAST(format('%I.%I', CAST("c"."table_schema" AS TEXT), CAST("c"."table_name" AS TEXT)) AS REGCLASS) AS OID),
"c"."ordinal_position") AS "field-comment"
FROM "information_schema"."columns" AS "c" LEFT JOIN (SELECT "tc"."table_schema", "tc"."table_name", "kc"."column_name"
FROM "information_schema"."table_constraints" AS "tc" INNER JOIN "information_schema"."key_column_usage" AS "kc"
ON ("tc"."constraint_name" = "kc"."constraint_name") AND ("tc"."table_schema" = "kc"."table_schema")
AND ("tc"."table_name" = "kc"."table_name") WHERE "tc"."constraint_type" = 'PRIMARY KEY') AS "pk"
ON ("c"."table_schema" = "pk"."table_schema") AND ("c"."table_name" = "pk"."table_name") AND ("c"."column_name" = "pk"."column_name")
WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND ("c"."table_schema" IN ('main'))
AND ("c"."table_name" IN ('t')) AND "c"."column_name" IN ('id', 'name')
ORDER BY "table-schema" ASC, "table-name" ASC, "database-position" ASC;

-- foreign keys
-- = [["main", "child", "t", "main", "t", "id"]]
SELECT "fk_ns"."nspname" AS "fk-table-schema", "fk_table"."relname" AS "fk-table-name", "fk_column"."attname" AS "fk-column-name",
"pk_ns"."nspname" AS "pk-table-schema", "pk_table"."relname" AS "pk-table-name", "pk_column"."attname" AS "pk-column-name"
FROM "pg_constraint" AS "c" INNER JOIN "pg_class" AS "fk_table" ON "c"."conrelid" = "fk_table"."oid"
INNER JOIN "pg_namespace" AS "fk_ns" ON "c"."connamespace" = "fk_ns"."oid" INNER JOIN "pg_attribute" AS "fk_column"
ON "c"."conrelid" = "fk_column"."attrelid" INNER JOIN "pg_class" AS "pk_table" ON "c"."confrelid" = "pk_table"."oid"
INNER JOIN "pg_namespace" AS "pk_ns" ON "pk_table"."relnamespace" = "pk_ns"."oid" INNER JOIN "pg_attribute" AS "pk_column"
ON "c"."confrelid" = "pk_column"."attrelid" WHERE fk_ns.nspname !~ '^information_schema|catalog_history|pg_'
AND ("c"."contype" = 'f'::char) AND ("fk_column"."attnum" = ANY("c"."conkey")) AND ("pk_column"."attnum" = ANY("c"."confkey"))
ORDER BY "fk-table-schema" ASC, "fk-table-name" ASC;

-- indexes
-- = [["main", "child", "id"], ["main", "t", "id"]]
SELECT "tmp"."table-schema", "tmp"."table-name", TRIM(BOTH '"' FROM pg_catalog.pg_get_indexdef(tmp.ci_oid, tmp.pos, false)) AS "field-name"
FROM (SELECT "n"."nspname" AS "table-schema", "ct"."relname" AS "table-name", "ci"."oid" AS "ci_oid",
(information_schema._pg_expandarray(i.indkey)).n AS "pos" FROM "pg_catalog"."pg_class" AS "ct" INNER JOIN "pg_catalog"."pg_namespace" AS "n"
ON "ct"."relnamespace" = "n"."oid" INNER JOIN "pg_catalog"."pg_index" AS "i" ON "ct"."oid" = "i"."indrelid"
INNER JOIN "pg_catalog"."pg_class" AS "ci" ON "ci"."oid" = "i"."indexrelid" WHERE (pg_catalog.pg_get_expr(i.indpred, i.indrelid) IS NULL)
AND n.nspname !~ '^information_schema|catalog_history|pg_') AS "tmp" WHERE "tmp"."pos" = 1 ORDER BY 1, 2;

-- enum types
-- = []
SELECT nspname, typname, enumlabel FROM pg_enum JOIN pg_type ON pg_enum.enumtypid = pg_type.oid JOIN pg_namespace
ON pg_type.typnamespace = pg_namespace.oid;

-- a question with a time bucket
-- = []
SELECT DATE_TRUNC('month', "public"."orders"."ts") AS "ts", COUNT(*) AS "count" FROM "public"."orders"
GROUP BY DATE_TRUNC('month', "public"."orders"."ts") ORDER BY DATE_TRUNC('month', "public"."orders"."ts") ASC;
