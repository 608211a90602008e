-- Everything that is to exist. Running it again goes on where the table says.
ATTACH 'kafka://127.0.0.1:9092' AS k (TYPE kafka);
CREATE SOURCE clicks (user_id BIGINT, url VARCHAR, ts TIMESTAMPTZ) FROM KAFKA k (TOPIC 'web.clicks', FORMAT json);
WAIT SOURCE clicks UNTIL CAUGHT UP TIMEOUT '30s';
CREATE SINK clicks_lake FROM clicks INTO ICEBERG local.web.clicks (PARTITION_BY ['day(ts)'], COMMIT_INTERVAL '10s');
FLUSH SINK clicks_lake TIMEOUT '30s';
SELECT _tier, count(*) AS n FROM clicks GROUP BY ALL ORDER BY ALL;
