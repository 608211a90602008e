-- name(since, until, "partition", start, stop, tier, last): the rows of <name> as a table function.
-- `last` needs an order and has an overload of its own, so that the other calls pay nothing for it.
CREATE OR REPLACE MACRO memory.main.{view:i}(since := NULL, until := NULL, "partition" := NULL, start := NULL, stop := NULL, tier := NULL) AS TABLE (
    SELECT * FROM memory.main.{view:i}
    WHERE {conditions:s}
), (last, since := NULL, until := NULL, "partition" := NULL, start := NULL, stop := NULL, tier := NULL) AS TABLE (
    SELECT * FROM memory.main.{view:i}
    WHERE {conditions:s}
    ORDER BY _kafka_timestamp DESC NULLS LAST, _kafka_offset DESC NULLS LAST
    LIMIT last
);
