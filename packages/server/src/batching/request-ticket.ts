/**
 * Shared by all items of a request while they wait to be stored. Until a statement with one of them begins, the request
 * can be refused as a whole; then it waits for the outcome.
 */
export interface RequestTicket {
  /** When the request was ready to be stored, by `performance.now()`. */
  readonly since: number;
  state: 'waiting' | 'begun' | 'refused';
}

/** How long a request may wait until its statement begins, so that the caller has a response within two seconds. */
export const MAX_WAIT_MS = 1_500;

export function newTicket(since = performance.now()): RequestTicket {
  return { since, state: 'waiting' };
}
