DROP VIEW IF EXISTS memory.main.{view:i};
DROP MACRO TABLE IF EXISTS memory.main.{view:i};
DROP VIEW IF EXISTS memory.live.{view:i};
DROP VIEW IF EXISTS memory.lake.{view:i};
