import type { DeliveryStatus } from '@posthorn/protocol';
import { statement, type Queryable } from './database.ts';
import { joinBytes } from './joined-bytes.ts';
import { nameArray, plainArray, textArray } from './plain-array.ts';
import { SHARD_COUNT } from '../ids/shard.ts';

/**
 * Why a delivery waits: for its time, for its webhook to be enabled, for room or recovery, or for an earlier delivery.
 */
export type WaitingReason = 'retry' | 'held' | 'backlog' | 'behind';

/** The outcome of a delivery, to be recorded. */
export interface Settlement {
  readonly organizationKey: number;
  readonly shard: number;
  /** The epoch of the lease under which the outcome arose. Outcomes of an outdated epoch are not written. */
  readonly epoch: number;
  readonly deliveryId: string;
  readonly webhookId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly test: boolean;
  readonly status: DeliveryStatus;
  /** Attempts made so far, including this one. */
  readonly attemptCount: number;
  /** The attempt just made, encoded; null: none was made. */
  readonly attempt: string | null;
  /** null: the delivery no longer waits. `scheduledAt` is the time from which `dueAt` was computed. */
  readonly waiting: { readonly reason: WaitingReason; readonly dueAt: Date | 'infinity'; readonly scheduledAt?: Date } | null;
  /** Whether it failed after its last retry, which creates a notice. */
  readonly exhausted: boolean;
  /** The order key; null: the delivery is not ordered. */
  readonly orderKey: string | null;
  /** The transaction that stored the event, which determines its place in the order. */
  readonly eventXid: number;
  /** Whether it had a row in `waiting`. */
  readonly wasWaiting: boolean;
}

/**
 * A node without the lease writes nothing: `$1` is the node, `row` the settlement. `IS TRUE` keeps it a hash lookup
 * (see `appendEvents`): as a join, statistics from a time without leases made it a nested loop over all shards.
 */
const OWNED = '((row.shard, row.epoch) IN (SELECT id, epoch FROM shards WHERE owner = $1)) IS TRUE';

/** A delivery cancelled during its attempt stays cancelled, unless the attempt delivered it. */
function unlessCancelled(known: string): string {
  return `CASE WHEN ${known}.status = 'cancelled' AND excluded.status <> 'delivered' THEN 'cancelled' ELSE excluded.status END`;
}

const FIRST = statement(
  'settle_first',
  `INSERT INTO deliveries (organization_key, id, webhook_id, event_id, event_type, test, status, attempt_count, first_attempt)
   SELECT row.organization_key, row.id, row.webhook_id, row.event_id, row.event_type, row.test, row.status, row.attempt_count,
          substring($12::bytea FROM row.attempt_at FOR row.attempt_bytes)
   FROM unnest($2::int[], $3::int[], $4::int[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[], $9::bool[], $10::text[], $11::int[],
               $13::int[], $14::int[])
     AS row (organization_key, shard, epoch, id, webhook_id, event_id, event_type, test, status, attempt_count, attempt_at, attempt_bytes)
   WHERE ${OWNED}
   ON CONFLICT (organization_key, id) DO UPDATE
     SET status = ${unlessCancelled('deliveries')}, attempt_count = excluded.attempt_count, first_attempt = excluded.first_attempt,
         next_attempt_at = NULL, updated_at = now()`,
);

/** Records deliveries that ended with their first attempt, in one row each. */
export async function settleFirst(queryable: Queryable, nodeId: number, settlements: readonly Settlement[]): Promise<void> {
  const attempts = joinBytes(settlements.map((settlement) => settlement.attempt));
  await queryable.query(FIRST, [
    nodeId,
    ...columns(settlements),
    attempts.bytes,
    plainArray(attempts.offsets),
    plainArray(attempts.lengths),
  ]);
}

/** A delivery that already has a row was cancelled meanwhile, or is already waiting. */
const SPILLED = statement(
  'settle_spilled',
  `WITH recorded AS (
     INSERT INTO deliveries (organization_key, id, webhook_id, event_id, event_type, test, status, attempt_count)
     SELECT row.organization_key, row.id, row.webhook_id, row.event_id, row.event_type, row.test, row.status, row.attempt_count
     FROM unnest($2::int[], $3::int[], $4::int[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[], $9::bool[], $10::text[], $11::int[])
       AS row (organization_key, shard, epoch, id, webhook_id, event_id, event_type, test, status, attempt_count)
     WHERE ${OWNED}
     ON CONFLICT DO NOTHING
     RETURNING organization_key, id, webhook_id, event_id
   )
   INSERT INTO waiting (delivery_id, organization_key, shard, webhook_id, event_id, attempt_count, due_at, reason)
   SELECT id, organization_key, organization_key % $12, webhook_id, event_id, 0, 'infinity', 'backlog' FROM recorded
   ON CONFLICT DO NOTHING`,
);

/**
 * Records fresh deliveries that wait for room in memory or for their endpoint, at a third of the cost of `settleLater`.
 */
export async function settleSpilled(queryable: Queryable, nodeId: number, settlements: readonly Settlement[]): Promise<void> {
  await queryable.query(SPILLED, [nodeId, ...columns(settlements), SHARD_COUNT]);
}

/**
 * A hold locks its webhook before reading the status: enabling it sees the held row, or is seen here. If it need not be
 * held any more, or has no webhook (then it is cancelled), it is due at once. If cancelled meanwhile, only an attempt
 * is recorded.
 */
