import type { EnvelopeEvent, JsonObject, Subject } from '@posthorn/protocol';
import { shardOf } from '../store/shard.ts';
import type { NewEvent } from '../store/event-log.ts';
import type { Tenant } from '../tenancy/directory.ts';

/** What makes an event, checked already. */
export interface EventDraft {
  readonly id: string;
  readonly time: Date;
  readonly type: string;
  readonly data: JsonObject;
  readonly scope: string | null;
  readonly subject: Subject | null;
  readonly externalId: string | null;
  readonly sender: JsonObject | null;
  readonly test: boolean;
}

/** An event with its body rendered, all but what depends on the webhooks of the moment. */
export type RenderedEvent = Omit<NewEvent, 'organizationVersion' | 'webhookIds' | 'claimedBy'>;

/** Renders the body once: every webhook and every retry gets these bytes. */
export function renderEvent(tenant: Tenant, draft: EventDraft): RenderedEvent {
  const shown: EnvelopeEvent = {
    id: draft.externalId ?? draft.id,
    type: draft.type,
    time: draft.time,
    data: draft.data,
    scope: draft.scope,
    subject: draft.subject,
    sender: draft.sender,
    organization: { id: tenant.organization.id, name: tenant.organization.name },
  };
  const bodyText = JSON.stringify(tenant.product.envelope(shown));
  return {
    organizationKey: tenant.organization.key,
    id: draft.id,
    shard: shardOf(tenant.organization.key),
    type: draft.type,
    scope: draft.scope,
    subjectKind: draft.subject?.kind ?? null,
    subjectId: draft.subject?.id ?? null,
    externalId: draft.externalId,
    test: draft.test,
    sender: draft.sender === null ? null : JSON.stringify(draft.sender),
    ...placeData(bodyText, JSON.stringify(draft.data)),
    body: Buffer.from(bodyText),
  };
}

/** Most envelopes hold the data word for word: then only its place is stored, not a second copy. */
function placeData(bodyText: string, dataText: string): Pick<NewEvent, 'data' | 'dataStart' | 'dataLength'> {
  const at = bodyText.indexOf(dataText);
  if (at === -1) return { data: Buffer.from(dataText), dataStart: null, dataLength: null };
  return { data: null, dataStart: Buffer.byteLength(bodyText.slice(0, at)), dataLength: Buffer.byteLength(dataText) };
}
