import { statement, type Queryable } from './database.ts';

const ALIVE = statement('alive', 'SELECT 1 AS alive');
const DATABASE_MS = 2_000;

/** Resolves to what is wrong with the database; null if it responds. */
export async function databaseProblem(database: Queryable): Promise<string | null> {
  const answered = database.query(ALIVE).then(
    () => null,
    () => 'the database refuses queries',
  );
  const late = new Promise<string>((resolve) => setTimeout(resolve, DATABASE_MS, 'the database does not respond').unref());
  return Promise.race([answered, late]);
}
