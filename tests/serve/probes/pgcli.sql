-- What pgcli 4 reads for completion, and its \d commands.

-- 1: SELECT 1
-- = [["1"]]
SELECT 1;

-- 2: pg_catalog.pg_namespace
-- = [["information_schema"], ["kshell"], ["lake"], ["live"], ["main"], ["pg_catalog"]]
SELECT nspname FROM pg_catalog.pg_namespace ORDER BY 1;

-- 3: pg_catalog.pg_class
-- = [["main", "child"], ["main", "t"]]
SELECT n.nspname schema_name, c.relname table_name FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = ANY('{r,p,f}') ORDER BY 1,2;

-- 4: pg_catalog.pg_class
SELECT n.nspname schema_name, c.relname table_name FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = ANY('{v,m}') ORDER BY 1,2;

-- 5: pg_catalog.pg_attribute
-- = [["main", "child", "id", "integer", "f", null], ["main", "child", "t", "bigint", "f", null], ["main", "t", "id", "bigint", "f", null], ["main", "t", "amount", "numeric", "t", "1"], ["main", "t", "ts", "timestamp with time zone", "f", null], ["main", "t", "name", "text", "f", null], ["main", "t", "tags", "text[]", "f", null], ["main", "t", "geo", "json", "f", null]]
SELECT nsp.nspname schema_name, cls.relname table_name, att.attname column_name, att.atttypid::regtype::text type_name, att.atthasdef AS
has_default, pg_catalog.pg_get_expr(def.adbin, def.adrelid, true) as default FROM pg_catalog.pg_attribute att INNER JOIN pg_catalog.pg_class
cls ON att.attrelid = cls.oid INNER JOIN pg_catalog.pg_namespace nsp ON cls.relnamespace = nsp.oid LEFT OUTER JOIN pg_attrdef def ON
def.adrelid = att.attrelid AND def.adnum = att.attnum WHERE cls.relkind = ANY('{r,p,f}') AND NOT att.attisdropped AND att.attnum > 0 ORDER
BY 1, 2, att.attnum;

-- 6: pg_catalog.pg_attribute
SELECT nsp.nspname schema_name, cls.relname table_name, att.attname column_name, att.atttypid::regtype::text type_name, att.atthasdef AS
has_default, pg_catalog.pg_get_expr(def.adbin, def.adrelid, true) as default FROM pg_catalog.pg_attribute att INNER JOIN pg_catalog.pg_class
cls ON att.attrelid = cls.oid INNER JOIN pg_catalog.pg_namespace nsp ON cls.relnamespace = nsp.oid LEFT OUTER JOIN pg_attrdef def ON
def.adrelid = att.attrelid AND def.adnum = att.attnum WHERE cls.relkind = ANY('{v,m}') AND NOT att.attisdropped AND att.attnum > 0 ORDER BY
1, 2, att.attnum;

-- 7: pg_catalog.pg_database
-- = [["memory"]]
SELECT d.datname FROM pg_catalog.pg_database d ORDER BY 1;

-- 8: pg_catalog.pg_constraint
-- = [["main", "t", "id", "main", "child", "t"]]
SELECT s_p.nspname AS parentschema, t_p.relname AS parenttable, unnest(( select array_agg(attname ORDER BY i) from (select unnest(confkey)
as attnum, generate_subscripts(confkey, 1) as i) x JOIN pg_catalog.pg_attribute c USING(attnum) WHERE c.attrelid = fk.confrelid )) AS
parentcolumn, s_c.nspname AS childschema, t_c.relname AS childtable, unnest(( select array_agg(attname ORDER BY i) from (select
unnest(conkey) as attnum, generate_subscripts(conkey, 1) as i) x JOIN pg_catalog.pg_attribute c USING(attnum) WHERE c.attrelid = fk.conrelid
)) AS childcolumn FROM pg_catalog.pg_constraint fk JOIN pg_catalog.pg_class t_p ON t_p.oid = fk.confrelid JOIN pg_catalog.pg_namespace s_p
ON s_p.oid = t_p.relnamespace JOIN pg_catalog.pg_class t_c ON t_c.oid = fk.conrelid JOIN pg_catalog.pg_namespace s_c ON s_c.oid =
t_c.relnamespace WHERE fk.contype = 'f';

