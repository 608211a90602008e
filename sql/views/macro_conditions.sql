-- An argument that is left out is the constant NULL, and its condition folds away while the query is planned; what is left reaches the scans.
-- Partitions that a map leaves out are not bounded. Rows of other writers have no position: bounds leave them out.
    (since IS NULL OR _kafka_timestamp >= coalesce(now() - TRY_CAST(since AS INTERVAL), TRY_CAST(since AS TIMESTAMPTZ)))
    AND (until IS NULL OR _kafka_timestamp < coalesce(now() - TRY_CAST(until AS INTERVAL), TRY_CAST(until AS TIMESTAMPTZ)))
    AND CASE WHEN "partition" IS NULL THEN true
             WHEN TRY_CAST("partition" AS INTEGER) IS NOT NULL THEN _kafka_partition = TRY_CAST("partition" AS INTEGER)
             WHEN TRY_CAST("partition" AS INTEGER[]) IS NOT NULL THEN list_contains(TRY_CAST("partition" AS INTEGER[]), _kafka_partition)
             ELSE error('partition takes a number or a list such as [0, 1], not ' || "partition"::VARCHAR) END
    AND CASE WHEN start IS NULL THEN true
             WHEN TRY_CAST(start AS BIGINT) IS NOT NULL THEN _kafka_offset >= TRY_CAST(start AS BIGINT)
             ELSE _kafka_offset >= coalesce(TRY_CAST(start AS MAP(INTEGER, BIGINT))[_kafka_partition], 0) END
    AND CASE WHEN stop IS NULL THEN true
             WHEN TRY_CAST(stop AS BIGINT) IS NOT NULL THEN _kafka_offset < TRY_CAST(stop AS BIGINT)
             ELSE _kafka_offset < coalesce(TRY_CAST(stop AS MAP(INTEGER, BIGINT))[_kafka_partition], 9223372036854775807) END
    AND CASE WHEN tier IS NULL THEN true WHEN tier IN ('live', 'lake') THEN _tier = tier
             ELSE error('tier takes ''live'' or ''lake'', not ' || tier) END
