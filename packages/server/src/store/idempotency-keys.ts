import { statement, type Queryable } from './database.ts';

/** A request with an Idempotency-Key. */
export interface IdempotencyRow {
  readonly request_hash: Buffer;
  /** null: the request is still being processed. */
  readonly response_status: number | null;
  /** Sealed. */
  readonly response_body: Buffer | null;
}

/**
 * A key without a response after a minute is free again, because its process died. `progress` contains what that
 * request committed, and the same request continues from there.
 */
const BEGIN = statement(
  'begin_idempotent',
  `INSERT INTO idempotency_keys AS known (organization_key, key, request_hash, created_at) VALUES ($1, $2, $3, $4)
   ON CONFLICT (organization_key, key) DO UPDATE SET request_hash = excluded.request_hash, response_status = NULL, response_body = NULL,
     created_at = excluded.created_at,
     progress = CASE WHEN known.created_at >= $6 AND known.request_hash = excluded.request_hash THEN known.progress END
   WHERE (known.response_status IS NULL AND known.created_at < $5) OR known.created_at < $6
   RETURNING progress`,
);
const READ = statement(
  'read_idempotent',
  'SELECT request_hash, response_status, response_body FROM idempotency_keys WHERE organization_key = $1 AND key = $2',
);

export interface IdempotentRequest {
  /** 0: the operator's request, without an organization. */
  readonly organizationKey: number;
  readonly key: string;
  readonly requestHash: Uint8Array;
  readonly now: number;
  /** How long a request may be processed. */
  readonly workMs: number;
  /** How long a response is kept. */
  readonly keepMs: number;
}

export type IdempotentStart =
  /** The first request with its key, or one that continues after its process died. `progress`: sealed, or null. */
  { readonly state: 'begun'; readonly progress: Buffer | null } | { readonly state: 'known'; readonly row: IdempotencyRow };

/** Begins a request, or returns the row of the first request with its key. */
export async function beginIdempotent(queryable: Queryable, request: IdempotentRequest): Promise<IdempotentStart> {
  const { organizationKey, key, requestHash, now, workMs, keepMs } = request;
  const [begun] = await queryable.query<{ progress: Buffer | null }>(BEGIN, [
    organizationKey,
    key,
    requestHash,
    new Date(now),
    new Date(now - workMs),
    new Date(now - keepMs),
  ]);
  if (begun) return { state: 'begun', progress: begun.progress };
  const [row] = await queryable.query<IdempotencyRow>(READ, [organizationKey, key]);
  // The key was freed between the two statements.
  return row ? { state: 'known', row } : beginIdempotent(queryable, request);
}

/** A request's work on its key. */
export interface IdempotentWork {
  readonly organizationKey: number;
  readonly key: string;
  /** Milliseconds since the epoch. Distinguishes it from a later request that took over the key. */
  readonly startedAt: number;
}

/** Only for the latest request: one that took longer than a minute has lost the key. */
const END = statement(
  'end_idempotent',
  `UPDATE idempotency_keys SET response_status = $4, response_body = $5, progress = NULL
   WHERE organization_key = $1 AND key = $2 AND created_at = $3 RETURNING 1 AS kept`,
);

/** Stores the response. Returns false if another request has taken over the key. */
export async function endIdempotent(queryable: Queryable, work: IdempotentWork & { status: number; body: Uint8Array }): Promise<boolean> {
  const values = [work.organizationKey, work.key, new Date(work.startedAt), work.status, work.body];
  return (await queryable.query(END, values)).length > 0;
}

const ADVANCE = statement(
  'advance_idempotent',
  `UPDATE idempotency_keys SET progress = $4
   WHERE organization_key = $1 AND key = $2 AND created_at = $3 AND response_status IS NULL RETURNING 1 AS kept`,
);

/** Stores the request's progress. Returns false if another request has taken over the key. */
export async function advanceIdempotent(queryable: Queryable, work: IdempotentWork & { progress: Uint8Array }): Promise<boolean> {
  const values = [work.organizationKey, work.key, new Date(work.startedAt), work.progress];
  return (await queryable.query(ADVANCE, values)).length > 0;
}

const FREE = statement(
  'free_idempotent',
  `WITH unchanged AS (
     DELETE FROM idempotency_keys
     WHERE organization_key = $1 AND key = $2 AND created_at = $3 AND response_status IS NULL AND progress IS NULL
   )
   UPDATE idempotency_keys SET created_at = $4
   WHERE organization_key = $1 AND key = $2 AND created_at = $3 AND response_status IS NULL AND progress IS NOT NULL`,
);

/**
 * The request failed with a server error. Frees its key, unless part of its change is committed: then a repeat gets the
 * stored response, or continues from the stored progress. `workMs`: how long a request may be processed.
 */
export async function freeIdempotent(queryable: Queryable, work: IdempotentWork, workMs: number): Promise<void> {
  const { organizationKey, key, startedAt } = work;
  await queryable.query(FREE, [organizationKey, key, new Date(startedAt), new Date(startedAt - workMs - 1)]);
}

const FORGET = statement('forget_idempotent', 'DELETE FROM idempotency_keys WHERE created_at < $1');

export async function forgetIdempotent(queryable: Queryable, before: Date): Promise<void> {
  await queryable.query(FORGET, [before]);
}