-- 9: pg_catalog.pg_proc
-- = [["main", "m", "{a,b}", "{anyelement,anyelement}", null, "anyelement", "f", "f", "f", null, null], ["pg_catalog", "array_in", "{}", null, null, "anyelement", "f", "f", "f", null, null], ["pg_catalog", "array_out", "{}", null, null, "anyelement", "f", "f", "f", null, null], ["pg_catalog", "array_recv", "{}", null, null, "anyelement", "f", "f", "f", null, null], ["pg_catalog", "array_send", "{}", null, null, "anyelement", "f", "f", "f", null, null]]
SELECT n.nspname schema_name, p.proname func_name, p.proargnames, COALESCE(proallargtypes::regtype[], proargtypes::regtype[])::text[],
p.proargmodes, prorettype::regtype::text return_type, p.prokind = 'a' is_aggregate, p.prokind = 'w' is_window, p.proretset is_set_returning,
d.deptype = 'e' is_extension, pg_get_expr(proargdefaults, 0) AS arg_defaults FROM pg_catalog.pg_proc p INNER JOIN pg_catalog.pg_namespace n
ON n.oid = p.pronamespace LEFT JOIN pg_depend d ON d.objid = p.oid and d.deptype = 'e' WHERE p.prorettype::regtype != 'trigger'::regtype
ORDER BY 1, 2;

-- 10: pg_catalog.pg_type
SELECT n.nspname schema_name, t.typname type_name FROM pg_catalog.pg_type t INNER JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE ( t.typrelid = 0 OR ( SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid ) ) AND NOT EXISTS( SELECT 1 FROM
pg_catalog.pg_type el WHERE el.oid = t.typelem AND el.typarray = t.oid ) AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'
ORDER BY 1, 2;

-- 11: unnest
SELECT * FROM unnest(current_schemas(true));

-- 12: pg_catalog.pg_database
-- = [["memory", "kshell", "UTF8", "C.UTF-8", "C.UTF-8", null]]
SELECT d.datname as "Name", pg_catalog.pg_get_userbyid(d.datdba) as "Owner", pg_catalog.pg_encoding_to_char(d.encoding) as "Encoding",
d.datcollate as "Collate", d.datctype as "Ctype", pg_catalog.array_to_string(d.datacl, E' ') AS "Access privileges" FROM
pg_catalog.pg_database d ORDER BY 1;

-- 13: pg_catalog.pg_class
-- = [["main", "orders", "v", "SELECT id, amount, ts, \"name\", tags, geo, CAST(\"name\" AS \"BLOB\") AS _kafka_key, 1 AS _kafka_partition FROM t;", null, null]]
WITH v AS (SELECT 'orders'::pg_catalog.regclass::pg_catalog.oid AS v_oid) SELECT nspname, relname, relkind, pg_catalog.pg_get_viewdef(c.oid,
true), array_remove(array_remove(c.reloptions,'check_option=local'), 'check_option=cascaded') AS reloptions, CASE WHEN 'check_option=local'
= ANY (c.reloptions) THEN 'LOCAL'::text WHEN 'check_option=cascaded' = ANY (c.reloptions) THEN 'CASCADED'::text ELSE NULL END AS checkoption
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON (c.relnamespace = n.oid) JOIN v ON (c.oid = v.v_oid);

-- 14: pg_catalog.pg_class
-- = [["main", "child", "table", "kshell"], ["main", "orders", "view", "kshell"], ["main", "sq", "sequence", "kshell"], ["main", "t", "table", "kshell"]]
SELECT n.nspname as schema, c.relname as name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'p' THEN 'partitioned table'
WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 's' THEN 'special' WHEN 'f' THEN 'foreign table' END
as type, pg_catalog.pg_get_userbyid(c.relowner) as owner FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid =
c.relnamespace WHERE c.relkind = ANY('{r,p,v,m,S,f,""}') AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname
!~ '^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2;

-- 15: pg_catalog.pg_class
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE
pg_catalog.pg_table_is_visible(c.oid) AND c.relname OPERATOR(pg_catalog.~) '^(orders)$' ORDER BY 2,3;

