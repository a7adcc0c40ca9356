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

/** The SQLSTATE of a database error, or the system's code of a broken connection (EPIPE); null: it has neither. */
export function sqlState(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/**
 * Whether the database returned an error, so that nothing was stored. False if the connection broke (EPIPE has five
 * letters too) or the server stopped meanwhile (classes 08, 57, 58, XX): then it may be committed, now or later.
 */
export function isRolledBack(error: unknown): boolean {
  const code = sqlState(error);
  return code !== null && /^(?:\d\d|F0|HV|P0)[0-9A-Z]{3}$/.test(code) && !/^(?:08|57|58)/.test(code);
}

/** SQLSTATE class 22: the data is invalid. */
export function isDataError(error: unknown): boolean {
  return /^22[0-9A-Z]{3}$/.test(sqlState(error) ?? '');
}

/**
 * SQLSTATE classes of lost or refused connections, a stopping or full server and deadlocks; codes of broken sockets.
 */
const PASSING_CODE = /^(?:(?:08|40|53|58)[0-9A-Z]{3}|57P\d\d|E(?:[A-Z]+|AI_AGAIN))$/;
/** Errors of the driver without a code: a connection ended during a statement, or none was available in time. */
const PASSING_MESSAGE =
  /^(?:Connection terminated|Client (?:has encountered|was closed)|timeout (?:exceeded when|expired)|There was an error establishing|Cannot use a pool|The database server stopped responding)/;

/** Whether the database failed temporarily, so that a retry may succeed. Any other error is a bug. */
export function isPassing(error: unknown): boolean {
  const code = sqlState(error);
  return code === null ? error instanceof Error && PASSING_MESSAGE.test(error.message) : PASSING_CODE.test(code);
}

/** Whether an error or its cause means that the database is unreachable or full. A deadlock doesn't count. */
export function isOutage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isPassing(cause) && sqlState(cause)?.startsWith('40') !== true) return true;
  }
  return false;
}
