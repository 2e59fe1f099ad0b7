// A statement a line in, a line of JSON out.
const { DuckDBInstance } = require('@duckdb/node-api');
const readline = require('readline');

(async () => {
  const db = await DuckDBInstance.create(':memory:', { threads: process.env.BENCH_THREADS || '2' });
  const connection = await db.connect();
  for await (const sql of readline.createInterface({ input: process.stdin })) {
    let out;
    try {
      const began = process.hrtime.bigint();
      const reader = await connection.runAndReadAll(sql);
      const micros = Number((process.hrtime.bigint() - began) / 1000n);
      out = { micros, rows: reader.getRows().map((r) => r.map((v) => String(v))) };
    } catch (e) {
      out = { error: String(e) };
    }
    process.stdout.write(JSON.stringify(out) + '\n');
  }
})();