-- 16: pg_catalog.pg_class
-- = [["0", "v", "f", "f", "f", "f", "", "0", "", "p", "f"]]
SELECT c.relchecks, c.relkind, c.relhasindex, c.relhasrules, c.relhastriggers, false as relhasoids, '', c.reltablespace, CASE WHEN
c.reloftype = 0 THEN '' ELSE c.reloftype::pg_catalog.regtype::pg_catalog.text END, c.relpersistence, c.relispartition FROM
pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid) WHERE c.oid = '{orders}';

-- 17: pg_catalog.pg_attrdef
-- = [["id", "bigint", null, "f", null, "", "", null, null], ["amount", "numeric(10,2)", null, "f", null, "", "", null, null], ["ts", "timestamp with time zone", null, "f", null, "", "", null, null], ["name", "text", null, "f", null, "", "", null, null], ["tags", "text[]", null, "f", null, "", "", null, null], ["geo", "json", null, "f", null, "", "", null, null], ["_kafka_key", "bytea", null, "f", null, "", "", null, null], ["_kafka_partition", "integer", null, "f", null, "", "", null, null]]
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) , (SELECT substring(pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) for
128) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef) , a.attnotnull, (SELECT c.collname
FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <>
t.typcollation) AS attcollation, a.attidentity, a.attgenerated, NULL AS indexdef, NULL AS attfdwoptions FROM pg_catalog.pg_attribute a WHERE
a.attrelid = '{orders}' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

-- 18: pg_catalog.pg_class
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE
pg_catalog.pg_table_is_visible(c.oid) AND c.relname OPERATOR(pg_catalog.~) '^(t)$' ORDER BY 2,3;

-- 19: pg_catalog.pg_class
-- = [["0", "r", "t", "f", "t", "f", "", "0", "", "p", "f"]]
SELECT c.relchecks, c.relkind, c.relhasindex, c.relhasrules, c.relhastriggers, false as relhasoids, '', c.reltablespace, CASE WHEN
c.reloftype = 0 THEN '' ELSE c.reloftype::pg_catalog.regtype::pg_catalog.text END, c.relpersistence, c.relispartition FROM
pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid) WHERE c.oid = '{t}';

-- 20: pg_catalog.pg_attrdef
-- = [["id", "bigint", null, "t", null, "", "", null, null], ["amount", "numeric(10,2)", "1", "t", null, "", "", null, null], ["ts", "timestamp with time zone", null, "f", null, "", "", null, null], ["name", "text", null, "f", null, "", "", null, null], ["tags", "text[]", null, "f", null, "", "", null, null], ["geo", "json", null, "f", null, "", "", null, null]]
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) , (SELECT substring(pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) for
128) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef) , a.attnotnull, (SELECT c.collname
FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <>
t.typcollation) AS attcollation, a.attidentity, a.attgenerated, NULL AS indexdef, NULL AS attfdwoptions FROM pg_catalog.pg_attribute a WHERE
a.attrelid = '{t}' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

-- 21: pg_catalog.pg_class
-- = [["t_id_pkey", "t", "t", "f", "t", "CREATE UNIQUE INDEX t_id_pkey ON main.t USING btree (id)", "PRIMARY KEY (id)", "p", "f", "f", "0"]]
SELECT c2.relname, i.indisprimary, i.indisunique, i.indisclustered, i.indisvalid, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true),
pg_catalog.pg_get_constraintdef(con.oid, true), contype, condeferrable, condeferred, c2.reltablespace FROM pg_catalog.pg_class c,
pg_catalog.pg_class c2, pg_catalog.pg_index i LEFT JOIN pg_catalog.pg_constraint con ON conrelid = i.indrelid AND conindid = i.indexrelid
AND contype IN ('p','u','x') WHERE c.oid = '{t}' AND c.oid = i.indrelid AND i.indexrelid = c2.oid ORDER BY i.indisprimary DESC,
i.indisunique DESC, c2.relname;

-- 22: pg_catalog.pg_constraint
SELECT conname, pg_catalog.pg_get_constraintdef(r.oid, true) as condef FROM pg_catalog.pg_constraint r WHERE r.conrelid = '{t}' AND
r.contype = 'f' ORDER BY 1;

