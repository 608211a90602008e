-- Types under the names and numbers that PostgreSQL gave them. Names of types that DuckDB lacks stand for the type that holds their values.
CREATE TYPE memory.kshell_pg.name AS VARCHAR;
CREATE TYPE memory.kshell_pg.jsonb AS JSON;
CREATE TYPE memory.kshell_pg.cstring AS VARCHAR;
CREATE TYPE memory.kshell_pg.pg_node_tree AS VARCHAR;
CREATE TYPE memory.kshell_pg.aclitem AS VARCHAR;
CREATE TYPE memory.kshell_pg.inet AS VARCHAR;
CREATE TYPE memory.kshell_pg.xid AS BIGINT;
CREATE TYPE memory.kshell_pg.cid AS BIGINT;
CREATE TYPE memory.kshell_pg.int2vector AS SMALLINT[];
CREATE TYPE memory.kshell_pg.oidvector AS BIGINT[];
CREATE TYPE memory.kshell_pg_information.sql_identifier AS VARCHAR;
CREATE TYPE memory.kshell_pg_information.character_data AS VARCHAR;
CREATE TYPE memory.kshell_pg_information.yes_or_no AS VARCHAR;
CREATE TYPE memory.kshell_pg_information.cardinal_number AS INTEGER;

CREATE VIEW memory.kshell_pg.kshell_types AS
SELECT * FROM (VALUES
    (16, 'bool', 'boolean', 1, true, 'b', 'B', true, 0, 1000, 1242, 1243, 2436, 2437, 'c', 'p', 0),
    (17, 'bytea', 'bytea', -1, false, 'b', 'U', false, 0, 1001, 1244, 31, 2412, 2413, 'i', 'x', 0),
    (18, 'char', '"char"', 1, true, 'b', 'Z', false, 0, 1002, 1245, 33, 2434, 2435, 'c', 'p', 0),
    (19, 'name', 'name', 64, false, 'b', 'S', false, 18, 1003, 34, 35, 2422, 2423, 'c', 'p', 950),
    (20, 'int8', 'bigint', 8, true, 'b', 'N', false, 0, 1016, 460, 461, 2408, 2409, 'd', 'p', 0),
    (21, 'int2', 'smallint', 2, true, 'b', 'N', false, 0, 1005, 38, 39, 2404, 2405, 's', 'p', 0),
    (22, 'int2vector', 'int2vector', -1, false, 'b', 'A', false, 21, 1006, 750, 41, 2410, 2411, 'i', 'p', 0),
    (23, 'int4', 'integer', 4, true, 'b', 'N', false, 0, 1007, 42, 43, 2406, 2407, 'i', 'p', 0),
    (24, 'regproc', 'regproc', 4, true, 'b', 'N', false, 0, 1008, 44, 45, 2444, 2445, 'i', 'p', 0),
    (25, 'text', 'text', -1, false, 'b', 'S', true, 0, 1009, 46, 47, 2414, 2415, 'i', 'x', 100),
    (26, 'oid', 'oid', 4, true, 'b', 'N', true, 0, 1028, 1798, 1799, 2418, 2419, 'i', 'p', 0),
    (27, 'tid', 'tid', 6, false, 'b', 'U', false, 0, 1010, 48, 49, 2438, 2439, 's', 'p', 0),
    (28, 'xid', 'xid', 4, true, 'b', 'U', false, 0, 1011, 50, 51, 2440, 2441, 'i', 'p', 0),
    (29, 'cid', 'cid', 4, true, 'b', 'U', false, 0, 1012, 52, 53, 2442, 2443, 'i', 'p', 0),
    (30, 'oidvector', 'oidvector', -1, false, 'b', 'A', false, 26, 1013, 750, 55, 2420, 2421, 'i', 'p', 0),
    (114, 'json', 'json', -1, false, 'b', 'U', false, 0, 199, 321, 322, 323, 324, 'i', 'x', 0),
    (142, 'xml', 'xml', -1, false, 'b', 'U', false, 0, 143, 2893, 2894, 2898, 2899, 'i', 'x', 0),
    (194, 'pg_node_tree', 'pg_node_tree', -1, false, 'b', 'Z', false, 0, 0, 195, 196, 197, 198, 'i', 'x', 100),
    (199, '_json', 'json[]', -1, false, 'b', 'A', false, 114, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (650, 'cidr', 'cidr', -1, false, 'b', 'I', false, 0, 651, 1267, 1427, 2498, 2499, 'i', 'm', 0),
    (651, '_cidr', 'cidr[]', -1, false, 'b', 'A', false, 650, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (700, 'float4', 'real', 4, true, 'b', 'N', false, 0, 1021, 200, 201, 2424, 2425, 'i', 'p', 0),
    (701, 'float8', 'double precision', 8, true, 'b', 'N', true, 0, 1022, 214, 215, 2426, 2427, 'd', 'p', 0),
    (705, 'unknown', 'unknown', -2, false, 'p', 'X', false, 0, 0, 109, 110, 2416, 2417, 'c', 'p', 0),
    (790, 'money', 'money', 8, true, 'b', 'N', false, 0, 791, 886, 887, 2492, 2493, 'd', 'p', 0),
    (791, '_money', 'money[]', -1, false, 'b', 'A', false, 790, 0, 750, 751, 2400, 2401, 'd', 'x', 0),
    (829, 'macaddr', 'macaddr', 6, false, 'b', 'U', false, 0, 1040, 436, 437, 2494, 2495, 'i', 'p', 0),
    (869, 'inet', 'inet', -1, false, 'b', 'I', true, 0, 1041, 910, 911, 2496, 2497, 'i', 'm', 0),
    (1000, '_bool', 'boolean[]', -1, false, 'b', 'A', false, 16, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1001, '_bytea', 'bytea[]', -1, false, 'b', 'A', false, 17, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1002, '_char', '"char"[]', -1, false, 'b', 'A', false, 18, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1003, '_name', 'name[]', -1, false, 'b', 'A', false, 19, 0, 750, 751, 2400, 2401, 'i', 'x', 950),
    (1005, '_int2', 'smallint[]', -1, false, 'b', 'A', false, 21, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1007, '_int4', 'integer[]', -1, false, 'b', 'A', false, 23, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1009, '_text', 'text[]', -1, false, 'b', 'A', false, 25, 0, 750, 751, 2400, 2401, 'i', 'x', 100),
    (1014, '_bpchar', 'bpchar[]', -1, false, 'b', 'A', false, 1042, 0, 750, 751, 2400, 2401, 'i', 'x', 100),
    (1015, '_varchar', 'character varying[]', -1, false, 'b', 'A', false, 1043, 0, 750, 751, 2400, 2401, 'i', 'x', 100),
    (1016, '_int8', 'bigint[]', -1, false, 'b', 'A', false, 20, 0, 750, 751, 2400, 2401, 'd', 'x', 0),
    (1021, '_float4', 'real[]', -1, false, 'b', 'A', false, 700, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1022, '_float8', 'double precision[]', -1, false, 'b', 'A', false, 701, 0, 750, 751, 2400, 2401, 'd', 'x', 0),
    (1028, '_oid', 'oid[]', -1, false, 'b', 'A', false, 26, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1033, 'aclitem', 'aclitem', 12, false, 'b', 'U', false, 0, 1034, 1031, 1032, 0, 0, 'i', 'p', 0),
    (1034, '_aclitem', 'aclitem[]', -1, false, 'b', 'A', false, 1033, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1040, '_macaddr', 'macaddr[]', -1, false, 'b', 'A', false, 829, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1041, '_inet', 'inet[]', -1, false, 'b', 'A', false, 869, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1042, 'bpchar', 'bpchar', -1, false, 'b', 'S', false, 0, 1014, 1044, 1045, 2430, 2431, 'i', 'x', 100),
    (1043, 'varchar', 'character varying', -1, false, 'b', 'S', false, 0, 1015, 1046, 1047, 2432, 2433, 'i', 'x', 100),
    (1082, 'date', 'date', 4, true, 'b', 'D', false, 0, 1182, 1084, 1085, 2468, 2469, 'i', 'p', 0),
    (1083, 'time', 'time without time zone', 8, true, 'b', 'D', false, 0, 1183, 1143, 1144, 2470, 2471, 'd', 'p', 0),
    (1114, 'timestamp', 'timestamp without time zone', 8, true, 'b', 'D', false, 0, 1115, 1312, 1313, 2474, 2475, 'd', 'p', 0),
    (1115, '_timestamp', 'timestamp without time zone[]', -1, false, 'b', 'A', false, 1114, 0, 750, 751, 2400, 2401, 'd', 'x', 0),
    (1182, '_date', 'date[]', -1, false, 'b', 'A', false, 1082, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1183, '_time', 'time without time zone[]', -1, false, 'b', 'A', false, 1083, 0, 750, 751, 2400, 2401, 'd', 'x', 0),
    (1184, 'timestamptz', 'timestamp with time zone', 8, true, 'b', 'D', true, 0, 1185, 1150, 1151, 2476, 2477, 'd', 'p', 0),
    (1185, '_timestamptz', 'timestamp with time zone[]', -1, false, 'b', 'A', false, 1184, 0, 750, 751, 2400, 2401, 'd', 'x', 0),
    (1186, 'interval', 'interval', 16, false, 'b', 'T', true, 0, 1187, 1160, 1161, 2478, 2479, 'd', 'p', 0),
    (1187, '_interval', 'interval[]', -1, false, 'b', 'A', false, 1186, 0, 750, 751, 2400, 2401, 'd', 'x', 0),
    (1231, '_numeric', 'numeric[]', -1, false, 'b', 'A', false, 1700, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1263, '_cstring', 'cstring[]', -1, false, 'b', 'A', false, 2275, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1266, 'timetz', 'time with time zone', 12, false, 'b', 'D', false, 0, 1270, 1350, 1351, 2472, 2473, 'd', 'p', 0),
    (1270, '_timetz', 'time with time zone[]', -1, false, 'b', 'A', false, 1266, 0, 750, 751, 2400, 2401, 'd', 'x', 0),
    (1560, 'bit', '"bit"', -1, false, 'b', 'V', false, 0, 1561, 1564, 1565, 2456, 2457, 'i', 'x', 0),
    (1561, '_bit', '"bit"[]', -1, false, 'b', 'A', false, 1560, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1562, 'varbit', 'bit varying', -1, false, 'b', 'V', true, 0, 1563, 1579, 1580, 2458, 2459, 'i', 'x', 0),
    (1563, '_varbit', 'bit varying[]', -1, false, 'b', 'A', false, 1562, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (1700, 'numeric', 'numeric', -1, false, 'b', 'N', false, 0, 1231, 1701, 1702, 2460, 2461, 'i', 'm', 0),
    (1790, 'refcursor', 'refcursor', -1, false, 'b', 'U', false, 0, 2201, 46, 47, 2414, 2415, 'i', 'x', 0),
    (2201, '_refcursor', 'refcursor[]', -1, false, 'b', 'A', false, 1790, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (2202, 'regprocedure', 'regprocedure', 4, true, 'b', 'N', false, 0, 2207, 2212, 2213, 2446, 2447, 'i', 'p', 0),
    (2205, 'regclass', 'regclass', 4, true, 'b', 'N', false, 0, 2210, 2218, 2219, 2452, 2453, 'i', 'p', 0),
    (2206, 'regtype', 'regtype', 4, true, 'b', 'N', false, 0, 2211, 2220, 2221, 2454, 2455, 'i', 'p', 0),
    (2210, '_regclass', 'regclass[]', -1, false, 'b', 'A', false, 2205, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (2211, '_regtype', 'regtype[]', -1, false, 'b', 'A', false, 2206, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (2249, 'record', 'record', -1, false, 'p', 'P', false, 0, 2287, 2290, 2291, 2402, 2403, 'd', 'x', 0),
    (2275, 'cstring', 'cstring', -2, false, 'p', 'P', false, 0, 1263, 2292, 2293, 2500, 2501, 'c', 'p', 0),
    (2276, 'any', '"any"', 4, true, 'p', 'P', false, 0, 0, 2294, 2295, 0, 0, 'i', 'p', 0),
    (2277, 'anyarray', 'anyarray', -1, false, 'p', 'P', false, 0, 0, 2296, 2297, 2502, 2503, 'd', 'x', 0),
    (2278, 'void', 'void', 4, true, 'p', 'P', false, 0, 0, 2298, 2299, 3120, 3121, 'i', 'p', 0),
    (2279, 'trigger', 'trigger', 4, true, 'p', 'P', false, 0, 0, 2300, 2301, 0, 0, 'i', 'p', 0),
    (2280, 'language_handler', 'language_handler', 4, true, 'p', 'P', false, 0, 0, 2302, 2303, 0, 0, 'i', 'p', 0),
    (2281, 'internal', 'internal', 8, true, 'p', 'P', false, 0, 0, 2304, 2305, 0, 0, 'd', 'p', 0),
    (2283, 'anyelement', 'anyelement', 4, true, 'p', 'P', false, 0, 0, 2312, 2313, 0, 0, 'i', 'p', 0),
    (2950, 'uuid', 'uuid', 16, false, 'b', 'U', false, 0, 2951, 2952, 2953, 2961, 2962, 'c', 'p', 0),
    (2951, '_uuid', 'uuid[]', -1, false, 'b', 'A', false, 2950, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (3220, 'pg_lsn', 'pg_lsn', 8, true, 'b', 'U', false, 0, 3221, 3229, 3230, 3238, 3239, 'd', 'p', 0),
    (3500, 'anyenum', 'anyenum', 4, true, 'p', 'P', false, 0, 0, 3504, 3505, 0, 0, 'i', 'p', 0),
    (3614, 'tsvector', 'tsvector', -1, false, 'b', 'U', false, 0, 3643, 3610, 3611, 3639, 3638, 'i', 'x', 0),
    (3615, 'tsquery', 'tsquery', -1, false, 'b', 'U', false, 0, 3645, 3612, 3613, 3641, 3640, 'i', 'p', 0),
    (3643, '_tsvector', 'tsvector[]', -1, false, 'b', 'A', false, 3614, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (3645, '_tsquery', 'tsquery[]', -1, false, 'b', 'A', false, 3615, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (3802, 'jsonb', 'jsonb', -1, false, 'b', 'U', false, 0, 3807, 3806, 3804, 3805, 3803, 'i', 'x', 0),
    (3807, '_jsonb', 'jsonb[]', -1, false, 'b', 'A', false, 3802, 0, 750, 751, 2400, 2401, 'i', 'x', 0),
    (3831, 'anyrange', 'anyrange', -1, false, 'p', 'P', false, 0, 0, 3832, 3833, 0, 0, 'd', 'x', 0),
    (3838, 'event_trigger', 'event_trigger', 4, true, 'p', 'P', false, 0, 0, 3594, 3595, 0, 0, 'i', 'p', 0),
    (4089, 'regnamespace', 'regnamespace', 4, true, 'b', 'N', false, 0, 4090, 4084, 4085, 4087, 4088, 'i', 'p', 0),
    (4096, 'regrole', 'regrole', 4, true, 'b', 'N', false, 0, 4097, 4098, 4092, 4094, 4095, 'i', 'p', 0),
    (5069, 'xid8', 'xid8', 8, true, 'b', 'U', false, 0, 271, 5070, 5081, 5082, 5083, 'd', 'p', 0)
) AS t(oid, typname, formatted, typlen, typbyval, typtype, typcategory, typispreferred, typelem, typarray, typinput, typoutput, typreceive,
       typsend, typalign, typstorage, typcollation);

CREATE VIEW memory.kshell_pg.pg_type AS
SELECT oid::BIGINT AS oid, typname, 11::BIGINT AS typnamespace, 10::BIGINT AS typowner, typlen::SMALLINT AS typlen, typbyval, typtype,
       typcategory, typispreferred, true AS typisdefined, ',' AS typdelim, 0::BIGINT AS typrelid,
       CASE WHEN typelem <> 0 THEN 6179 ELSE 0 END::BIGINT AS typsubscript, typelem::BIGINT AS typelem, typarray::BIGINT AS typarray,
       typinput::BIGINT AS typinput, typoutput::BIGINT AS typoutput, typreceive::BIGINT AS typreceive, typsend::BIGINT AS typsend,
       0::BIGINT AS typmodin, 0::BIGINT AS typmodout, 0::BIGINT AS typanalyze, typalign, typstorage, false AS typnotnull,
       0::BIGINT AS typbasetype, -1 AS typtypmod, 0 AS typndims, typcollation::BIGINT AS typcollation, NULL::VARCHAR AS typdefaultbin,
       NULL::VARCHAR AS typdefault, NULL::VARCHAR[] AS typacl,
       1247::BIGINT AS tableoid, 0::BIGINT AS xmin
FROM memory.kshell_pg.kshell_types;

-- The number of a DuckDB type that is no list, NULL for one that has no name of its own: it is sent as JSON.
CREATE MACRO memory.kshell_pg.kshell_scalar_oid(type) AS
CASE WHEN type LIKE 'DECIMAL%' THEN 1700
     WHEN type LIKE 'ENUM(%' THEN 25
     WHEN type LIKE 'STRUCT(%' OR type LIKE 'MAP(%' OR type LIKE 'UNION(%' OR type LIKE '%]' THEN NULL
     ELSE coalesce(MAP {
        'BOOLEAN': 16, 'BLOB': 17, 'BIGINT': 20, 'UINTEGER': 20, 'SMALLINT': 21, 'TINYINT': 21, 'UTINYINT': 21, 'INTEGER': 23, 'USMALLINT': 23,
        'FLOAT': 700, 'DOUBLE': 701, 'DATE': 1082, 'TIME': 1083, 'TIME_NS': 1083, 'TIMESTAMP': 1114, 'TIMESTAMP_S': 1114, 'TIMESTAMP_MS': 1114,
        'TIMESTAMP_NS': 1114, 'TIMESTAMP WITH TIME ZONE': 1184, 'INTERVAL': 1186, 'TIME WITH TIME ZONE': 1266, 'HUGEINT': 1700,
        'UHUGEINT': 1700, 'UBIGINT': 1700, 'BIGNUM': 1700, 'UUID': 2950, 'JSON': 114, 'VARIANT': 114}[type], 25)
END;

CREATE MACRO memory.kshell_pg.kshell_array_oid(element) AS
MAP {16: 1000, 17: 1001, 20: 1016, 21: 1005, 23: 1007, 25: 1009, 114: 199, 700: 1021, 701: 1022, 1082: 1182, 1083: 1183, 1114: 1115, 1184: 1185,
     1186: 1187, 1266: 1270, 1700: 1231, 2950: 2951}[element];

CREATE MACRO memory.kshell_pg.kshell_type_oid(type) AS
coalesce(CASE WHEN regexp_full_match(type, 'UINTEGER\[\d*\]') THEN 1028
              WHEN type LIKE '%]'
              THEN memory.kshell_pg.kshell_array_oid(memory.kshell_pg.kshell_scalar_oid(regexp_replace(type, '\[\d*\]$', '')))
              ELSE memory.kshell_pg.kshell_scalar_oid(type) END, 114)::BIGINT;

-- Digits and scale as one number: DECIMAL(10,2), and a list of it.
CREATE MACRO memory.kshell_pg.kshell_type_modifier(type) AS
coalesce(CASE WHEN type LIKE 'DECIMAL(%' AND type NOT LIKE '%][%'
              THEN TRY_CAST(regexp_extract(type, '\((\d+),', 1) AS INTEGER) * 65536 + TRY_CAST(regexp_extract(type, ',(\d+)\)', 1) AS INTEGER) + 4
         END, -1)::INTEGER;

CREATE MACRO memory.kshell_pg.format_type(type, modifier) AS
CASE WHEN type IS NULL THEN NULL
     WHEN type::BIGINT = 0 THEN '-'
     WHEN type::BIGINT IN (1700, 1231) AND modifier::INTEGER >= 4
     THEN 'numeric(' || ((modifier::INTEGER - 4) // 65536) || ',' || ((modifier::INTEGER - 4) % 65536) || ')'
          || CASE WHEN type::BIGINT = 1231 THEN '[]' ELSE '' END
     WHEN type::BIGINT IN (1042, 1043) AND modifier::INTEGER >= 4
     THEN (CASE type::BIGINT WHEN 1042 THEN 'character' ELSE 'character varying' END) || '(' || (modifier::INTEGER - 4) || ')'
     ELSE coalesce((SELECT formatted FROM memory.kshell_pg.kshell_types WHERE oid = type::BIGINT), '???')
END;

-- What a type is called in text: 'int4', 'integer', 'pg_catalog.int4', '"char"', 'numeric(10,2)', 'int4[]'.
CREATE MACRO memory.kshell_pg.to_regtype(named) AS
(SELECT min(oid)::BIGINT FROM memory.kshell_pg.kshell_types
 WHERE lower(regexp_replace(named::VARCHAR, '^pg_catalog\.|\(.*\)', '', 'g')) IN
       (typname, formatted, CASE WHEN typcategory = 'A' THEN typname[2:] || '[]' END,
        CASE typname WHEN 'int4' THEN 'int' WHEN 'numeric' THEN 'decimal' WHEN 'timestamp' THEN 'timestamp' WHEN 'time' THEN 'time' END)
    OR named::VARCHAR = oid::VARCHAR);

CREATE MACRO memory.kshell_pg.kshell_regtype(named) AS
coalesce(memory.kshell_pg.to_regtype(named), error('type "' || named::VARCHAR || '" does not exist'))::BIGINT;

CREATE MACRO memory.kshell_pg.kshell_regtype_name(type) AS
coalesce(memory.kshell_pg.format_type(TRY_CAST(type AS BIGINT), -1), type::VARCHAR);

CREATE MACRO memory.kshell_pg.kshell_regtype_names(types) AS
(SELECT list(memory.kshell_pg.format_type(number, -1)) FROM (SELECT unnest(types) AS number));
