-- What kshell has none of: catalog views without rows. Clients ask all of them before they show a table.

CREATE VIEW memory.kshell_pg.pg_aggregate AS SELECT NULL::BIGINT AS aggfnoid, NULL::VARCHAR AS aggkind, NULL::SMALLINT AS aggnumdirectargs,
    NULL::BIGINT AS aggtransfn, NULL::BIGINT AS aggfinalfn, NULL::BIGINT AS aggcombinefn, NULL::BIGINT AS aggserialfn, NULL::BIGINT AS
    aggdeserialfn, NULL::BIGINT AS aggmtransfn, NULL::BIGINT AS aggminvtransfn, NULL::BIGINT AS aggmfinalfn, NULL::BOOLEAN AS aggfinalextra,
    NULL::BOOLEAN AS aggmfinalextra, NULL::VARCHAR AS aggfinalmodify, NULL::VARCHAR AS aggmfinalmodify, NULL::BIGINT AS aggsortop,
    NULL::BIGINT AS aggtranstype, NULL::INTEGER AS aggtransspace, NULL::BIGINT AS aggmtranstype, NULL::INTEGER AS aggmtransspace,
    NULL::VARCHAR AS agginitval, NULL::VARCHAR AS aggminitval WHERE false;
CREATE VIEW memory.kshell_pg.pg_auth_members AS SELECT NULL::BIGINT AS roleid, NULL::BIGINT AS member, NULL::BIGINT AS grantor,
    NULL::BOOLEAN AS admin_option WHERE false;
CREATE VIEW memory.kshell_pg.pg_cast AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS castsource, NULL::BIGINT AS casttarget, NULL::BIGINT AS
    castfunc, NULL::VARCHAR AS castcontext, NULL::VARCHAR AS castmethod, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_conversion AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS conname, NULL::BIGINT AS connamespace,
    NULL::BIGINT AS conowner, NULL::INTEGER AS conforencoding, NULL::INTEGER AS contoencoding, NULL::BIGINT AS conproc, NULL::BOOLEAN AS
    condefault, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_cursors AS SELECT NULL::VARCHAR AS name, NULL::VARCHAR AS statement, NULL::BOOLEAN AS is_holdable,
    NULL::BOOLEAN AS is_binary, NULL::BOOLEAN AS is_scrollable, NULL::TIMESTAMPTZ AS creation_time WHERE false;
CREATE VIEW memory.kshell_pg.pg_db_role_setting AS SELECT NULL::BIGINT AS setdatabase, NULL::BIGINT AS setrole, NULL::VARCHAR[] AS setconfig
    WHERE false;
CREATE VIEW memory.kshell_pg.pg_default_acl AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS defaclrole, NULL::BIGINT AS defaclnamespace,
    NULL::VARCHAR AS defaclobjtype, NULL::VARCHAR[] AS defaclacl, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_event_trigger AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS evtname, NULL::VARCHAR AS evtevent,
    NULL::BIGINT AS evtowner, NULL::BIGINT AS evtfoid, NULL::VARCHAR AS evtenabled, NULL::VARCHAR[] AS evttags, NULL::BIGINT AS tableoid,
    NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_extension AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS extname, NULL::BIGINT AS extowner, NULL::BIGINT AS
    extnamespace, NULL::BOOLEAN AS extrelocatable, NULL::VARCHAR AS extversion, NULL::BIGINT[] AS extconfig, NULL::VARCHAR[] AS
    extcondition, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_foreign_data_wrapper AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS fdwname, NULL::BIGINT AS fdwowner,
    NULL::BIGINT AS fdwhandler, NULL::BIGINT AS fdwvalidator, NULL::VARCHAR[] AS fdwacl, NULL::VARCHAR[] AS fdwoptions, NULL::BIGINT AS
    tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_foreign_server AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS srvname, NULL::BIGINT AS srvowner,
    NULL::BIGINT AS srvfdw, NULL::VARCHAR AS srvtype, NULL::VARCHAR AS srvversion, NULL::VARCHAR[] AS srvacl, NULL::VARCHAR[] AS srvoptions,
    NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_foreign_table AS SELECT NULL::BIGINT AS ftrelid, NULL::BIGINT AS ftserver, NULL::VARCHAR[] AS ftoptions
    WHERE false;
