CREATE OR REPLACE VIEW memory.main.{name:i} AS
SELECT {columns:s}, 'live' AS _tier FROM memory.live.{name:i};
