-- `_tier` is a constant on each side, so a filter on it removes the other side from the plan. It stands first within: where a query
-- needs no column of the union, DuckDB reads the first one, and a constant costs nothing.
CREATE OR REPLACE VIEW memory.main.{view:i} AS
SELECT {columns:s}, _tier FROM (
    SELECT 'live' AS _tier, {columns:s} FROM memory.live.{view:i}
    UNION ALL
    SELECT 'lake' AS _tier, {columns:s} FROM memory.lake.{view:i}
);