-- 23: pg_catalog.pg_constraint
-- = [["child", "child_t_id_fkey", "FOREIGN KEY (t) REFERENCES t(id)"]]
SELECT conrelid::pg_catalog.regclass, conname, pg_catalog.pg_get_constraintdef(c.oid, true) as condef FROM pg_catalog.pg_constraint c WHERE
c.confrelid = '{t}' AND c.contype = 'f' ORDER BY 1;

-- 24: pg_catalog.pg_trigger
SELECT t.tgname, pg_catalog.pg_get_triggerdef(t.oid, true), t.tgenabled FROM pg_catalog.pg_trigger t WHERE t.tgrelid = '{t}' AND NOT
t.tgisinternal ORDER BY 1;

-- 25: pg_catalog.pg_class
SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i WHERE c.oid = i.inhparent AND i.inhrelid = '{t}'
ORDER BY inhseqno;

-- 26: pg_catalog.pg_class
SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i WHERE c.oid = i.inhrelid AND i.inhparent = '{t}'
ORDER BY c.oid::pg_catalog.regclass::pg_catalog.text;

-- 27: pg_catalog.pg_class
-- = [["main", "child", "table", "kshell"], ["main", "t", "table", "kshell"]]
SELECT n.nspname as schema, c.relname as name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'p' THEN 'partitioned table'
WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 's' THEN 'special' WHEN 'f' THEN 'foreign table' END
as type, pg_catalog.pg_get_userbyid(c.relowner) as owner FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid =
c.relnamespace WHERE c.relkind = ANY('{r,p,""}') AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~
'^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2;

-- 28: pg_catalog.pg_class
-- = [["main", "orders", "view", "kshell"]]
SELECT n.nspname as schema, c.relname as name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'p' THEN 'partitioned table'
WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 's' THEN 'special' WHEN 'f' THEN 'foreign table' END
as type, pg_catalog.pg_get_userbyid(c.relowner) as owner FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid =
c.relnamespace WHERE c.relkind = ANY('{v,s,""}') AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~
'^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2;

-- 29: pg_catalog.pg_namespace
-- = [["kshell", "kshell"], ["lake", "kshell"], ["live", "kshell"], ["main", "kshell"]]
SELECT n.nspname AS name, pg_catalog.pg_get_userbyid(n.nspowner) AS owner FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND
n.nspname <> 'information_schema' ORDER BY 1;

-- 30: pg_catalog.pg_database
-- = [["memory", "kshell", "UTF8", "C.UTF-8", "C.UTF-8", null]]
SELECT d.datname as name, pg_catalog.pg_get_userbyid(d.datdba) as owner, pg_catalog.pg_encoding_to_char(d.encoding) as encoding,
d.datcollate as collate, d.datctype as ctype, pg_catalog.array_to_string(d.datacl, E' ') AS access_privileges FROM pg_catalog.pg_database d
ORDER BY 1;

-- 31: pg_catalog.pg_auth_members
-- = [["kshell", "f", "t", "f", "f", "t", "-1", null, "{}", "f"]]
SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolconnlimit, r.rolvaliduntil, ARRAY(SELECT
b.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles b ON (m.roleid = b.oid) WHERE m.member = r.oid) as memberof,
r.rolreplication FROM pg_catalog.pg_roles r ORDER BY 1;

-- 32: pg_catalog.pg_proc
-- = [["main", "m", "anyelement", "a, b", "normal"]]
SELECT n.nspname as schema, p.proname as name, pg_catalog.pg_get_function_result(p.oid) as "Result data type",
pg_catalog.pg_get_function_arguments(p.oid) as "Argument data types", CASE WHEN p.prokind = 'a' THEN 'agg' WHEN p.prokind = 'w' THEN
'window' WHEN p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype THEN 'trigger' ELSE 'normal' END as type FROM pg_catalog.pg_proc p
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE pg_catalog.pg_function_is_visible(p.oid) AND n.nspname <> 'pg_catalog'
AND n.nspname <> 'information_schema' ORDER BY 1, 2, 4;

-- 33: pg_catalog.pg_class
-- = [["main", "child_id_pkey", "index", "kshell"], ["main", "t_id_pkey", "index", "kshell"]]
SELECT n.nspname as schema, c.relname as name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'p' THEN 'partitioned table'
WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 's' THEN 'special' WHEN 'f' THEN 'foreign table' END
as type, pg_catalog.pg_get_userbyid(c.relowner) as owner FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid =
c.relnamespace WHERE c.relkind = ANY('{i,s,""}') AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~
'^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2;

