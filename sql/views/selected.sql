-- The rows of an AS SELECT sink: its query over the source's rows, which stand in the source's place.
SELECT {columns:s} FROM (
    WITH {source:i} AS NOT MATERIALIZED (
{branches:s}
    )
    {select:s}
)
