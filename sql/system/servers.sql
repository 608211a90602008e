-- The servers of this process as a table function. Its table has to be there first.
CREATE OR REPLACE MACRO memory.main.kshell_servers() AS TABLE FROM memory.kshell.servers;
