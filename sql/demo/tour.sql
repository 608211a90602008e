-- A Kafka broker runs inside this process, and events arrive while you read. Attach it like any other.
ATTACH {address:l} AS k (TYPE kafka);

SHOW TOPICS FROM k;

-- A source reads a topic on a background thread. The columns come from the records. No group is joined, no offset committed.
CREATE SOURCE clicks FROM KAFKA k (TOPIC 'web.clicks', FORMAT json);

WAIT SOURCE clicks UNTIL CAUGHT UP TIMEOUT '30s';

SELECT user_id, url, load_ms, ts, _kafka_partition AS p, _kafka_offset AS o FROM clicks LIMIT 5;

-- Everything of DuckDB works on it. The slowest pages, by the rows in the buffer:
SELECT url, count(*) AS views, round(avg(load_ms)) AS avg_ms FROM clicks GROUP BY ALL ORDER BY avg_ms DESC LIMIT 3;

-- The first 1,000 offsets of each partition, before anything is in the lake:
SELECT _tier, count(*) AS n, sum(user_id) AS checksum FROM clicks(stop := 1000) GROUP BY ALL;

-- A sink lands the same rows in Apache Iceberg, each exactly once: rows and offsets are one commit. The catalog is a SQLite file.
CREATE SINK clicks_lake FROM clicks INTO ICEBERG local.web.clicks (PARTITION_BY ['day(_kafka_timestamp)'], COMMIT_INTERVAL '10s');

FLUSH SINK clicks_lake TIMEOUT '30s';

-- The same 1,000 offsets after the commit: another tier, the same rows, none twice and none missing.
SELECT _tier, count(*) AS n, sum(user_id) AS checksum FROM clicks(stop := 1000) GROUP BY ALL;

-- Events go on arriving. The next three, as they come:
TAIL (SELECT user_id, url, load_ms, _kafka_partition AS p, _kafka_offset AS o FROM clicks) LIMIT 3;

-- What came after the commit is live until the next one. One SELECT reads both:
SELECT _tier, count(*) AS n, max(_kafka_timestamp) AS newest FROM clicks GROUP BY ALL ORDER BY ALL;

-- Another topic, with a nested field, joined with the union:
CREATE SOURCE orders FROM KAFKA k (FORMAT json);

WAIT SOURCE orders UNTIL CAUGHT UP TIMEOUT '30s';

SELECT o.ship_to.country AS country, count(*) AS orders, round(sum(o.amount), 2) AS revenue
FROM orders o SEMI JOIN clicks c ON c.user_id = o.customer_id AND c.url = '/checkout' GROUP BY ALL ORDER BY ALL;

-- A look at the topic itself, once, without a source: its newest records.
SELECT user_id, url, _kafka_partition AS p, _kafka_offset AS o FROM kafka_scan('web.clicks', connection := 'k', last := 5);

-- The proof, from the Iceberg table alone: no offset missing, none twice.
CHECK SINK clicks_lake;

SELECT name, state, committed_rows, pending_rows, last_snapshot_id FROM kshell.sinks;