-- 34: pg_catalog.pg_type
SELECT n.nspname as schema, pg_catalog.format_type(t.oid, NULL) AS name, pg_catalog.obj_description(t.oid, 'pg_type') as description FROM
pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE (t.typrelid = 0 OR ( SELECT c.relkind = 'c' FROM
pg_catalog.pg_class c WHERE c.oid = t.typrelid)) AND NOT EXISTS( SELECT 1 FROM pg_catalog.pg_type el WHERE el.oid = t.typelem AND
el.typarray = t.oid) AND pg_catalog.pg_type_is_visible(t.oid) AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' ORDER BY
1, 2;

-- 35: pg_catalog.pg_class
SELECT n.nspname as schema, c.relname as name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'p' THEN 'partitioned table'
WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 's' THEN 'special' WHEN 'f' THEN 'foreign table' END
as type, pg_catalog.pg_get_userbyid(c.relowner) as owner FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid =
c.relnamespace WHERE c.relkind = ANY('{m,s,""}') AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~
'^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2;

-- 36: pg_catalog.pg_class
-- = [["main", "sq", "sequence", "kshell"]]
SELECT n.nspname as schema, c.relname as name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'p' THEN 'partitioned table'
WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 's' THEN 'special' WHEN 'f' THEN 'foreign table' END
as type, pg_catalog.pg_get_userbyid(c.relowner) as owner FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid =
c.relnamespace WHERE c.relkind = ANY('{S,s,""}') AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~
'^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2;

-- 37: pg_catalog.pg_extension
SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema, c.description AS description FROM pg_catalog.pg_extension e LEFT
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace LEFT JOIN pg_catalog.pg_description c ON c.objoid = e.oid AND c.classoid =
'pg_catalog.pg_extension'::pg_catalog.regclass ORDER BY 1, 2;

-- 38: pg_catalog.pg_class
-- = [["main", "child", "table", "kshell", null, null], ["main", "t", "table", "kshell", null, "hi"]]
SELECT n.nspname as schema, c.relname as name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'p' THEN 'partitioned table'
WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 's' THEN 'special' WHEN 'f' THEN 'foreign table' END
as type, pg_catalog.pg_get_userbyid(c.relowner) as owner ,pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid)) as size,
pg_catalog.obj_description(c.oid, 'pg_class') as description FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid =
c.relnamespace WHERE c.relkind = ANY('{r,p,""}') AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~
'^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2;

-- 39: pg_catalog.unnest
-- = [["0", "r", "t", "f", "t", "f", null, "0", "", "p", "f"]]
SELECT c.relchecks, c.relkind, c.relhasindex, c.relhasrules, c.relhastriggers, false as relhasoids, pg_catalog.array_to_string(c.reloptions
|| array(select 'toast.' || x from pg_catalog.unnest(tc.reloptions) x), ', '), c.reltablespace, CASE WHEN c.reloftype = 0 THEN '' ELSE
c.reloftype::pg_catalog.regtype::pg_catalog.text END, c.relpersistence, c.relispartition FROM pg_catalog.pg_class c LEFT JOIN
pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid) WHERE c.oid = '{t}';

-- 40: pg_catalog.pg_attrdef
-- = [["id", "bigint", null, "t", null, "", "", null, null, "p", null, "the id"], ["amount", "numeric(10,2)", "1", "t", null, "", "", null, null, "m", null, null], ["ts", "timestamp with time zone", null, "f", null, "", "", null, null, "p", null, null], ["name", "text", null, "f", null, "", "", null, null, "x", null, null], ["tags", "text[]", null, "f", null, "", "", null, null, "x", null, null], ["geo", "json", null, "f", null, "", "", null, null, "x", null, null]]
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) , (SELECT substring(pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) for
128) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef) , a.attnotnull, (SELECT c.collname
FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <>
t.typcollation) AS attcollation, a.attidentity, a.attgenerated, NULL AS indexdef, NULL AS attfdwoptions, a.attstorage, CASE WHEN
a.attstattarget=-1 THEN NULL ELSE a.attstattarget END AS attstattarget, pg_catalog.col_description(a.attrelid, a.attnum) FROM
pg_catalog.pg_attribute a WHERE a.attrelid = '{t}' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