CREATE VIEW memory.kshell_pg.pg_group AS SELECT NULL::VARCHAR AS groname, NULL::BIGINT AS grosysid, NULL::BIGINT[] AS grolist WHERE false;
CREATE VIEW memory.kshell_pg.pg_inherits AS SELECT NULL::BIGINT AS inhrelid, NULL::BIGINT AS inhparent, NULL::INTEGER AS inhseqno,
    NULL::BOOLEAN AS inhdetachpending WHERE false;
CREATE VIEW memory.kshell_pg.pg_locks AS SELECT NULL::VARCHAR AS locktype, NULL::BIGINT AS database, NULL::BIGINT AS relation, NULL::INTEGER
    AS page, NULL::SMALLINT AS tuple, NULL::VARCHAR AS virtualxid, NULL::BIGINT AS transactionid, NULL::BIGINT AS classid, NULL::BIGINT AS
    objid, NULL::SMALLINT AS objsubid, NULL::VARCHAR AS virtualtransaction, NULL::INTEGER AS pid, NULL::VARCHAR AS mode, NULL::BOOLEAN AS
    granted, NULL::BOOLEAN AS fastpath, NULL::TIMESTAMPTZ AS waitstart WHERE false;
CREATE VIEW memory.kshell_pg.pg_matviews AS SELECT NULL::VARCHAR AS schemaname, NULL::VARCHAR AS matviewname, NULL::VARCHAR AS matviewowner,
    NULL::VARCHAR AS tablespace, NULL::BOOLEAN AS hasindexes, NULL::BOOLEAN AS ispopulated, NULL::VARCHAR AS definition WHERE false;
CREATE VIEW memory.kshell_pg.pg_opclass AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS opcmethod, NULL::VARCHAR AS opcname, NULL::BIGINT AS
    opcnamespace, NULL::BIGINT AS opcowner, NULL::BIGINT AS opcfamily, NULL::BIGINT AS opcintype, NULL::BOOLEAN AS opcdefault, NULL::BIGINT
    AS opckeytype, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_operator AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS oprname, NULL::BIGINT AS oprnamespace, NULL::BIGINT
    AS oprowner, NULL::VARCHAR AS oprkind, NULL::BOOLEAN AS oprcanmerge, NULL::BOOLEAN AS oprcanhash, NULL::BIGINT AS oprleft, NULL::BIGINT
    AS oprright, NULL::BIGINT AS oprresult, NULL::BIGINT AS oprcom, NULL::BIGINT AS oprnegate, NULL::BIGINT AS oprcode, NULL::BIGINT AS
    oprrest, NULL::BIGINT AS oprjoin, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_opfamily AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS opfmethod, NULL::VARCHAR AS opfname, NULL::BIGINT AS
    opfnamespace, NULL::BIGINT AS opfowner, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_partitioned_table AS SELECT NULL::BIGINT AS partrelid, NULL::VARCHAR AS partstrat, NULL::SMALLINT AS
    partnatts, NULL::BIGINT AS partdefid, NULL::SMALLINT[] AS partattrs, NULL::BIGINT[] AS partclass, NULL::BIGINT[] AS partcollation,
    NULL::VARCHAR AS partexprs WHERE false;
CREATE VIEW memory.kshell_pg.pg_policies AS SELECT NULL::VARCHAR AS schemaname, NULL::VARCHAR AS tablename, NULL::VARCHAR AS policyname,
    NULL::VARCHAR AS permissive, NULL::VARCHAR[] AS roles, NULL::VARCHAR AS cmd, NULL::VARCHAR AS qual, NULL::VARCHAR AS with_check WHERE
    false;
