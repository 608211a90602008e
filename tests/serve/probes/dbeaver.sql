-- What DBeaver asks beside pgjdbc's metadata, when a connection is opened and its tree unfolded.

-- the session
-- = [["main", "kshell"]]
SELECT current_schema(), session_user;

-- the database
-- = [["memory", "UTF8"]]
SELECT db.datname, pg_encoding_to_char(db.encoding) FROM pg_catalog.pg_database db
WHERE datallowconn AND NOT datistemplate OR db.datname = 'memory' ORDER BY db.datname;

-- its details
SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE datname = 'memory';

-- settings
SELECT * FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings';


-- access methods, collations, languages, encodings
SELECT am.oid, am.* FROM pg_catalog.pg_am am ORDER BY am.oid;

-- collations
SELECT c.oid, c.* FROM pg_catalog.pg_collation c LEFT OUTER JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace ORDER BY c.oid;

-- types
SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name, d.description
FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = t.typelem
LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid
WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C');

-- schemas
-- = [["kshell", null], ["lake", null], ["live", null], ["main", null]]
SELECT n.nspname, d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = n.oid
AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass WHERE n.nspname NOT IN ('information_schema', 'pg_catalog') ORDER BY nspname;

-- relations of a schema
-- = [["child", "r", null, null], ["orders", "v", null, null], ["t", "r", "hi", null]]
SELECT c.relname, c.relkind, d.description, pg_get_expr(c.relpartbound, c.oid) AS partition_expr
FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0
AND d.classoid = 'pg_class'::regclass WHERE c.relnamespace = 'main'::regnamespace::oid AND c.relkind NOT IN ('i', 'I', 'c', 'S') ORDER BY 1;

-- columns of a relation
-- = [["id", "int8", null, "the id"], ["amount", "numeric", "1", null], ["ts", "timestamptz", null, null]]
SELECT a.attname, t.typname, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description
FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid = c.oid)
LEFT OUTER JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i' AND dep.refobjsubid = a.attnum AND dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.oid = {t} AND a.attnum BETWEEN 1 AND 3 ORDER BY a.attnum;

-- keys of a relation
-- = [["t_id_pkey", "p", "PRIMARY KEY (id)", "t"]]
SELECT c.conname, c.contype, pg_get_constraintdef(c.oid, true) AS definition, t.relname AS tabrelname
FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid WHERE c.conrelid = {t} ORDER BY c.oid;

-- indexes of a relation
-- = [["t_id_pkey", "t", "CREATE UNIQUE INDEX t_id_pkey ON main.t USING btree (id)"]]
SELECT c.relname, i.indisunique, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition FROM pg_catalog.pg_index i
INNER JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid INNER JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid
LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid = dsc.objoid WHERE i.indrelid = {t} ORDER BY c.relname;

-- triggers and rules
-- = []
SELECT x.oid, x.*, p.pronamespace AS func_schema_id, d.description FROM pg_catalog.pg_trigger x LEFT OUTER JOIN pg_catalog.pg_proc p
ON p.oid = x.tgfoid LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = x.oid AND d.objsubid = 0 WHERE x.tgrelid = {t}
AND NOT x.tgisinternal;

-- what hangs on a relation
-- = []
SELECT DISTINCT dep.deptype, dep.classid, dep.objid, cl.relkind, attr.attname, pg_get_expr(ad.adbin, ad.adrelid) adefval,
CASE WHEN cl.relkind IS NOT NULL THEN CONCAT(cl.relkind, COALESCE(dep.objsubid::character varying, '')) ELSE '' END AS type
FROM pg_depend dep LEFT JOIN pg_class cl ON dep.objid = cl.oid LEFT JOIN pg_attribute attr ON dep.objid = attr.attrelid
AND dep.objsubid = attr.attnum LEFT JOIN pg_attrdef ad ON ad.oid = dep.objid WHERE dep.refobjid = {t} ORDER BY type;

-- the text of a view
-- = [["SELECT id, amount, ts, \"name\", tags, geo, CAST(\"name\" AS \"BLOB\") AS _kafka_key, 1 AS _kafka_partition FROM t;"]]
SELECT pg_catalog.pg_get_viewdef({orders}, true);

-- size and rows
-- = [["t", null, null]]
SELECT c.relname, pg_catalog.pg_total_relation_size(c.oid) AS total_rel_size, pg_catalog.pg_relation_size(c.oid) AS rel_size
FROM pg_class c WHERE c.relnamespace = 2200 AND c.relname = 't';

-- roles and sessions
-- = [["kshell", "f", "t"]]
SELECT a.rolname, a.rolsuper, a.rolcanlogin FROM pg_catalog.pg_roles a ORDER BY a.rolname;

-- sessions
SELECT sa.pid, sa.usename, sa.application_name, sa.state, sa.query FROM pg_catalog.pg_stat_activity sa;

-- locks
-- = []
SELECT blocked.pid, blocking.pid FROM pg_catalog.pg_locks blocked JOIN pg_catalog.pg_locks blocking ON blocking.locktype = blocked.locktype;

-- functions
-- = [["m", "a, b"]]
SELECT p.proname, pg_get_function_arguments(p.oid) FROM pg_catalog.pg_proc p LEFT OUTER JOIN pg_catalog.pg_language l ON p.prolang = l.oid
LEFT OUTER JOIN pg_catalog.pg_description d ON p.oid = d.objoid WHERE p.pronamespace = 'main'::regnamespace ORDER BY p.proname;

-- extensions, tablespaces, foreign servers
-- = []
SELECT e.oid, e.extname, n.nspname AS schema_name, e.extversion FROM pg_catalog.pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace;

-- tablespaces
-- = [["pg_default", ""]]
SELECT t.spcname, pg_tablespace_location(t.oid) AS loc FROM pg_catalog.pg_tablespace t ORDER BY t.oid;

-- event triggers
-- = []
SELECT oid, evtname FROM pg_catalog.pg_event_trigger;

-- the rows of a table
-- = []
SELECT t.* FROM public.t t LIMIT 200;
