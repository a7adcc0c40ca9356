import { TABLE_NAMES, type Change, type Rows, type TableName, type Tables } from './rows.ts';

/** The parts of the server that a transaction needs. */
export interface TransactionHost {
  readonly tables: Tables;
  /** The running transaction that has written or locked a row. */
  readonly locks: Map<string, SimulatedTransaction>;
  assignXid(transaction: SimulatedTransaction): number;
}

/** A statement must wait until another transaction ends, and is then run again. */
export class Blocked extends Error {
  readonly by: SimulatedTransaction;

  constructor(by: SimulatedTransaction) {
    super('The row is locked.');
    this.by = by;
  }
}

type Overlay = { readonly [Name in TableName]?: Map<string, Rows[Name] | null> };

/** A transaction's view of a table: committed rows, and those that it wrote. */
export interface TableView<Row> {
  get(key: string): Row | undefined;
  rows(): Row[];
  put(key: string, row: Row): void;
  remove(key: string): void;
  /** `FOR UPDATE`. */
  lock(key: string): void;
}

/** A transaction at isolation level READ COMMITTED: each statement sees what is committed when it runs. */
export class SimulatedTransaction {
  readonly startedAt: number;
  readonly notifications: string[] = [];
  xid: number | null = null;
  hasEnded = false;
  /** The transaction whose locks its statement waits for. */
  waitsFor: SimulatedTransaction | null = null;
  /** Called when it has ended and its locks are released. */
  readonly onEnd: (() => void)[] = [];
  readonly #host: TransactionHost;
  #overlay: Overlay = {};
  #locked: string[] = [];

  constructor(host: TransactionHost, startedAt: number) {
    this.#host = host;
    this.startedAt = startedAt;
  }

  /** Runs a statement. If it throws, nothing is changed. */
  statement<Result>(run: () => Result): Result {
    const overlay = this.#overlay;
    const copies = TABLE_NAMES.flatMap((name) => {
      const written = overlay[name];
      return written ? [[name, new Map<string, unknown>(written)] as const] : [];
    });
    const [locked, notified] = [this.#locked.length, this.notifications.length];
    try {
      return run();
    } catch (error) {
      this.#overlay = Object.fromEntries(copies) as Overlay;
      for (const name of this.#locked.splice(locked)) this.#host.locks.delete(name);
      this.notifications.splice(notified);
      throw error;
    }
  }

  currentXid(): number {
    return (this.xid ??= this.#host.assignXid(this));
  }

  table<Name extends TableName>(name: Name): TableView<Rows[Name]> {
    const committed = this.#host.tables[name] as Map<string, Rows[Name]>;
    const written = (): Map<string, Rows[Name] | null> | undefined => this.#overlay[name];
    const write = (key: string, row: Rows[Name] | null): void => {
      this.#lock(name, key);
      const own = written() ?? new Map<string, Rows[Name] | null>();
      own.set(key, row);
      this.#overlay = { ...this.#overlay, [name]: own };
    };
    return {
      get: (key) => {
        const own = written()?.get(key);
        return own === undefined ? committed.get(key) : (own ?? undefined);
      },
      rows: () => {
        const own = written();
        if (!own) return [...committed.values()];
        const rows = [...committed].filter(([key]) => !own.has(key)).map(([, row]) => row);
        for (const row of own.values()) if (row !== null) rows.push(row);
        return rows;
      },
      put: (key, row) => write(key, row),
      remove: (key) => write(key, null),
      lock: (key) => this.#lock(name, key),
    };
  }

  changes(): Change[] {
    return TABLE_NAMES.flatMap((table) => [...(this.#overlay[table] ?? [])].map(([key, row]) => ({ table, key, row })));
  }

  /** Releases its locks, so that waiting transactions continue. */
  end(): void {
    this.hasEnded = true;
    for (const name of this.#locked) this.#host.locks.delete(name);
    for (const proceed of this.onEnd.splice(0)) proceed();
  }

  /** `pg_advisory_xact_lock`, which takes no transaction id. */
  lockAdvisory(key: number): void {
    this.#lockName(`advisory ${key}`);
  }

  #lock(table: TableName, key: string): void {
    this.currentXid();
    this.#lockName(`${table} ${key}`);
  }

  #lockName(name: string): void {
    const holder = this.#host.locks.get(name);
    if (holder === this) return;
    if (holder) throw new Blocked(holder);
    this.#host.locks.set(name, this);
    this.#locked.push(name);
  }
}
