-- One branch for each segment; a straddled one says which of its rows are not in the lake.
CREATE OR REPLACE VIEW memory.live.{name:i} AS
{branches:s};
