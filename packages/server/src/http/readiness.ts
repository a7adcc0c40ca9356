export interface ReadinessOptions {
  /** null: the database answers. */
  readonly databaseProblem: () => Promise<string | null>;
  /** null if the engine works. */
  readonly engine: { readonly notReady: string | null };
  /** Resolves to null if the database's disk has room, as far as is known. */
  readonly diskProblem: () => Promise<string | null>;
}

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
    const { databaseProblem, engine, diskProblem } = this.#options;
    const stopping = this.#stopping ? 'the server is stopping' : null;
    const found = [stopping, ...(await Promise.all([databaseProblem(), diskProblem()])), engine.notReady];
    return found.filter((problem) => problem !== null);
  }
}