const LATER = statement(
  'settle_later',
  `WITH input AS MATERIALIZED (
     SELECT row.*, substring($12::bytea FROM row.attempt_at FOR row.attempt_bytes) AS attempt
     FROM unnest($2::int[], $3::int[], $4::int[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[], $9::bool[], $10::text[], $11::int[],
                 $13::int[], $14::int[], $15::text[], $16::timestamptz[], $18::text[], $19::bool[], $20::text[], $21::timestamptz[])
       AS row (organization_key, shard, epoch, id, webhook_id, event_id, event_type, test, status, attempt_count, attempt_at, attempt_bytes,
               reason, due_at, order_key, exhausted, event_xid, scheduled_at)
     WHERE ${OWNED}
   ),
   locked AS MATERIALIZED (SELECT id, status FROM webhooks WHERE id IN (SELECT webhook_id FROM input WHERE reason = 'held') FOR SHARE),
   stopped AS (SELECT id FROM locked WHERE status <> 'active'),
   recorded AS (
     INSERT INTO deliveries AS known
       (organization_key, id, webhook_id, event_id, event_type, test, status, attempt_count, next_attempt_at, first_attempt)
     SELECT organization_key, id, webhook_id, event_id, event_type, test,
            CASE WHEN status = 'held' AND webhook_id NOT IN (SELECT id FROM stopped) THEN 'pending' ELSE status END, attempt_count,
            CASE WHEN due_at < 'infinity' THEN due_at END, CASE WHEN attempt_count = 1 THEN attempt END
     FROM input
     ON CONFLICT (organization_key, id) DO UPDATE
       SET status = ${unlessCancelled('known')}, attempt_count = excluded.attempt_count,
           next_attempt_at = CASE WHEN known.status <> 'cancelled' THEN excluded.next_attempt_at END,
           first_attempt = coalesce(excluded.first_attempt, known.first_attempt), updated_at = now()
       WHERE known.status <> 'cancelled' OR excluded.attempt_count > known.attempt_count
     RETURNING id, status
   ),
   kept AS (SELECT id FROM recorded WHERE status <> 'cancelled'),
   attempted AS (
     INSERT INTO attempts (delivery_id, number, attempt)
     SELECT id, attempt_count, attempt FROM input WHERE attempt IS NOT NULL AND attempt_count > 1
     ON CONFLICT DO NOTHING
   ),
   told AS (
     INSERT INTO notices (type, organization_key, webhook_id, delivery_id, event_id, event_type, attempt_count, happened_at)
     SELECT 'delivery.exhausted', organization_key, webhook_id, id, event_id, event_type, attempt_count, $17
     FROM input WHERE exhausted AND (id IN (SELECT id FROM kept)) IS TRUE
   ),
   ended AS (
     DELETE FROM waiting USING input WHERE waiting.delivery_id = input.id AND input.reason IS NULL
   )
   INSERT INTO waiting (delivery_id, organization_key, shard, webhook_id, event_id, attempt_count, order_key, event_xid, scheduled_at, due_at, reason)
   SELECT id, organization_key, shard, webhook_id, event_id, attempt_count, order_key, event_xid::xid8, coalesce(scheduled_at, $17::timestamptz),
          CASE WHEN reason = 'held' AND webhook_id NOT IN (SELECT id FROM stopped) THEN $17::timestamptz ELSE due_at END,
          CASE WHEN reason = 'held' AND webhook_id NOT IN (SELECT id FROM stopped) THEN 'retry' ELSE reason END
   FROM input WHERE reason IS NOT NULL AND (id IN (SELECT id FROM kept)) IS TRUE
   ON CONFLICT (delivery_id) DO UPDATE
     SET attempt_count = excluded.attempt_count, due_at = excluded.due_at, reason = excluded.reason, order_key = excluded.order_key,
         event_xid = excluded.event_xid, scheduled_at = excluded.scheduled_at`,
);

/** Records all other outcomes: retries, holds, backlog, ends after waiting. `nowMs`: due time if no longer held. */
export async function settleLater(
  queryable: Queryable,
  input: { nodeId: number; nowMs: number; settlements: readonly Settlement[] },
): Promise<void> {
  const { nodeId, nowMs, settlements } = input;
  const attempts = joinBytes(settlements.map((settlement) => settlement.attempt));
  await queryable.query(LATER, [
    nodeId,
    ...columns(settlements),
    attempts.bytes,
    plainArray(attempts.offsets),
    plainArray(attempts.lengths),
    settlements.map((settlement) => settlement.waiting?.reason ?? null),
    settlements.map((settlement) => dueText(settlement)),
    new Date(nowMs),
    textArray(settlements.map((settlement) => settlement.orderKey)),
    plainArray(settlements.map((settlement) => settlement.exhausted)),
    plainArray(settlements.map((settlement) => settlement.eventXid)),
    settlements.map((settlement) => settlement.waiting?.scheduledAt?.toISOString() ?? null),
  ]);
}

function columns(settlements: readonly Settlement[]) {
  return [
    plainArray(settlements.map((settlement) => settlement.organizationKey)),
    plainArray(settlements.map((settlement) => settlement.shard)),
    plainArray(settlements.map((settlement) => settlement.epoch)),
    plainArray(settlements.map((settlement) => settlement.deliveryId)),
    plainArray(settlements.map((settlement) => settlement.webhookId)),
    plainArray(settlements.map((settlement) => settlement.eventId)),
    nameArray(settlements.map((settlement) => settlement.eventType)),
    plainArray(settlements.map((settlement) => settlement.test)),
    nameArray(settlements.map((settlement) => settlement.status)),
    plainArray(settlements.map((settlement) => settlement.attemptCount)),
  ] as const;
}

function dueText({ waiting }: Settlement): string | null {
  if (waiting === null) return null;
  return waiting.dueAt === 'infinity' ? 'infinity' : waiting.dueAt.toISOString();
}
