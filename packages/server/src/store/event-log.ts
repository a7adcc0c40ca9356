import { statement, type Queryable } from './database.ts';
import { joinBytes } from './joined-bytes.ts';
import { nameArray, plainArray, textArray } from './plain-array.ts';

/** An event ready to be stored, with its matching webhooks. */
export interface NewEvent {
  readonly organizationKey: number;
  /** The organization's version at the time of matching. */
  readonly organizationVersion: number;
  readonly id: string;
  readonly shard: number;
  /** The node that holds it in memory; null: this node doesn't own the shard. Set when the event is stored. */
  claimedBy: number | null;
  readonly type: string;
  readonly scope: string | null;
  readonly subjectKind: string | null;
  readonly subjectId: string | null;
  readonly externalId: string | null;
  readonly test: boolean;
  /** JSON text. */
  readonly sender: string | null;
  /** null: the body contains the data unchanged, at `dataStart`. */
  readonly data: Uint8Array | null;
  readonly dataStart: number | null;
  readonly dataLength: number | null;
  readonly body: Uint8Array;
  readonly webhookIds: readonly string[];
  /** Whether one of the webhooks is ordered. */
  readonly ordered: boolean;
}

export interface AppendResult {
  /** The transaction that stored them. */
  readonly xid: number;
  /** Organizations that changed or were deleted since the matching. None of their events were stored. */
  readonly staleOrganizations: ReadonlySet<number>;
  /** Ids of the stored events that brought their own id. The others' ids existed already. */
  readonly fresh: ReadonlySet<string>;
}

const COLUMNS = `
  organization_key, id, shard, claimed_by, type, scope, subject_kind, subject_id, external_id, test, sender,
  data, data_start, data_length, body, webhook_ids`;

/**
 * `IS TRUE` makes the planner hash the list once; a join would scan all rows for each key of the list. The version
 * check makes a webhook count from the moment its creation is confirmed, whichever node matched the event.
 */
const INPUT = `
  current AS MATERIALIZED (
    SELECT seen.key FROM unnest($1::int[], $2::int[]) AS seen (key, version)
    WHERE seen.version = (SELECT version FROM organizations WHERE organizations.key = seen.key AND deleted_at IS NULL)
  ),
  input AS (
    SELECT row.organization_key, row.id, row.shard, row.claimed_by, row.type, row.scope, row.subject_kind, row.subject_id,
           row.external_id, row.test, row.sender::jsonb AS sender,
           substring($14::bytea FROM row.data_at FOR row.data_bytes) AS data, row.data_start, row.data_length,
           substring($19::bytea FROM row.body_at FOR row.body_bytes) AS body, row.webhook_ids::uuid[] AS webhook_ids
    FROM unnest($3::int[], $4::uuid[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
                $12::bool[], $13::text[], $15::int[], $16::int[], $17::int[], $18::int[], $20::int[], $21::int[], $22::text[])
      AS row (organization_key, id, shard, claimed_by, type, scope, subject_kind, subject_id, external_id,
              test, sender, data_at, data_bytes, data_start, data_length, body_at, body_bytes, webhook_ids)
    WHERE (row.organization_key IN (SELECT key FROM current)) IS TRUE
  )`;

const APPEND = statement(
  'append_events',
  `WITH ${INPUT},
   stored AS (INSERT INTO events (${COLUMNS}) SELECT ${COLUMNS} FROM input)
   SELECT pg_current_xact_id()::text AS xid, ARRAY(SELECT key FROM current) AS current, '{}'::uuid[] AS fresh`,
);

/** Ids are inserted in a fixed order, so that two batches cannot deadlock. */
const APPEND_WITH_IDS = statement(
  'append_events_with_ids',
  `WITH ${INPUT},
   fresh AS (
     INSERT INTO event_ids (organization_key, external_id, event_id)
     SELECT organization_key, external_id, id FROM input WHERE external_id IS NOT NULL
     ORDER BY organization_key, external_id
     ON CONFLICT DO NOTHING
     RETURNING event_id
   ),
   stored AS (
     INSERT INTO events (${COLUMNS})
     SELECT ${COLUMNS} FROM input WHERE external_id IS NULL OR id IN (SELECT event_id FROM fresh)
   )
   SELECT pg_current_xact_id()::text AS xid, ARRAY(SELECT key FROM current) AS current, ARRAY(SELECT event_id FROM fresh) AS fresh`,
);

