import { PosthornError } from '@posthorn/protocol';
import type { Queryable } from '../store/database.ts';
import { eventsWithGivenIds, type NewEvent } from '../store/event-log.ts';
import { isUuidV7 } from '../ids/uuid-time.ts';

/**
 * Returns the events whose own id equals the generated id of another event of the organization, which would make
 * look-ups and the receivers' `webhook-id` ambiguous. Callers learn a generated id only after its commit, so checking
 * before the insert suffices.
 */
export async function eventsWithIdsInUse(queryable: Queryable, events: readonly NewEvent[]): Promise<ReadonlySet<NewEvent>> {
  const asked = events.flatMap(({ organizationKey, externalId }) =>
    externalId !== null && isUuidV7(externalId) ? { organizationKey, id: externalId.toLowerCase() } : [],
  );
  if (asked.length === 0) return new Set();
  const rows = await eventsWithGivenIds(queryable, asked);
  const inUse = new Set(rows.map((row) => `${row.organization_key} ${row.id}`));
  return new Set(events.filter(({ organizationKey, externalId }) => inUse.has(`${organizationKey} ${externalId?.toLowerCase()}`)));
}

export function idInUse(): PosthornError {
  const message = 'is already the id of another event of this organization; use a different id';
  return new PosthornError('conflict', `/id ${message}.`, { errors: [{ path: '/id', rule: 'unique', message }] });
}
