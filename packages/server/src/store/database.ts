/** A named statement, which the database plans once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Types of parameters: strings, numbers, booleans, dates, bytes, null, and arrays of these. */
export type Value = string | number | boolean | Date | Uint8Array | null | readonly Value[];

/** Runs statements: the pool, or one transaction. */
export interface Queryable {
  /**
   * Runs a statement and returns its rows. bigint and xid8 columns are strings, int4 numbers, bytea Buffers,
   * timestamptz Dates, jsonb parsed.
   */
  query<Row>(statement: Statement, values?: readonly Value[]): Promise<Row[]>;
  /** Runs a script of several statements without parameters, for example a migration. */
  script(text: string): Promise<void>;
}

/** A PostgreSQL database, embedded or external. The same SQL runs on both. */
export interface Database extends Queryable {
  /** Commits the changes of `work`, or rolls them back if it throws. */
  transaction<Result>(work: (transaction: Queryable) => Promise<Result>): Promise<Result>;
  /**
   * Listens for notifications on a channel. `onReset` is called when some may have been missed, because the connection
   * was lost. Resolves with a function that stops listening.
   */
  listen(channel: string, onNotify: (payload: string) => void, onReset: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/**
 * Work that a caller adds to the transaction of a change, given its result. If it throws, the change is rolled back.
 */
export type AlsoCommit<Result> = (transaction: Queryable, result: Result) => Promise<void>;

/** Adds nothing to a transaction. */
export const nothingMore: AlsoCommit<unknown> = async () => {};

/** Creates a named statement. */
export function statement(name: string, text: string): Statement {
  return { name, text };
}
