CREATE OR REPLACE VIEW memory.lake.{name:i} AS
SELECT {columns:s} WHERE false;