interface AppendRow {
  readonly xid: string;
  readonly current: number[];
  readonly fresh: string[];
}

/** Stores events with their matches in one statement. External ids must be unique within a call. */
export async function appendEvents(queryable: Queryable, events: readonly NewEvent[]): Promise<AppendResult> {
  const versions = new Map<number, number>();
  for (const { organizationKey, organizationVersion } of events) {
    versions.set(organizationKey, Math.min(organizationVersion, versions.get(organizationKey) ?? organizationVersion));
  }
  const bodies = joinBytes(events.map((event) => event.body));
  const data = joinBytes(events.map((event) => event.data));
  const withIds = events.some((event) => event.externalId !== null);
  const [row] = await queryable.query<AppendRow>(withIds ? APPEND_WITH_IDS : APPEND, [
    plainArray([...versions.keys()]),
    plainArray([...versions.values()]),
    plainArray(events.map((event) => event.organizationKey)),
    plainArray(events.map((event) => event.id)),
    plainArray(events.map((event) => event.shard)),
    plainArray(events.map((event) => event.claimedBy)),
    nameArray(events.map((event) => event.type)),
    textArray(events.map((event) => event.scope)),
    textArray(events.map((event) => event.subjectKind)),
    textArray(events.map((event) => event.subjectId)),
    textArray(events.map((event) => event.externalId)),
    plainArray(events.map((event) => event.test)),
    textArray(events.map((event) => event.sender)),
    data.bytes,
    plainArray(data.offsets),
    plainArray(data.lengths),
    plainArray(events.map((event) => event.dataStart)),
    plainArray(events.map((event) => event.dataLength)),
    bodies.bytes,
    plainArray(bodies.offsets),
    plainArray(bodies.lengths),
    nameArray(events.map((event) => `{${event.webhookIds.join(',')}}`)),
  ]);
  if (!row) throw new Error('The append returned no row.');
  const current = new Set(row.current);
  return {
    xid: Number(row.xid),
    staleOrganizations: new Set([...versions.keys()].filter((key) => !current.has(key))),
    fresh: new Set(row.fresh),
  };
}

const FIRST_ANSWERS = statement(
  'first_answers',
  `SELECT ids.organization_key, ids.external_id, ids.event_id, cardinality(events.webhook_ids) AS deliveries
   FROM unnest($1::int[], $2::text[]) AS asked (organization_key, external_id)
   JOIN event_ids ids USING (organization_key, external_id)
   LEFT JOIN events ON events.organization_key = ids.organization_key AND events.id = ids.event_id`,
);

export interface FirstAnswer {
  readonly organization_key: number;
  readonly external_id: string;
  readonly event_id: string;
  readonly deliveries: number | null;
}

/** Returns the responses that the first events with these ids got. */
export function firstAnswers(
  queryable: Queryable,
  asked: readonly { organizationKey: number; externalId: string }[],
): Promise<FirstAnswer[]> {
  return queryable.query<FirstAnswer>(FIRST_ANSWERS, [asked.map((one) => one.organizationKey), asked.map((one) => one.externalId)]);
}

/** Index: the primary key, one partition per id. */
const WITH_GIVEN_IDS = statement(
  'events_with_given_ids',
  `SELECT events.organization_key, events.id FROM unnest($1::int[], $2::uuid[]) AS asked (organization_key, id)
   JOIN events ON events.organization_key = asked.organization_key AND events.id = asked.id
   WHERE events.external_id IS NULL`,
);

/** Returns which of these ids Posthorn assigned to events. */
export function eventsWithGivenIds(
  queryable: Queryable,
  asked: readonly { organizationKey: number; id: string }[],
): Promise<{ readonly organization_key: number; readonly id: string }[]> {
  return queryable.query(WITH_GIVEN_IDS, [asked.map((one) => one.organizationKey), asked.map((one) => one.id)]);
}
