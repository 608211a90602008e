-- What Tableau asks beside the metadata of its driver, and the queries that it writes.

-- the server
SELECT version();

-- what may be made (nothing)
-- = [["1"]]
SELECT 1;

-- relations through ODBC (psqlODBC): tables and views
-- = [["main", "child", "r"], ["main", "t", "r"], ["live", "orders", "v"], ["main", "orders", "v"]]
select nspname, relname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n where relkind in ('r', 'v', 'm', 'f', 'p')
and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and n.oid = relnamespace and nspname not in ('kshell', 'lake')
order by relkind, nspname, relname;

-- columns through ODBC
-- = [["main", "t", "id", "20", "int8", "1", "8", "-1", "t", "r", "f"]]
select n.nspname, c.relname, a.attname, a.atttypid, t.typname, a.attnum, a.attlen, a.atttypmod, a.attnotnull, c.relkind,
c.relhasrules from (((pg_catalog.pg_class c inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace and c.relname = 't'
and n.nspname = 'main') inner join pg_catalog.pg_attribute a on (not a.attisdropped) and a.attnum > 0 and a.attrelid = c.oid)
inner join pg_catalog.pg_type t on t.oid = a.atttypid) left outer join pg_attrdef d on a.atthasdef and d.adrelid = a.attrelid
and d.adnum = a.attnum where a.attname = 'id' order by n.nspname, c.relname, attnum;

-- keys through ODBC
-- = [["id", "1", "t_id_pkey", "main", "t"]]
select ta.attname, ia.attnum, ic.relname, n.nspname, tc.relname from pg_catalog.pg_attribute ta, pg_catalog.pg_attribute ia,
pg_catalog.pg_class tc, pg_catalog.pg_index i, pg_catalog.pg_namespace n, pg_catalog.pg_class ic where tc.relname = 't'
AND n.nspname = 'main' AND tc.oid = i.indrelid AND n.oid = tc.relnamespace AND i.indisprimary = 't' AND ia.attrelid = i.indexrelid
AND ta.attrelid = i.indrelid AND ta.attnum = i.indkey[ia.attnum-1] AND (NOT ta.attisdropped) AND (NOT ia.attisdropped)
AND ic.oid = i.indexrelid order by ia.attnum;

-- types of large objects
-- = []
select oid, typbasetype from pg_type where typname = 'lo';

-- a sheet
-- = []
SELECT "orders"."name" AS "name", SUM("orders"."amount") AS "sum:amount:ok", DATE_TRUNC('DAY', CAST("orders"."ts" AS TIMESTAMP)) AS "tdy:ts:ok"
FROM "public"."orders" "orders" GROUP BY 1, 3;
