import { PosthornApiError, PosthornConnectionError } from './api-error.ts';

/** The parts of a call that decide whether it may be retried. */
export interface RepeatableCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Whether it names the version that it changes: a second try of one that succeeded would be refused. */
  readonly namesVersion: boolean;
}

const FIRST_WAIT_MS = 200;
const LONGEST_BACKOFF_MS = 10_000;
/** If the server asks for a longer wait, the call throws instead. */
const LONGEST_WAIT_MS = 60_000;
/** Statuses after which a retry may succeed: from overloaded servers, and from proxies that got no response. */
const PASSING = new Set([429, 502, 503, 504]);
/** Codes that mean that the server has done nothing. */
const NOTHING_DONE: ReadonlySet<string> = new Set(['overloaded', 'maintenance', 'rate_limited']);

/** Returns a wait that grows with every try. `random`, 0 to 1, spreads the retries of many clients. */
export function backoff(tries: number, random: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_WAIT_MS * 2 ** tries) * (0.5 + random);
}

/** Returns how long to wait before a retry, in milliseconds; null if a retry could do harm or would not help. */
export function waitBeforeRepeat(error: unknown, call: RepeatableCall, backoffMs: number): number | null {
  if (!mayRepeat(error, call)) return null;
  const asked = error instanceof PosthornApiError ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
  return asked <= LONGEST_WAIT_MS ? Math.max(asked, backoffMs) : null;
}

function mayRepeat(error: unknown, call: RepeatableCall): boolean {
  if (error instanceof PosthornConnectionError) return isHarmless(call);
  if (!(error instanceof PosthornApiError)) return false;
  // An earlier try, whose response was lost, is still in progress.
  if (error.code === 'idempotency_in_flight') return true;
  if (!PASSING.has(error.status)) return false;
  return error.status === 429 || NOTHING_DONE.has(error.code) || isHarmless(call);
}

/**
 * Whether a call that may have succeeded can be retried: a GET changes nothing, every POST has an `Idempotency-Key`,
 * and a PUT sets the whole state.
 */
function isHarmless({ method, namesVersion }: RepeatableCall): boolean {
  return !namesVersion && (method === 'GET' || method === 'POST' || method === 'PUT');
}

/** Returns the seconds in `Retry-After`, or until its date by the server's clock; null if the header is missing. */
export function retryAfterOf(headers: Headers): number | null {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const seconds = (Date.parse(value) - Date.parse(headers.get('date') ?? '')) / 1_000;
  return Number.isNaN(seconds) ? null : Math.max(0, Math.ceil(seconds));
}
