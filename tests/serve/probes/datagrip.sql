-- What DataGrip and the other JetBrains tools ask when they introspect a database.

-- the server and the session
-- = [["memory", "main", "kshell"]]
select current_database() as a, current_schemas(false)[1] as b, current_user as c;

-- the version
-- = [["t"]]
select version() like 'PostgreSQL 14%' as ours;

-- databases
-- = [["memory", null, "t", "f", "kshell"]]
select N.datname as name, D.description, datallowconn as allow_connections, datistemplate as is_template,
pg_catalog.pg_get_userbyid(N.datdba) as "owner" from pg_catalog.pg_database N left join pg_catalog.pg_shdescription D on N.oid = D.objoid
order by case when datname = pg_catalog.current_database() then -1::bigint else N.oid::bigint end;

-- schemas
-- = [["information_schema", "f"], ["kshell", "f"], ["lake", "f"], ["live", "f"], ["main", "f"], ["pg_catalog", "f"]]
select N.nspname as name, N.xmin is null as frozen from pg_catalog.pg_namespace N
left join pg_catalog.pg_description D on N.oid = D.objoid where N.nspname not like 'pg_temp%' order by N.nspname;

-- the session's transaction
select case when pg_catalog.pg_is_in_recovery() then null else 0 end as current_txid, pg_catalog.pg_postmaster_start_time() as started;

-- roles
-- = [["kshell", "f", "t"]]
select R.rolname as role_name, rolsuper is_super, rolinherit is_inherit from pg_catalog.pg_roles R
left join pg_catalog.pg_shdescription D on D.objoid = R.oid;

-- access methods
-- = [["btree", "i"], ["heap", "t"]]
select A.amname as access_method_name, A.amtype as access_method_type from pg_am A
join pg_proc P on A.amhandler::oid = P.oid right join pg_am B on B.oid = A.oid where false
union all select amname, amtype from pg_am order by 1;

-- tables and views of a schema
-- = [["v", "orders"], ["r", "child"], ["r", "t"], ["S", "sq"]]
select T.relkind as table_kind, T.relname as table_name from pg_catalog.pg_class T where relnamespace = 2200::oid
and relkind in ('r', 'm', 'v', 'f', 'p', 'S') order by table_kind = 'S', table_kind desc, table_name;

-- the same with options
select T.relkind as table_kind, T.relname as table_name, T.oid as table_id, T.xmin as table_state_number, false as table_with_oids,
T.reltablespace as tablespace_id, T.reloptions as options, T.relpersistence as persistence,
(select pg_catalog.array_agg(inhparent::bigint order by inhseqno)::varchar from pg_catalog.pg_inherits where T.oid = inhrelid) as ancestors,
T.relispartition as is_partition, pg_catalog.pg_get_partkeydef(T.oid) as partition_key,
pg_catalog.pg_get_expr(T.relpartbound, T.oid) as partition_expression, T.relam am_id, pg_catalog.pg_get_userbyid(T.relowner) as "owner"
from pg_catalog.pg_class T where relnamespace = 2200::oid and relkind in ('r', 'm', 'v', 'f', 'p') order by table_kind, table_id;

-- columns
-- = [["t", "1", "id", "bigint", "t"], ["t", "2", "amount", "numeric(10,2)", "t"], ["t", "3", "ts", "timestamp with time zone", "f"]]
with T as (select distinct T.oid as table_id, T.relname as table_name from pg_catalog.pg_class T
where T.relnamespace = 2200::oid and T.relkind in ('r', 'm', 'v', 'f', 'p'))
select T.table_name, C.attnum as column_position, C.attname as column_name,
pg_catalog.format_type(C.atttypid, C.atttypmod) as type_spec, C.attnotnull as mandatory
from T join pg_catalog.pg_attribute C on T.table_id = C.attrelid left join pg_catalog.pg_attrdef D on (C.attrelid, C.attnum) = (D.adrelid, D.adnum)
where attnum between 1 and 3 and T.table_name = 't' order by table_id, attnum;

-- indexes
-- = [["child", "child_id_pkey", "t", "t"], ["t", "t_id_pkey", "t", "t"]]
select tab.relname, ind_stor.relname as index_name, ind_head.indisunique as is_unique, ind_head.indisprimary as is_primary
from pg_catalog.pg_class tab join pg_catalog.pg_index ind_head on ind_head.indrelid = tab.oid
join pg_catalog.pg_class ind_stor on tab.relnamespace = ind_stor.relnamespace and ind_stor.oid = ind_head.indexrelid
where tab.relnamespace = 2200::oid and tab.relkind in ('r', 'm', 'v', 'p') and ind_stor.relkind in ('i', 'I') order by 1;

-- constraints
-- = [["t", "p", "t_id_pkey", "{1}"], ["child", "p", "child_id_pkey", "{1}"], ["child", "f", "child_t_id_fkey", "{2}"]]
select T.relname, C.contype as con_kind, C.conname as con_name, C.conkey as con_columns
from pg_catalog.pg_constraint C join pg_catalog.pg_class T on C.conrelid = T.oid where T.relkind in ('r', 'v', 'f', 'p')
and relnamespace = 2200::oid and contype in ('p', 'u', 'f', 'c', 'x') order by T.relname desc, con_name;

-- view texts
-- = [["orders", "t"]]
select T.relname as view_name, pg_catalog.pg_get_viewdef(T.oid, true) is not null as source_text from pg_catalog.pg_class T
join pg_catalog.pg_namespace N on T.relnamespace = N.oid where N.oid = 2200::oid and T.relkind in ('m', 'v');

-- rules, triggers, policies, extensions, casts, operators
-- = []
select R.ev_class as table_id, R.oid as rule_id, R.xmin as rule_state_number, R.rulename as rule_name from pg_catalog.pg_rewrite R
where R.rulename != '_RETURN'::name;

-- triggers
-- = []
select T.tgrelid as table_id, T.oid as trigger_id, T.xmin as trigger_state_number, T.tgname as trigger_name from pg_catalog.pg_trigger T
where T.tgrelid in (select oid from pg_catalog.pg_class where relnamespace = 2200::oid) and not T.tgisinternal;

-- functions
-- = [["m", "{a,b}", "f"]]
select P.proname as name, P.proargnames as arg_names, P.prokind as kind from pg_catalog.pg_proc P
left join pg_catalog.pg_language L on P.prolang = L.oid where P.pronamespace = 2200::oid;

-- types of a schema
-- = []
select T.oid as type_id, T.xmin as type_state_number, T.typname as type_name, T.typtype as type_sub_kind, T.typcategory as type_category
from pg_catalog.pg_type T where T.typnamespace = 2200::oid and T.typtype in ('b', 'e', 'd', 'c');

-- sequences
-- = [["sq", "1", "1"]]
select C.relname as sequence_name, S.seqincrement as inc_value, S.seqstart as start_value from pg_catalog.pg_sequence S
join pg_catalog.pg_class C on S.seqrelid = C.oid where C.relnamespace = 2200::oid and C.relkind = 'S';

-- comments
-- = [["pg_class", "0", "hi"], ["pg_class", "1", "the id"]]
select D.classoid::regclass::varchar as kind, D.objsubid as sub_id, D.description from pg_catalog.pg_description D
join pg_catalog.pg_class C on D.objoid = C.oid where C.relnamespace = 2200::oid order by 2;

-- dependencies
-- = []
select D.objid as dependent_id, D.refobjid as owner_id from pg_depend D join pg_class C_SEQ on D.objid = C_SEQ.oid
and D.classid = 'pg_class'::regclass::oid where C_SEQ.relkind = 'S' and D.deptype = 'a';
