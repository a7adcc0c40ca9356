import type { LoggedEvent } from '../../intake/log-owner.ts';
import type { NewEvent } from '../../store/event-log.ts';
import type { EventRow } from '../../store/log-reading.ts';

/** Converts a database row. */
export function eventOfRow(row: EventRow): LoggedEvent {
  return {
    organizationKey: row.organization_key,
    id: row.id,
    xid: Number(row.xid),
    shard: row.shard,
    type: row.type,
    subjectKind: row.subject_kind,
    subjectId: row.subject_id,
    externalId: row.external_id,
    test: row.test,
    body: row.body,
    webhookIds: row.webhook_ids,
  };
}

/** Converts an event that this node committed. Copies field by field: a spread would keep the whole event in memory. */
export function eventOfCommit(event: NewEvent, xid: number): LoggedEvent {
  return {
    organizationKey: event.organizationKey,
    id: event.id,
    xid,
    shard: event.shard,
    type: event.type,
    subjectKind: event.subjectKind,
    subjectId: event.subjectId,
    externalId: event.externalId,
    test: event.test,
    body: event.body,
    webhookIds: event.webhookIds,
  };
}
