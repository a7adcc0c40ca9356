import { parseJson, PosthornError, type Json, type JsonObject, type Subject } from '@posthorn/protocol';
import { timeOfId } from '../ids/uuid-time.ts';
import type { Queryable } from '../store/database.ts';
import { listEvents, listEventsOfSubject, type EventQuery, type EventRow, type ListedEventRow } from '../store/event-queries.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { deliveryOf, type Delivery } from './delivery.ts';
import { deliveriesOf } from './find-deliveries.ts';
import { findEvent } from './find-event.ts';

/** An event as lists show it: its data comes with the event itself. */
export interface ListedEvent {
  /** The id that Posthorn gave. */
  readonly ownId: string;
  /** The id of the caller, if it brought one; else the one that Posthorn gave. */
  readonly id: string;
  readonly type: string;
  readonly scope: string | null;
  readonly subject: Subject | null;
  readonly test: boolean;
  readonly createdAt: Date;
}

export interface StoredEvent extends ListedEvent {
  /** null: no person was named. */
  readonly sender: Json;
  readonly data: JsonObject;
  /** The body as it is sent. */
  readonly body: string;
  readonly deliveries: readonly Delivery[];
}

export interface EventFilter extends Omit<EventQuery, 'organizationKey'> {
  readonly subject: Subject | null;
}

/** Finds and lists accepted events. */
export class Events {
  readonly #database: Queryable;

  constructor(database: Queryable) {
    this.#database = database;
  }

  /** Newest first. `stoppedAt`: the search ended there before the page was full; null: it did not. */
  async list(
    tenant: Tenant,
    { subject, ...filter }: EventFilter,
  ): Promise<{ rows: ListedEvent[]; stoppedAt: Pick<ListedEvent, 'ownId'> | null }> {
    const query = { ...filter, organizationKey: tenant.organization.key };
    const { rows, stoppedAt } = await (subject === null
      ? listEvents(this.#database, query)
      : listEventsOfSubject(this.#database, query, subject));
    return { rows: rows.map(listedEventOf), stoppedAt: stoppedAt && { ownId: stoppedAt.id } };
  }

  /** By the id of the caller, or by the one that Posthorn gave. Throws `not_found`. */
  async get(tenant: Tenant, id: string): Promise<StoredEvent> {
    const { key } = tenant.organization;
    const row = await findEvent(this.#database, key, id);
    if (!row) throw new PosthornError('not_found', 'There is no such event in this organization.');
    return {
      ...listedEventOf(row),
      sender: row.sender === null ? null : (parseJson(row.sender) as Json),
      data: dataOf(row),
      body: row.body.toString(),
      deliveries: (await deliveriesOf(this.#database, key, row)).map(deliveryOf),
    };
  }
}

function listedEventOf(row: ListedEventRow): ListedEvent {
  return {
    ownId: row.id,
    id: row.external_id ?? row.id,
    type: row.type,
    scope: row.scope,
    subject: row.subject_kind === null || row.subject_id === null ? null : { kind: row.subject_kind, id: row.subject_id },
    test: row.test,
    createdAt: new Date(timeOfId(row.id)),
  };
}

function dataOf({ data, data_start: start, data_length: length, body }: EventRow): JsonObject {
  const bytes = data ?? body.subarray(start ?? 0, (start ?? 0) + (length ?? 0));
  return parseJson(bytes.toString()) as JsonObject;
}