CREATE VIEW memory.kshell_pg.pg_policy AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS polname, NULL::BIGINT AS polrelid, NULL::VARCHAR AS
    polcmd, NULL::BOOLEAN AS polpermissive, NULL::BIGINT[] AS polroles, NULL::VARCHAR AS polqual, NULL::VARCHAR AS polwithcheck,
    NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_publication AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS pubname, NULL::BIGINT AS pubowner, NULL::BOOLEAN
    AS puballtables, NULL::BOOLEAN AS pubinsert, NULL::BOOLEAN AS pubupdate, NULL::BOOLEAN AS pubdelete, NULL::BOOLEAN AS pubtruncate,
    NULL::BOOLEAN AS pubviaroot, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_publication_namespace AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS pnpubid, NULL::BIGINT AS pnnspid,
    NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_publication_rel AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS prpubid, NULL::BIGINT AS prrelid,
    NULL::VARCHAR AS prqual, NULL::SMALLINT[] AS prattrs, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_publication_tables AS SELECT NULL::VARCHAR AS pubname, NULL::VARCHAR AS schemaname, NULL::VARCHAR AS
    tablename, NULL::VARCHAR[] AS attnames, NULL::VARCHAR AS rowfilter WHERE false;
CREATE VIEW memory.kshell_pg.pg_range AS SELECT NULL::BIGINT AS rngtypid, NULL::BIGINT AS rngsubtype, NULL::BIGINT AS rngmultitypid,
    NULL::BIGINT AS rngcollation, NULL::BIGINT AS rngsubopc, NULL::BIGINT AS rngcanonical, NULL::BIGINT AS rngsubdiff WHERE false;
CREATE VIEW memory.kshell_pg.pg_rewrite AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS rulename, NULL::BIGINT AS ev_class, NULL::VARCHAR AS
    ev_type, NULL::VARCHAR AS ev_enabled, NULL::BOOLEAN AS is_instead, NULL::VARCHAR AS ev_qual, NULL::VARCHAR AS ev_action, NULL::BIGINT AS
    tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_rules AS SELECT NULL::VARCHAR AS schemaname, NULL::VARCHAR AS tablename, NULL::VARCHAR AS rulename,
    NULL::VARCHAR AS definition WHERE false;
CREATE VIEW memory.kshell_pg.pg_seclabel AS SELECT NULL::BIGINT AS objoid, NULL::BIGINT AS classoid, NULL::INTEGER AS objsubid,
    NULL::VARCHAR AS provider, NULL::VARCHAR AS label WHERE false;
CREATE VIEW memory.kshell_pg.pg_shdepend AS SELECT NULL::BIGINT AS dbid, NULL::BIGINT AS classid, NULL::BIGINT AS objid, NULL::INTEGER AS
    objsubid, NULL::BIGINT AS refclassid, NULL::BIGINT AS refobjid, NULL::VARCHAR AS deptype WHERE false;
CREATE VIEW memory.kshell_pg.pg_shdescription AS SELECT NULL::BIGINT AS objoid, NULL::BIGINT AS classoid, NULL::VARCHAR AS description WHERE
    false;
CREATE VIEW memory.kshell_pg.pg_stat_all_indexes AS SELECT NULL::BIGINT AS relid, NULL::BIGINT AS indexrelid, NULL::VARCHAR AS schemaname,
    NULL::VARCHAR AS relname, NULL::VARCHAR AS indexrelname, NULL::BIGINT AS idx_scan, NULL::BIGINT AS idx_tup_read, NULL::BIGINT AS
    idx_tup_fetch WHERE false;
CREATE VIEW memory.kshell_pg.pg_stat_ssl AS SELECT NULL::INTEGER AS pid, NULL::BOOLEAN AS ssl, NULL::VARCHAR AS version, NULL::VARCHAR AS
    cipher, NULL::INTEGER AS bits, NULL::VARCHAR AS client_dn, NULL::HUGEINT AS client_serial, NULL::VARCHAR AS issuer_dn WHERE false;
CREATE VIEW memory.kshell_pg.pg_stat_user_indexes AS SELECT NULL::BIGINT AS relid, NULL::BIGINT AS indexrelid, NULL::VARCHAR AS schemaname,
    NULL::VARCHAR AS relname, NULL::VARCHAR AS indexrelname, NULL::BIGINT AS idx_scan, NULL::BIGINT AS idx_tup_read, NULL::BIGINT AS
    idx_tup_fetch WHERE false;
