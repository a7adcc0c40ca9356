/** An error returned by the server, with its SQLSTATE. */
export function databaseError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** The driver's error if a connection ends during a statement, whose outcome is then unknown. */
export function connectionLost(): Error {
  return new Error('Connection terminated unexpectedly');
}

/** The error if no server listens. */
export function connectionRefused(): Error {
  return databaseError('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5432');
}
