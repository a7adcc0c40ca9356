import { statement, type Queryable } from '../store/database.ts';

export interface ReadinessOptions {
  readonly database: Queryable;
  /** null: it works. */
  readonly engine: { readonly notReady: string | null };
  /** null: the disk of the database has room, as far as is known. */
  readonly diskProblem: () => Promise<string | null>;
}

const ALIVE = statement('alive', 'SELECT 1 AS alive');
const DATABASE_MS = 2_000;

/** Whether the server can take requests. */
export class Readiness {
  readonly #options: ReadinessOptions;
  #stopping = false;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** From now on the server is not ready: it stops once nobody sends requests any more. */
  announceStop(): void {
    this.#stopping = true;
  }

  /** What is missing; none: the server is ready. */
  async problems(): Promise<string[]> {
    const { database, engine, diskProblem } = this.#options;
    const stopping = this.#stopping ? 'the server is stopping' : null;
    const found = [stopping, ...(await Promise.all([databaseProblem(database), diskProblem()])), engine.notReady];
    return found.filter((problem) => problem !== null);
  }
}

async function databaseProblem(database: Queryable): Promise<string | null> {
  const answered = database.query(ALIVE).then(
    () => null,
    () => 'the database refuses queries',
  );
  const late = new Promise<string>((resolve) => setTimeout(resolve, DATABASE_MS, 'the database does not answer').unref());
  return Promise.race([answered, late]);
}
