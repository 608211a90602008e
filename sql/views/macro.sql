-- name(since, until, "partition", start, stop, tier, last): the rows of <name> as a table function.
-- `last` needs an order and has an overload of its own, so that the other calls pay nothing for it. It looks for the n-th newest time
-- first, in one column, and then takes rows from there on; rows without a time are not among the newest.
CREATE OR REPLACE MACRO memory.main.{view:i}(since := NULL, until := NULL, "partition" := NULL, start := NULL, stop := NULL, tier := NULL) AS TABLE (
    SELECT * FROM memory.main.{view:i}
    WHERE {conditions:s}
), (last, since := NULL, until := NULL, "partition" := NULL, start := NULL, stop := NULL, tier := NULL) AS TABLE (
    SELECT * FROM memory.main.{view:i}
    WHERE _kafka_timestamp >= (SELECT min(written_at) FROM (
        SELECT _kafka_timestamp AS written_at FROM memory.main.{view:i} WHERE _kafka_timestamp IS NOT NULL AND {conditions:s}
        ORDER BY written_at DESC LIMIT last))
    AND {conditions:s}
    ORDER BY _kafka_timestamp DESC, _kafka_offset DESC NULLS LAST
    LIMIT last
);
