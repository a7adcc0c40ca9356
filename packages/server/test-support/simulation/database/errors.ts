/** An error that the server answers, with its SQLSTATE. */
export function databaseError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** What the driver says when a connection ends under a statement: nobody knows what became of it. */
export function connectionLost(): Error {
  return new Error('Connection terminated unexpectedly');
}

/** Nothing listens there. */
export function connectionRefused(): Error {
  return databaseError('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5432');
}
