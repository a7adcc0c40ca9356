import type { Queryable } from '../store/database.ts';
import { eventByExternalId, eventById, type EventRow } from '../store/event-queries.ts';
import { isUuid } from '../ids/uuid-time.ts';

/** The form of every event id. */
const EXTERNAL_ID = /^[\x21-\x7e]{1,255}$/;

/** Finds an event by the caller's own id, or by the id that Posthorn generated. */
export async function findEvent(database: Queryable, organizationKey: number, id: string): Promise<EventRow | null> {
  if (!EXTERNAL_ID.test(id)) return null;
  return (await eventByExternalId(database, organizationKey, id)) ?? (isUuid(id) ? eventById(database, organizationKey, id) : null);
}
