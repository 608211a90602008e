CREATE OR REPLACE VIEW memory.main.{view:i} AS
SELECT {columns:s}, 'live' AS _tier FROM memory.live.{view:i};
