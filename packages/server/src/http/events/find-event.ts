import type { Queryable } from '../../store/database.ts';
import { eventByExternalId, eventById, type EventRow } from '../../store/event-queries.ts';
import { isUuid } from '../../store/uuid-time.ts';

/** No event has any other id. */
const EXTERNAL_ID = /^[\x21-\x7e]{1,255}$/;

/** By the caller's own id, or by the one that Posthorn gave. */
export async function findEvent(database: Queryable, organizationKey: number, id: string): Promise<EventRow | null> {
  if (!EXTERNAL_ID.test(id)) return null;
  return (await eventByExternalId(database, organizationKey, id)) ?? (isUuid(id) ? eventById(database, organizationKey, id) : null);
}
