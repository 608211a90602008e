-- `_tier` is a constant on each side, so a filter on it removes the other side from the plan.
CREATE OR REPLACE VIEW memory.main.{view:i} AS
SELECT {columns:s}, 'live' AS _tier FROM memory.live.{view:i}
UNION ALL
SELECT {columns:s}, 'lake' AS _tier FROM memory.lake.{view:i};
