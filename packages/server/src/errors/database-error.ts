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
