import { statement, type Queryable } from './database.ts';

/** A request that was begun with an Idempotency-Key. */
export interface IdempotencyRow {
  readonly request_hash: Buffer;
  /** null: it is being worked on. */
  readonly response_status: number | null;
  /** Sealed. */
  readonly response_body: Buffer | null;
}

/** A key whose first request left no answer within the minute is free again: its process died. */
const BEGIN = statement(
  'begin_idempotent',
  `INSERT INTO idempotency_keys AS known (organization_key, key, request_hash, created_at) VALUES ($1, $2, $3, $4)
   ON CONFLICT (organization_key, key) DO UPDATE SET request_hash = excluded.request_hash, response_status = NULL, response_body = NULL,
     created_at = excluded.created_at
   WHERE (known.response_status IS NULL AND known.created_at < $5) OR known.created_at < $6
   RETURNING 1 AS begun`,
);
const READ = statement(
  'read_idempotent',
  'SELECT request_hash, response_status, response_body FROM idempotency_keys WHERE organization_key = $1 AND key = $2',
);

export interface IdempotentRequest {
  /** 0: of the operator, without an organization. */
  readonly organizationKey: number;
  readonly key: string;
  readonly requestHash: Uint8Array;
  readonly now: number;
  /** How long a request may be worked on. */
  readonly workMs: number;
  /** How long an answer is kept. */
  readonly keepMs: number;
}

/** null: the request is the first with its key, and begins now. Otherwise what is known of the first. */
export async function beginIdempotent(queryable: Queryable, request: IdempotentRequest): Promise<IdempotencyRow | null> {
  const { organizationKey, key, requestHash, now, workMs, keepMs } = request;
  const begun = await queryable.query(BEGIN, [
    organizationKey,
    key,
    requestHash,
    new Date(now),
    new Date(now - workMs),
    new Date(now - keepMs),
  ]);
  if (begun.length > 0) return null;
  const [row] = await queryable.query<IdempotencyRow>(READ, [organizationKey, key]);
  // Freed between the two statements: as if it had been free before.
  return row ?? beginIdempotent(queryable, request);
}

/** The work on a key that one request began. */
export interface IdempotentWork {
  readonly organizationKey: number;
  readonly key: string;
  /** Milliseconds since the epoch. Tells it from a later request that took the key over. */
  readonly startedAt: number;
}

/** Only of the request that began it last: one that took longer than its minute has lost the key. */
const END = statement(
  'end_idempotent',
  `UPDATE idempotency_keys SET response_status = $4, response_body = $5
   WHERE organization_key = $1 AND key = $2 AND created_at = $3 AND response_status IS NULL`,
);

export async function endIdempotent(queryable: Queryable, work: IdempotentWork & { status: number; body: Uint8Array }): Promise<void> {
  await queryable.query(END, [work.organizationKey, work.key, new Date(work.startedAt), work.status, work.body]);
}

const FREE = statement(
  'free_idempotent',
  'DELETE FROM idempotency_keys WHERE organization_key = $1 AND key = $2 AND created_at = $3 AND response_status IS NULL',
);

/** The request failed without effect: it may be tried again. */
export async function freeIdempotent(queryable: Queryable, work: IdempotentWork): Promise<void> {
  await queryable.query(FREE, [work.organizationKey, work.key, new Date(work.startedAt)]);
}

const FORGET = statement('forget_idempotent', 'DELETE FROM idempotency_keys WHERE created_at < $1');

export async function forgetIdempotent(queryable: Queryable, before: Date): Promise<void> {
  await queryable.query(FORGET, [before]);
}
