"""Results of a real engine, rendered into bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kshell import output
from kshell.engine import Engine
from kshell.query.runner import Runner

# one column of every type DuckDB exports, a row of ordinary values, one of extreme ones, one of NULL
NULLS = ", ".join(["NULL"] * 36)
EVERY_TYPE = """
SELECT * FROM (
  SELECT true AS bool, 1::TINYINT AS i8, 2::SMALLINT AS i16, 3::INTEGER AS i32, 4::BIGINT AS i64, 5::HUGEINT AS i128,
         1::UTINYINT AS u8, 2::USMALLINT AS u16, 3::UINTEGER AS u32, 4::UBIGINT AS u64, 5::UHUGEINT AS u128, 12::BIGNUM AS big,
         1.5::FLOAT AS f32, 1.5::DOUBLE AS f64, 12.340::DECIMAL(10,3) AS dec, 'text' AS text, 'a'::ENUM('a', 'b') AS en,
         'x'::BLOB AS blob, '101'::BIT AS bit, '0b1e6a3e-9f0b-4c1c-8f55-0f6a9d1f2a3b'::UUID AS uuid, '{"a": [1, 2]}'::JSON AS js,
         DATE '2024-01-02' AS day, TIME '03:04:05.5' AS clock, TIMESTAMP '2024-01-02 03:04:05.678' AS ts,
         TIMESTAMP_S '2024-01-02 03:04:05' AS ts_s, TIMESTAMP_MS '2024-01-02 03:04:05.6' AS ts_ms,
         '2024-01-02 03:04:05.123456789'::TIMESTAMP_NS AS ts_ns,
         TIMESTAMPTZ '2024-01-02 03:04:05.5+02' AS tz, INTERVAL '1 month 2 days 3.5 seconds' AS iv,
         {'a': 1, 'b': [NULL, 'x']} AS st, row(1, 'x') AS ro, [1, NULL] AS li, [1.5, 2]::DOUBLE[2] AS ar, MAP {'k': 1} AS ma,
         MAP {1: 'v'} AS mi, union_value(n := 1) AS un
  UNION ALL
  SELECT false, -128, -32768, -2147483648, -9223372036854775808, -170141183460469231731687303715884105727::HUGEINT, 255, 65535,
         4294967295, 18446744073709551615, 340282366920938463463374607431768211455::UHUGEINT,
         -123456789012345678901234567890::BIGNUM, '-inf'::FLOAT, 'nan'::DOUBLE, -0.001, '', 'b', '\\x00\\xFF'::BLOB, '0'::BIT,
         '00000000-0000-0000-0000-000000000000', '"text"', 'infinity'::DATE, '24:00:00', '0044-03-15 (BC) 01:00:00'::TIMESTAMP,
         '1969-12-31 23:59:59', '9999-12-31 23:59:59.999', '1700-01-01 00:00:00.000000001', 'infinity'::TIMESTAMPTZ,
         INTERVAL '-14 months -1.25 seconds', {'a': NULL, 'b': []}, row(NULL, ''), [], [0, -1]::DOUBLE[2], MAP {}, MAP {}, NULL
  UNION ALL
  SELECT {NULLS}
) ORDER BY i8 DESC NULLS LAST""".replace("{NULLS}", NULLS)

Render = Callable[..., bytes]


@pytest.fixture
def runner() -> Iterator[Runner]:
    engine = Engine(threads=1)
    made = Runner(engine)
    yield made
    made.close()
    engine.close()


@pytest.fixture
def render(runner: Runner) -> Render:
    """`render(mode, query, **settings)` -> bytes."""
    def made(mode: str, query: str, **settings: Any) -> bytes:
        result, buffer = runner.run(query), io.BytesIO()
        output.write(result.columns, result.batches(), output.find(mode), buffer, output.Settings(**settings))
        return buffer.getvalue()

    return made
