import type { SeededRandom } from '../random.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { databaseError } from './errors.ts';
import { emptyTables, type Change, type Tables } from './rows.ts';
import { Blocked, SimulatedTransaction } from './transaction.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

/** The context in which a statement runs. */
export interface StatementContext {
  readonly transaction: SimulatedTransaction;
  readonly server: DatabaseServer;
  /** `now()`: when the transaction began. */
  readonly now: number;
}

export type Implementation = (context: StatementContext, values: readonly unknown[]) => object[];

/** Settings of the server. */
export interface ServerSettings {
  /** How long commits that are not awaited may stay unflushed. */
  readonly walWriterMs: number;
  /** The maximum time from a transaction's last statement to its commit; usually it is much shorter. */
  readonly maxCommitMs: number;
}

export interface DatabaseServerOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly settings: ServerSettings;
  readonly statements: ReadonlyMap<string, Implementation>;
}

/** Callbacks for events of the server. */
export interface ServerWatcher {
  /** A transaction became visible in the tables. `before` contains the rows that it replaced. */
  readonly onVisible: (changes: readonly Change[], before: readonly Change[]) => void;
  readonly onNotify: (payload: string) => void;
  /** The server went down: every connection is lost. */
  readonly onDown: () => void;
  /** The server crashed, and its tables were recovered from the log. */
  readonly onRecovered: () => void;
  /** The simulation doesn't match the code. */
  readonly onFault: (error: Error) => void;
}

type Done = (error: Error | null, rows: object[]) => void;

/**
 * PostgreSQL as the engine sees it: transaction ids, snapshots, row locks, commits that overtake each other, a
 * write-ahead log, and crashes that lose its end and reuse the transaction ids of what was lost.
 */
export class DatabaseServer {
  readonly locks = new Map<string, SimulatedTransaction>();
  tables: Tables = emptyTables();
  isUp = true;
  /** Incremented by each crash: work from before it is discarded. */
  life = 0;
  watcher: ServerWatcher = {
    onVisible: () => {},
    onNotify: () => {},
    onDown: () => {},
    onRecovered: () => {},
    onFault: (error) => {
      throw error;
    },
  };
  readonly #options: DatabaseServerOptions;
  readonly #wal = new WriteAheadLog();
  readonly #running = new Set<SimulatedTransaction>();
  #nextXid = 1_000;
  #nextNode = 1;

  constructor(options: DatabaseServerOptions) {
    this.#options = options;
    this.#runWalWriter();
  }

  /** `clock_timestamp()`. */
  get clock(): number {
    return this.#options.time.now;
  }

  // Transaction ids

  /** `pg_snapshot_xmax`: the lowest id that is not assigned yet. */
  get nextXid(): number {
    return this.#nextXid;
  }

