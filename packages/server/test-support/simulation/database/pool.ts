import type { Database, Queryable, Statement, Value } from '../../../src/store/database.ts';
import type { VirtualTime } from '../virtual-time.ts';
import type { SimulatedProcess } from '../simulated-process.ts';
import { databaseError } from './errors.ts';
import type { DatabaseLink } from './link.ts';
import type { Listeners } from './listeners.ts';
import type { DatabaseServer } from './server.ts';
import type { SimulatedTransaction } from './transaction.ts';

export interface PoolOptions {
  readonly time: VirtualTime;
  readonly server: DatabaseServer;
  readonly link: DatabaseLink;
  readonly listeners: Listeners;
  readonly process: SimulatedProcess;
  /** `synchronous_commit`. */
  readonly durable: boolean;
}

/** Longer than the server takes to notice that a client is gone. */
const ABANDONED_MS = 1_000;

/** A pool of connections to the simulated server, without a limit. */
export function simulatedPool(options: PoolOptions): Database {
  const { server, link, listeners, process, durable } = options;
  return {
    query<Row>({ name }: Statement, values: readonly Value[] = []): Promise<Row[]> {
      return link.call<Row[]>((answer) => {
        const transaction = server.begin();
        server.execute(transaction, { name, values }, (error, rows) => {
          if (error) {
            server.rollback(transaction);
            return answer(error);
          }
          server.commit(transaction, durable, () => answer(null, rows as Row[]));
        });
      });
    },
    script: () => Promise.reject(new Error('The simulation runs no scripts.')),
    async transaction(work) {
      const session = new Session(options);
      try {
        const result = await work(session);
        await session.commit();
        return result;
      } catch (error) {
        await session.rollback().catch(() => {});
        throw error;
      }
    },
    listen: (_channel, onNotify, onReset) => listeners.add({ process, link, onNotify, onReset }),
    close: () => Promise.resolve(),
  };
}

/** A connection with an open transaction, whose statements run one after another. */
class Session implements Queryable {
  readonly #options: PoolOptions;
  readonly #transaction: SimulatedTransaction;
  #previous: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #isCommitting = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#transaction = options.server.begin();
  }

  query<Row>({ name }: Statement, values: readonly Value[] = []): Promise<Row[]> {
    const { server, link } = this.#options;
    return link.call<Row[]>(
      (answer) =>
        this.#inTurn((done) => {
          if (this.#hasFailed || this.#transaction.hasEnded) {
            done();
            return answer(databaseError('25P02', 'current transaction is aborted'));
          }
          server.execute(this.#transaction, { name, values }, (error, rows) => {
            this.#hasFailed ||= error !== null;
            done();
            answer(error, rows as Row[]);
          });
        }),
      () => this.#abandon(),
    );
  }

  script(): Promise<void> {
    return Promise.reject(new Error('The simulation runs no scripts.'));
  }

  commit(): Promise<void> {
    const { server, link, durable } = this.#options;
    return link.call<void>(
      (answer) =>
        this.#inTurn((done) => {
          this.#isCommitting = true;
          if (this.#transaction.hasEnded) {
            done();
            return answer(null);
          }
          server.commit(this.#transaction, durable, () => {
            done();
            answer(null);
          });
        }),
      () => this.#abandon(),
    );
  }

  rollback(): Promise<void> {
    const { server, link } = this.#options;
    return link.call<void>(
      (answer) => {
        if (!this.#transaction.hasEnded && !this.#isCommitting) server.rollback(this.#transaction);
        answer(null);
      },
      () => this.#abandon(),
    );
  }

  /** The connection broke: the server ends the transaction when it notices, unless it is already committing. */
  #abandon(): void {
    const { time, server } = this.#options;
    const { life } = server;
    time.after(ABANDONED_MS, null, () => {
      if (life === server.life && !this.#isCommitting && !this.#transaction.hasEnded) server.rollback(this.#transaction);
    });
  }

  /** Statements are sent without waiting for earlier responses. */
  #inTurn(run: (done: () => void) => void): void {
    this.#previous = this.#previous.then(() => new Promise<void>((resolve) => run(resolve)));
  }
}
