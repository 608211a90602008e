CREATE OR REPLACE VIEW memory.lake.{view:i} AS
SELECT {columns:s} WHERE false;
