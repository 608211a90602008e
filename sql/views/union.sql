-- `_tier` is a constant on each side, so a filter on it removes the other side from the plan.
CREATE OR REPLACE VIEW memory.main.{name:i} AS
SELECT {columns:s}, 'live' AS _tier FROM memory.live.{name:i}
UNION ALL
SELECT {columns:s}, 'lake' AS _tier FROM memory.lake.{name:i};
