/** A statement with a name, so that the database plans it once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What a parameter may be: strings, numbers, booleans, dates, bytes, null, and arrays of these. */
export type Value = string | number | boolean | Date | Uint8Array | null | readonly Value[];

/** Whatever runs statements: the pool, or one transaction. */
export interface Queryable {
  /** Runs one statement and answers its rows. bigint and xid8 columns arrive as strings, int4 as numbers, bytea as Buffer, timestamptz as Date, jsonb parsed. */
  query<Row>(statement: Statement, values?: readonly Value[]): Promise<Row[]>;
  /** Runs a script of several statements without parameters (migrations, partitions). */
  script(text: string): Promise<void>;
}

/** PostgreSQL, in the process or beside it. The same SQL runs on both. */
export interface Database extends Queryable {
  /** Commits what `work` did, or rolls all of it back when it throws. */
  transaction<Result>(work: (transaction: Queryable) => Promise<Result>): Promise<Result>;
  /**
   * Hears notifications on a channel. `onReset` is called when some may have been missed (a lost connection).
   * Answers a function that stops listening.
   */
  listen(channel: string, onNotify: (payload: string) => void, onReset: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Work that a caller adds to the transaction of a change, given its result. If it throws, the change is rolled back. */
export type AlsoCommit<Result> = (transaction: Queryable, result: Result) => Promise<void>;

/** Adds nothing. */
export const nothingMore: AlsoCommit<unknown> = async () => {};

/** Names a statement. */
export function statement(name: string, text: string): Statement {
  return { name, text };
}

/** The SQLSTATE of an error that the database answered, or the system's code for a connection that failed (EPIPE); null: it has neither. */
export function sqlState(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/**
 * Whether the database answered with an error, so that nothing of the statement or transaction is stored. Not so where the
 * connection failed (EPIPE too has five letters), or the server while it ended (classes 08, 57, 58, XX): then it may be
 * committed, or may yet be.
 */
export function isRolledBack(error: unknown): boolean {
  const code = sqlState(error);
  return code !== null && /^(?:\d\d|F0|HV|P0)[0-9A-Z]{3}$/.test(code) && !/^(?:08|57|58)/.test(code);
}

/** SQLSTATE class 22: the data itself is refused. */
export function isDataError(error: unknown): boolean {
  return /^22[0-9A-Z]{3}$/.test(sqlState(error) ?? '');
}

/** SQLSTATE classes of a connection lost or refused, a server that stops or has no room, a deadlock; codes of sockets that failed. */
const PASSING_CODE = /^(?:(?:08|40|53|58)[0-9A-Z]{3}|57P\d\d|E(?:[A-Z]+|AI_AGAIN))$/;
/** The driver says it without a code when a connection ends under a statement, or none is to be had in time. */
const PASSING_MESSAGE =
  /^(?:Connection terminated|Client (?:has encountered|was closed)|timeout (?:exceeded when|expired)|There was an error establishing|Cannot use a pool|The database server says nothing)/;

/** Whether the database could not do it now, and another try may succeed. Everything else is a fault. */
export function isPassing(error: unknown): boolean {
  const code = sqlState(error);
  return code === null ? error instanceof Error && PASSING_MESSAGE.test(error.message) : PASSING_CODE.test(code);
}

/** Whether an error, or what caused it, comes from a database that cannot be reached or has no room. A deadlock does not. */
export function isOutage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isPassing(cause) && sqlState(cause)?.startsWith('40') !== true) return true;
  }
  return false;
}