CREATE VIEW memory.kshell_pg.pg_statio_user_tables AS SELECT NULL::BIGINT AS relid, NULL::VARCHAR AS schemaname, NULL::VARCHAR AS relname,
    NULL::BIGINT AS heap_blks_read, NULL::BIGINT AS heap_blks_hit, NULL::BIGINT AS idx_blks_read, NULL::BIGINT AS idx_blks_hit, NULL::BIGINT
    AS toast_blks_read, NULL::BIGINT AS toast_blks_hit, NULL::BIGINT AS tidx_blks_read, NULL::BIGINT AS tidx_blks_hit WHERE false;
CREATE VIEW memory.kshell_pg.pg_statistic_ext AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS stxrelid, NULL::VARCHAR AS stxname,
    NULL::BIGINT AS stxnamespace, NULL::BIGINT AS stxowner, NULL::INTEGER AS stxstattarget, NULL::SMALLINT[] AS stxkeys, NULL::VARCHAR[] AS
    stxkind, NULL::VARCHAR AS stxexprs, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_subscription AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS subdbid, NULL::VARCHAR AS subskiplsn,
    NULL::VARCHAR AS subname, NULL::BIGINT AS subowner, NULL::BOOLEAN AS subenabled, NULL::BOOLEAN AS subbinary, NULL::BOOLEAN AS substream,
    NULL::VARCHAR AS subtwophasestate, NULL::BOOLEAN AS subdisableonerr, NULL::VARCHAR AS subconninfo, NULL::VARCHAR AS subslotname,
    NULL::VARCHAR AS subsynccommit, NULL::VARCHAR[] AS subpublications, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_trigger AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS tgrelid, NULL::BIGINT AS tgparentid, NULL::VARCHAR AS
    tgname, NULL::BIGINT AS tgfoid, NULL::SMALLINT AS tgtype, NULL::VARCHAR AS tgenabled, NULL::BOOLEAN AS tgisinternal, NULL::BIGINT AS
    tgconstrrelid, NULL::BIGINT AS tgconstrindid, NULL::BIGINT AS tgconstraint, NULL::BOOLEAN AS tgdeferrable, NULL::BOOLEAN AS
    tginitdeferred, NULL::SMALLINT AS tgnargs, NULL::SMALLINT[] AS tgattr, NULL::BLOB AS tgargs, NULL::VARCHAR AS tgqual, NULL::VARCHAR AS
    tgoldtable, NULL::VARCHAR AS tgnewtable, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_ts_config AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS cfgname, NULL::BIGINT AS cfgnamespace,
    NULL::BIGINT AS cfgowner, NULL::BIGINT AS cfgparser, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_ts_dict AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS dictname, NULL::BIGINT AS dictnamespace,
    NULL::BIGINT AS dictowner, NULL::BIGINT AS dicttemplate, NULL::VARCHAR AS dictinitoption, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin
    WHERE false;
CREATE VIEW memory.kshell_pg.pg_ts_parser AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS prsname, NULL::BIGINT AS prsnamespace,
    NULL::BIGINT AS prsstart, NULL::BIGINT AS prstoken, NULL::BIGINT AS prsend, NULL::BIGINT AS prsheadline, NULL::BIGINT AS prslextype,
    NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_ts_template AS SELECT NULL::BIGINT AS oid, NULL::VARCHAR AS tmplname, NULL::BIGINT AS tmplnamespace,
    NULL::BIGINT AS tmplinit, NULL::BIGINT AS tmpllexize, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_user_mapping AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS umuser, NULL::BIGINT AS umserver,
    NULL::VARCHAR[] AS umoptions, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
CREATE VIEW memory.kshell_pg.pg_user_mappings AS SELECT NULL::BIGINT AS umid, NULL::BIGINT AS srvid, NULL::VARCHAR AS srvname, NULL::BIGINT
    AS umuser, NULL::VARCHAR AS usename, NULL::VARCHAR[] AS umoptions WHERE false;
CREATE VIEW memory.kshell_pg.pg_enum AS SELECT NULL::BIGINT AS oid, NULL::BIGINT AS enumtypid, NULL::FLOAT AS enumsortorder, NULL::VARCHAR
    AS enumlabel, NULL::BIGINT AS tableoid, NULL::BIGINT AS xmin WHERE false;
