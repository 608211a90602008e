-- Functions that read metadata columns. kafka_header: the last value of a header as text; bytes that are not UTF-8 become U+FFFD;
-- NULL where the header is absent or its value is null.
CREATE OR REPLACE MACRO memory.main.kafka_header(headers, name) AS (
    list_transform(
        list_filter(headers, lambda h: h.key = name)[-1:],
        lambda h: coalesce(
            try(decode(h.value)),
            replace(regexp_replace(replace(h.value::VARCHAR, '\x5C', chr(1)), '\\x[0-9A-F]{2}', chr(65533), 'g'), chr(1), '\')))[1]
);
