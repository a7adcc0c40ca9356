import { PGlite, type PGliteInterface, type Transaction } from '@electric-sql/pglite';
import type { Database, Queryable, Statement, Value } from './database.ts';
import { makeDatabaseFiles } from './pglite-files.ts';

/** OIDs of types whose values must be returned as `pg` does. */
const INT8 = 20;
const BYTEA = 17;
const PARSERS = {
  [INT8]: (text: string) => text,
  [BYTEA]: (hex: string) => Buffer.from(hex.slice(2), 'hex'),
};

/**
 * Opens PostgreSQL inside the process, with its files in `dataDir`, which are created if missing. Runs with fsync off:
 * meant for development, without durability.
 */
export async function openPglite(dataDir: string): Promise<Database> {
  await makeDatabaseFiles(dataDir);
  const engine = await PGlite.create({ dataDir });
  return {
    ...runOn(engine),
    transaction: (work) => engine.transaction((transaction) => work(runOn(transaction))),
    async listen(channel, onNotify) {
      return engine.listen(channel, onNotify);
    },
    close: () => engine.close(),
  };
}

function runOn(runner: PGliteInterface | Transaction): Queryable {
  return {
    async query<Row>(statement: Statement, values: readonly Value[] = []): Promise<Row[]> {
      const result = await runner.query<Row>(statement.text, [...values], { parsers: PARSERS });
      return result.rows;
    },
    async script(text) {
      await runner.exec(text);
    },
  };
}
