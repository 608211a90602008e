-- Pinned at the metadata file of one snapshot, whose recorded positions are the cut of live.{name:i}.
CREATE OR REPLACE VIEW memory.lake.{name:i} AS
SELECT {columns:s} FROM iceberg_scan({metadata_location:l});
