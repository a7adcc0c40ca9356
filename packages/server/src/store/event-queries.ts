import { boundedScan, SCAN_ROWS, scannedRows, type Scanned, type ScanMarks } from './bounded-scan.ts';
import { statement, type Queryable } from './database.ts';

/** A listed event, without its large fields. */
export interface ListedEventRow {
  readonly id: string;
  readonly type: string;
  readonly scope: string | null;
  readonly subject_kind: string | null;
  readonly subject_id: string | null;
  readonly external_id: string | null;
  readonly test: boolean;
}

/** An event with all fields. */
export interface EventRow extends ListedEventRow {
  /** As JSON. */
  readonly sender: string | null;
  readonly data: Buffer | null;
  readonly data_start: number | null;
  readonly data_length: number | null;
  readonly body: Buffer;
  readonly webhook_ids: string[];
}

const LISTED = 'id, type, scope, subject_kind, subject_id, external_id, test';
/** The sender as text: the driver would parse its numbers as doubles. */
const COLUMNS = `${LISTED}, sender::text AS sender, data, data_start, data_length, body, webhook_ids`;

export interface EventQuery {
  readonly organizationKey: number;
  /** Ids from here (inclusive) … */
  readonly from: string;
  /** … to here (exclusive): the cursor, or the end of the time span. */
  readonly below: string;
  readonly type: string | null;
  readonly scope: string | null;
  readonly limit: number;
}

const FILTER = '($4::text IS NULL OR type = $4) AND ($5::text IS NULL OR scope = $5)';
const PAGE = { columns: LISTED, order: 'id DESC', filter: FILTER, limit: '$6', scanRows: '$7' };

/** Index: the primary key, backwards. The bounds on the id select the partitions. */
const LIST = statement('list_events', boundedScan({ ...PAGE, rows: 'FROM events WHERE organization_key = $1 AND id >= $2 AND id < $3' }));

/** Newest first. */
export async function listEvents(queryable: Queryable, query: EventQuery): Promise<Scanned<ListedEventRow>> {
  return scannedRows(await queryable.query<ListedEventRow & ScanMarks>(LIST, valuesOf(query)));
}

/** Index: events_subject, backwards. */
const OF_SUBJECT = statement(
  'list_events_of_subject',
  boundedScan({
    ...PAGE,
    rows: 'FROM events WHERE organization_key = $1 AND id >= $2 AND id < $3 AND subject_kind = $8 AND subject_id = $9',
  }),
);

/** Lists the events of a subject, newest first. */
export async function listEventsOfSubject(
  queryable: Queryable,
  query: EventQuery,
  subject: { kind: string; id: string },
): Promise<Scanned<ListedEventRow>> {
  const values = [...valuesOf(query), subject.kind, subject.id];
  return scannedRows(await queryable.query<ListedEventRow & ScanMarks>(OF_SUBJECT, values));
}

function valuesOf({ organizationKey, from, below, type, scope, limit }: EventQuery) {
  return [organizationKey, from, below, type, scope, limit, SCAN_ROWS];
}

const BY_ID = statement('event_by_id', `SELECT ${COLUMNS} FROM events WHERE organization_key = $1 AND id = $2`);
const BY_EXTERNAL_ID = statement(
  'event_by_external_id',
  `SELECT ${COLUMNS} FROM events
   WHERE organization_key = $1
     AND id = (SELECT event_id FROM event_ids WHERE event_ids.organization_key = $1 AND event_ids.external_id = $2)`,
);

export async function eventById(queryable: Queryable, organizationKey: number, id: string): Promise<EventRow | null> {
  const [row] = await queryable.query<EventRow>(BY_ID, [organizationKey, id]);
  return row ?? null;
}

/** Finds an event by the id that the caller assigned. */
export async function eventByExternalId(queryable: Queryable, organizationKey: number, externalId: string): Promise<EventRow | null> {
  const [row] = await queryable.query<EventRow>(BY_EXTERNAL_ID, [organizationKey, externalId]);
  return row ?? null;
}
