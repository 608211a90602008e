-- Pinned at the metadata file of one snapshot, whose recorded positions are the cut of the live side.
CREATE OR REPLACE VIEW memory.lake.{view:i} AS
SELECT {columns:s} FROM iceberg_scan({metadata_location:l});
