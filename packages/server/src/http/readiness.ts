import { statement, type Queryable } from '../store/database.ts';

export interface ReadinessOptions {
  readonly database: Queryable;
  /** null if the engine works. */
  readonly engine: { readonly notReady: string | null };
  /** Resolves to null if the database's disk has room, as far as is known. */
  readonly diskProblem: () => Promise<string | null>;
}

const ALIVE = statement('alive', 'SELECT 1 AS alive');
const DATABASE_MS = 2_000;

/** Reports whether the server accepts requests. */
export class Readiness {
  readonly #options: ReadinessOptions;
  #stopping = false;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** Makes the server not ready, so that load balancers stop sending requests before it stops. */
  announceStop(): void {
    this.#stopping = true;
  }

  /** Returns why the server is not ready; empty if it is. */
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
  const late = new Promise<string>((resolve) => setTimeout(resolve, DATABASE_MS, 'the database does not respond').unref());
  return Promise.race([answered, late]);
}
