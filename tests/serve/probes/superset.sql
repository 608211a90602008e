-- What Superset asks beside SQLAlchemy's inspection, and the queries of its charts.

-- schemas and the search path
-- = [["main"]]
SELECT current_schema();

-- views of a schema
-- = [["orders"]]
SELECT table_name FROM information_schema.views WHERE table_schema = 'main' ORDER BY 1;

-- the catalogs
-- = [["memory"]]
SELECT datname FROM pg_database WHERE NOT datistemplate;

-- the cost of a query
EXPLAIN SELECT * FROM orders;

-- names of functions for completion
-- = [["m"]]
SELECT proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'main' ORDER BY 1;

-- the rows of a dataset
-- = []
SELECT * FROM public.orders LIMIT 100;

-- a virtual dataset, and a chart by the hour
-- = []
SELECT DATE_TRUNC('hour', ts) AS ts, sum(amount) AS "SUM(amount)" FROM (SELECT * FROM main.orders) AS virtual_table
WHERE ts >= TO_TIMESTAMP(1767322800.0) AND ts < '2026-02-01 00:00:00.000000' GROUP BY DATE_TRUNC('hour', ts)
ORDER BY "SUM(amount)" DESC LIMIT 1000;
