// What tools on Node do through `pg`: one line of JSON, name -> rows, or [SQLSTATE, message] of an error.
const { Client } = require('pg');

const STEPS = {
  count: ['SELECT count(*)::INTEGER AS n FROM n', []],
  parameters: ['SELECT i::INTEGER AS i, name FROM n WHERE i = $1::INTEGER AND name = $2', [3, 'row 3']],
  untyped: ['SELECT name FROM n WHERE i < $1 ORDER BY i', [2]],
  list: ['SELECT count(*)::INTEGER AS n FROM n WHERE name = ANY($1)', [['row 1', 'row 2']]],
  moment: ["SELECT date_trunc('hour', $1::TIMESTAMPTZ) AS t", [new Date(3_700_000)]],
  types: [`SELECT true AS flag, 1.50::DECIMAL(5,2) AS amount, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS instant, [1, NULL] AS list,
           ['a b', NULL, '"'] AS texts, {'a': 1} AS nested, '\\xAA\\x00'::BLOB AS bytes, INTERVAL '1 day 2 hours' AS span, 0.1::DOUBLE AS d`, []],
  insert: ["INSERT INTO n VALUES (1, 'x')", []],
  after: ['SELECT 1 AS one', []],
};

async function main(port, password) {
  const client = new Client({ host: '127.0.0.1', port, user: 'kshell', password, database: 'kshell' });
  await client.connect();
  const outcomes = {};
  for (const [name, [text, values]] of Object.entries(STEPS)) {
    try {
      outcomes[name] = (await client.query({ text, values })).rows;
    } catch (error) {
      outcomes[name] = [error.code, error.message];
    }
  }
  await client.end();
  console.log(JSON.stringify(outcomes));
}

main(Number(process.argv[2]), process.argv[3]);
