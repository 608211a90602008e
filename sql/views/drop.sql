DROP VIEW IF EXISTS memory.main.{name:i};
DROP MACRO TABLE IF EXISTS memory.main.{name:i};
DROP VIEW IF EXISTS memory.live.{name:i};
DROP VIEW IF EXISTS memory.lake.{name:i};
