/**
 * What the items of one request share while they wait to be stored. Until a statement with one of them begins, the request can
 * be refused as a whole; from then on it waits for the outcome.
 */
export interface RequestTicket {
  /** When the request was ready to be stored, by `performance.now()`. */
  readonly since: number;
  state: 'waiting' | 'begun' | 'refused';
}

/** How long a request may wait until the statement that stores it begins. The caller has its answer within two seconds. */
export const MAX_WAIT_MS = 1_500;

export function newTicket(since = performance.now()): RequestTicket {
  return { since, state: 'waiting' };
}