-- 41: pg_catalog.pg_attribute
-- = [["main", "child", "table", null, "", ""], ["main", "orders", "view", null, "", ""], ["main", "sq", "sequence", null, "", ""], ["main", "t", "table", null, "", ""]]
SELECT n.nspname as schema, c.relname as name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' END as type, pg_catalog.array_to_string(c.relacl,
E' ') AS access_privileges, pg_catalog.array_to_string(ARRAY( SELECT attname || E': ' || pg_catalog.array_to_string(attacl, E' ') FROM
pg_catalog.pg_attribute a WHERE attrelid = c.oid AND NOT attisdropped AND attacl IS NOT NULL ), E' ') AS column_privileges,
pg_catalog.array_to_string(ARRAY( SELECT polname || CASE WHEN NOT polpermissive THEN E' (RESTRICTIVE)' ELSE '' END || CASE WHEN polcmd !=
'*' THEN E' (' || polcmd::pg_catalog.text || E'):' ELSE E':' END || CASE WHEN polqual IS NOT NULL THEN E' (u): ' ||
pg_catalog.pg_get_expr(polqual, polrelid) ELSE E'' END || CASE WHEN polwithcheck IS NOT NULL THEN E' (c): ' ||
pg_catalog.pg_get_expr(polwithcheck, polrelid) ELSE E'' END || CASE WHEN polroles <> '{0}' THEN E' to: ' || pg_catalog.array_to_string(
ARRAY( SELECT rolname FROM pg_catalog.pg_roles WHERE oid = ANY (polroles) ORDER BY 1 ), E', ') ELSE E'' END FROM pg_catalog.pg_policy pol
WHERE polrelid = c.oid), E' ') AS policies FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE
c.relkind IN ('r','v','m','S','f','p') AND pg_catalog.pg_table_is_visible(c.oid) AND n.nspname !~ '^pg_' ORDER BY 1, 2;

-- 42: pg_proc
-- = [["f"]]
SELECT EXISTS(SELECT * FROM pg_proc WHERE proname = 'pg_tablespace_location');

-- 43: pg_catalog.pg_tablespace
-- = [["pg_default", "kshell", ""]]
SELECT n.spcname AS name, pg_catalog.pg_get_userbyid(n.spcowner) AS owner, pg_catalog.pg_tablespace_location(n.oid) AS location FROM
pg_catalog.pg_tablespace n ORDER BY 1;

-- 44: pg_catalog.pg_default_acl
SELECT pg_catalog.pg_get_userbyid(d.defaclrole) AS owner, n.nspname AS schema, CASE d.defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN
'sequence' WHEN 'f' THEN 'function' WHEN 'T' THEN 'type' WHEN 'n' THEN 'schema' END as type, pg_catalog.array_to_string(d.defaclacl, E' ')
AS access_privileges FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace ORDER BY 1, 2, 3;

-- 45: pg_catalog.pg_collation
SELECT n.nspname AS schema, t.typname AS name, pg_catalog.format_type(t.typbasetype, t.typtypmod) as type,
pg_catalog.ltrim((COALESCE((SELECT (' collate ' || c.collname) FROM pg_catalog.pg_collation AS c, pg_catalog.pg_type AS bt WHERE c.oid =
t.typcollation AND bt.oid = t.typbasetype AND t.typcollation <> bt.typcollation) , '') || CASE WHEN t.typnotnull THEN ' not null' ELSE ''
END) || CASE WHEN t.typdefault IS NOT NULL THEN(' default ' || t.typdefault) ELSE '' END) AS modifier, pg_catalog.array_to_string(ARRAY(
SELECT pg_catalog.pg_get_constraintdef(r.oid, TRUE) FROM pg_catalog.pg_constraint AS r WHERE t.oid = r.contypid), ' ') AS check FROM
pg_catalog.pg_type AS t LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace WHERE t.typtype = 'd' AND (n.nspname <>
'pg_catalog') AND (n.nspname <> 'information_schema') AND pg_catalog.pg_type_is_visible(t.oid) ORDER BY 1, 2;
