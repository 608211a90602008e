-- One branch for each segment; a straddled one says which of its rows are not in the lake.
CREATE OR REPLACE VIEW memory.live.{view:i} AS
{branches:s};
