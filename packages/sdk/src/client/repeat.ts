import { PosthornApiError, PosthornConnectionError } from './api-error.ts';

/** What decides whether a call may be repeated. */
export interface RepeatableCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** It names the version that it changes: carried out once, it would be refused the second time. */
  readonly namesVersion: boolean;
}

const FIRST_WAIT_MS = 200;
const LONGEST_BACKOFF_MS = 10_000;
/** If the server asks for more, the caller gets the error instead. */
const LONGEST_WAIT_MS = 60_000;
/** Statuses after which another try may succeed: overloaded servers, and proxies that got no answer. */
const PASSING = new Set([429, 502, 503, 504]);
/** With these the server says that it has done nothing. */
const NOTHING_DONE: ReadonlySet<string> = new Set(['overloaded', 'maintenance', 'rate_limited']);

/** Grows with every try. `random`, 0 to 1, spreads the tries of many clients. */
export function backoff(tries: number, random: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_WAIT_MS * 2 ** tries) * (0.5 + random);
}

/** How long to wait before the call is repeated, in milliseconds; null: it must not be, or a repeat would not help. */
export function waitBeforeRepeat(error: unknown, call: RepeatableCall, backoffMs: number): number | null {
  if (!mayRepeat(error, call)) return null;
  const asked = error instanceof PosthornApiError ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
  return asked <= LONGEST_WAIT_MS ? Math.max(asked, backoffMs) : null;
}

function mayRepeat(error: unknown, call: RepeatableCall): boolean {
  if (error instanceof PosthornConnectionError) return isHarmless(call);
  if (!(error instanceof PosthornApiError)) return false;
  // An earlier try, whose answer was lost, is still being worked on.
  if (error.code === 'idempotency_in_flight') return true;
  if (!PASSING.has(error.status)) return false;
  return error.status === 429 || NOTHING_DONE.has(error.code) || isHarmless(call);
}

/**
 * Whether a call that may have been carried out can be repeated: a GET changes nothing, every POST carries an `Idempotency-Key`,
 * and a PUT says how things shall be.
 */
function isHarmless({ method, namesVersion }: RepeatableCall): boolean {
  return !namesVersion && (method === 'GET' || method === 'POST' || method === 'PUT');
}

/** The seconds of a `Retry-After`, or until its date by the clock of the server that gave it; null: there is none. */
export function retryAfterOf(headers: Headers): number | null {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const seconds = (Date.parse(value) - Date.parse(headers.get('date') ?? '')) / 1_000;
  return Number.isNaN(seconds) ? null : Math.max(0, Math.ceil(seconds));
}
