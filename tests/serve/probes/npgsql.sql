-- What Npgsql asks when a connection is opened, which Power BI and every .NET tool go through, and Power BI's navigator.

-- the version
SELECT version();

-- all types, with those of arrays, ranges and domains
SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid FROM (
SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind, elemtyp.oid AS elemtypoid,
elemtyp.typname AS elemtypname, elemcls.relkind AS elemrelkind, CASE WHEN elemproc.proname = 'array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype
FROM (SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid,
CASE WHEN proc.proname = 'array_recv' THEN 'a' ELSE typ.typtype END AS typtype,
CASE WHEN proc.proname = 'array_recv' THEN typ.typelem WHEN typ.typtype = 'r' THEN rngsubtype WHEN typ.typtype = 'm' THEN (SELECT rngtypid
FROM pg_range WHERE rngmultitypid = typ.oid) WHEN typ.typtype = 'd' THEN typ.typbasetype END AS elemtypoid
FROM pg_type AS typ LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid) LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)) AS typ LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = typ.elemtypoid
LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid) LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive) AS t
JOIN pg_namespace AS ns ON (ns.oid = typnamespace) WHERE typtype IN ('b', 'r', 'm', 'e', 'd') OR (typtype = 'c' AND relkind = 'c')
OR (typtype = 'p' AND typname IN ('record', 'void', 'unknown')) OR (typtype = 'a' AND (elemtyptype IN ('b', 'r', 'm', 'e', 'd')
OR (elemtyptype = 'p' AND elemtypname IN ('record', 'void')) OR (elemtyptype = 'c' AND elemrelkind = 'c')))
ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'c' THEN 1 WHEN typtype = 'r' THEN 2 WHEN typtype = 'm' THEN 3
WHEN typtype = 'd' AND elemtyptype <> 'a' THEN 4 WHEN typtype = 'a' THEN 5 WHEN typtype = 'd' AND elemtyptype = 'a' THEN 6 END;

-- arrays are known by what receives them
-- = [["_text", "array_recv"]]
SELECT typname, proname FROM pg_type JOIN pg_proc ON pg_proc.oid = typreceive WHERE pg_type.oid = 1009;

-- composite types
-- = []
SELECT typ.oid, att.attname, att.atttypid FROM pg_type AS typ JOIN pg_namespace AS ns ON (ns.oid = typ.typnamespace)
JOIN pg_class AS cls ON (cls.oid = typ.typrelid) JOIN pg_attribute AS att ON (att.attrelid = typ.typrelid)
WHERE (typ.typtype = 'c' AND cls.relkind = 'c') AND attnum > 0 AND NOT attisdropped ORDER BY typ.oid, att.attnum;

-- enum types
-- = []
SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid ORDER BY oid, enumsortorder;

-- the columns behind a result
-- = [["main", "orders", "id", "bigint", "f"]]
SELECT ns.nspname, cls.relname, attr.attname, pg_catalog.format_type(attr.atttypid, attr.atttypmod), attr.attnotnull
FROM pg_attribute AS attr JOIN pg_type AS typ ON attr.atttypid = typ.oid JOIN pg_class AS cls ON cls.oid = attr.attrelid
JOIN pg_namespace AS ns ON ns.oid = cls.relnamespace LEFT OUTER JOIN pg_attrdef AS def ON def.adrelid = cls.oid AND def.adnum = attr.attnum
WHERE atttypid <> 0 AND relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT attisdropped AND nspname NOT IN ('pg_catalog', 'information_schema')
AND attnum > 0 AND ((attr.attrelid = {orders} AND attr.attnum = 1)) ORDER BY attnum;

-- Power BI: tables and views of the navigator
-- = [["kshell", "main", "child", "BASE TABLE"], ["kshell", "main", "t", "BASE TABLE"], ["kshell", "live", "orders", "VIEW"]]
select 'kshell' as who, TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE from INFORMATION_SCHEMA.tables
where TABLE_SCHEMA not in ('information_schema', 'pg_catalog') and TABLE_NAME in ('child', 't') union all
select 'kshell', TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE from INFORMATION_SCHEMA.tables where TABLE_SCHEMA = 'live'
order by TABLE_TYPE, TABLE_SCHEMA, TABLE_NAME;

-- Power BI: columns
-- = [["id", "1", "NO", "bigint"], ["amount", "2", "NO", "numeric"], ["ts", "3", "YES", "timestamp with time zone"], ["name", "4", "YES", "text"], ["tags", "5", "YES", "ARRAY"], ["geo", "6", "YES", "json"]]
select COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, case when (data_type like '%unsigned%') then DATA_TYPE || ' unsigned' else DATA_TYPE end as DATA_TYPE
from INFORMATION_SCHEMA.columns where TABLE_SCHEMA = 'main' and TABLE_NAME = 't' order by TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION;

-- Power BI: character sets and collations
-- = [["UTF8"]]
select character_set_name from INFORMATION_SCHEMA.character_sets;

-- Power BI: keys that other tables name
-- = [["child_t_id_fkey", "t", "id", "main", "child", "1"]]
select pkcol.CONSTRAINT_NAME AS FK_NAME, fkcon_table.TABLE_NAME AS PK_TABLE, fkcon_table.COLUMN_NAME AS PK_COLUMN, pkcol.TABLE_SCHEMA AS FK_TABLE_SCHEMA,
pkcol.TABLE_NAME AS FK_TABLE, pkcol.ORDINAL_POSITION AS ORDINAL from (select distinct constraint_catalog, constraint_schema,
unique_constraint_schema, constraint_name, unique_constraint_name from INFORMATION_SCHEMA.referential_constraints) fkcon
inner join INFORMATION_SCHEMA.key_column_usage pkcol on fkcon.constraint_schema = pkcol.constraint_schema
and fkcon.constraint_name = pkcol.constraint_name inner join INFORMATION_SCHEMA.key_column_usage fkcon_table
on fkcon.unique_constraint_schema = fkcon_table.constraint_schema and fkcon.unique_constraint_name = fkcon_table.constraint_name
and pkcol.position_in_unique_constraint = fkcon_table.ORDINAL_POSITION order by 1;

-- Power BI: a folded query
-- = []
select "_"."name", "_"."amount" from "public"."orders" "_" where "_"."name" = 'a' and "_"."name" is not null limit 1000;