  /** The lowest id of a running transaction, or the next one. */
  get horizon(): number {
    let lowest = this.#nextXid;
    for (const { xid } of this.#running) if (xid !== null) lowest = Math.min(lowest, xid);
    return lowest;
  }

  assignXid(transaction: SimulatedTransaction): number {
    this.#running.add(transaction);
    return this.#nextXid++;
  }

  /** Transactions that take an id and write nothing. Their ids never reach the log. */
  burnXids(count: number): void {
    this.#nextXid += count;
  }

  nextNodeId(): number {
    return this.#nextNode++;
  }

  newToken(): string {
    return this.#options.random.uuid(this.#options.time.now);
  }

  // Statements

  begin(): SimulatedTransaction {
    return new SimulatedTransaction(this, this.#options.time.now);
  }

  /** Runs a statement after the transactions whose locks it needs. */
  execute(transaction: SimulatedTransaction, statement: { name: string; values: readonly unknown[] }, done: Done): void {
    const implementation = this.#options.statements.get(statement.name);
    if (!implementation) return this.watcher.onFault(new Error(`The simulation does not know the statement "${statement.name}".`));
    const { life } = this;
    const attempt = (): void => {
      if (life !== this.life || transaction.hasEnded) return;
      try {
        const context = { transaction, server: this, now: transaction.startedAt };
        const rows = transaction.statement(() => implementation(context, statement.values));
        if (transaction.xid !== null) this.#wal.append({ xid: transaction.xid, committed: null });
        done(null, rows);
      } catch (error) {
        if (!(error instanceof Blocked)) return done(error instanceof Error ? error : new Error(String(error)), []);
        if (waitsFor(error.by, transaction)) return done(databaseError('40P01', 'deadlock detected'), []);
        transaction.waitsFor = error.by;
        error.by.onEnd.push(() => {
          transaction.waitsFor = null;
          attempt();
        });
      }
    };
    attempt();
  }

  /** Commits. `done` is called when the commit is visible and, if it is durable, on disk. */
  commit(transaction: SimulatedTransaction, isDurable: boolean, done: () => void): void {
    const { life } = this;
    const { time, random, settings } = this.#options;
    const changes = transaction.changes();
    if (transaction.xid === null) return this.#end(transaction, [], done);
    const { xid } = transaction;
    const takesMs = random.chance(0.1) ? random.between(0, settings.maxCommitMs) : random.between(0, 2);
    const show = (): void => {
      if (life === this.life) this.#end(transaction, changes, done);
    };
    time.after(takesMs, null, () => {
      if (life !== this.life) return;
      this.#wal.append({ xid, committed: changes });
      const { end } = this.#wal;
      if (!isDurable) return show();
      time.after(random.between(0.3, 6), null, () => {
        if (life !== this.life) return;
        this.#wal.flush(end);
        // Durable, but not visible yet.
        time.after(random.between(0, 0.5), null, show);
      });
    });
  }

  /** Commits immediately and durably: the initial contents. */
  load(transaction: SimulatedTransaction): void {
    if (transaction.xid !== null) this.#wal.append({ xid: transaction.xid, committed: transaction.changes() });
    this.#wal.flush(this.#wal.end);
    this.#end(transaction, transaction.changes(), () => {});
  }

  rollback(transaction: SimulatedTransaction): void {
    this.#running.delete(transaction);
    transaction.end();
  }

  #end(transaction: SimulatedTransaction, changes: readonly Change[], done: () => void): void {
    const before = changes.map(({ table, key }) => ({ table, key, row: this.tables[table].get(key) ?? null }));
    this.#apply(changes);
    this.#running.delete(transaction);
    this.watcher.onVisible(changes, before);
    transaction.end();
    for (const payload of transaction.notifications) this.watcher.onNotify(payload);
    done();
  }

  #apply(changes: readonly Change[]): void {
    for (const { table, key, row } of changes) {
      const rows = this.tables[table] as Map<string, object>;
      if (row === null) rows.delete(key);
      else rows.set(key, row);
    }
  }

  #runWalWriter(): void {
    const { time, settings } = this.#options;
    time.after(settings.walWriterMs, null, () => {
      if (this.isUp) this.#wal.flush(this.#wal.end);
      this.#runWalWriter();
    });
  }

  // Crashes

  /**
   * Crashes and restarts after a while. Loses some or all of what was not flushed. `lag`: fails over to a replica that
   * lacks the last entries of the log, even flushed ones.
   */
  crash({ downMs, lag = 0 }: { downMs: number; lag?: number }): void {
    const { time, random } = this.#options;
    if (!this.isUp) return;
    this.isUp = false;
    this.life++;
    const { flushed, end } = this.#wal;
    const kept = lag > 0 ? Math.max(0, flushed - lag) : random.chance(0.7) ? flushed : random.integer(flushed, end);
    this.watcher.onDown();
    this.locks.clear();
    this.#running.clear();
    this.#recover(kept);
    this.watcher.onRecovered();
    time.after(downMs, null, () => {
      this.isUp = true;
    });
  }

  #recover(kept: number): void {
    this.tables = emptyTables();
    let highest = 999;
    for (const { xid, committed } of this.#wal.cut(kept)) {
      highest = Math.max(highest, xid);
      if (committed !== null) this.#apply(committed);
    }
    this.#nextXid = highest + 1;
    // The table is unlogged.
    this.tables.log_continuity.clear();
  }
}

/** Whether one transaction waits for the other, directly or indirectly. */
function waitsFor(one: SimulatedTransaction, other: SimulatedTransaction): boolean {
  for (let next: SimulatedTransaction | null = one; next; next = next.waitsFor) if (next === other) return true;
  return false;
}
