import type { JsonObject, ProductDefinition } from '@posthorn/protocol';

/** The product whose organizations get events about the webhooks of all other products. */
export const OPERATIONS = 'posthorn';

const webhook: JsonObject = {
  organization: { id: 'pigeon-labs', name: 'Pigeon Labs' },
  product: 'shop',
  webhook: {
    id: '0197f3a0-0000-7000-8000-000000000000',
    url: 'https://example.com/hook',
    description: null,
    scope: null,
    status: 'failed',
  },
  reason: 'The endpoint responded with 410 Gone.',
  happenedAt: '2026-01-15T09:30:00.000Z',
};
const event = (description: string, more: JsonObject = {}) => ({ group: 'Webhooks', description, sample: { ...webhook, ...more } });

/** Operational events of Posthorn itself, for its operators. Their scope is `product:<name>`. */
export const operationsProduct: ProductDefinition = {
  name: OPERATIONS,
  title: 'Posthorn operations',
  events: {
    'posthorn.webhook.failed': event('A webhook was marked failed because a delivery had used up its retries.'),
    'posthorn.webhook.disabled': event('A webhook was marked failed because its endpoint is gone, or every attempt has failed for days.'),
    'posthorn.webhook.recovered': event('A webhook that was marked failed was enabled again.', { reason: null }),
    'posthorn.delivery.exhausted': event('A delivery has failed after its last retry.', {
      delivery: { id: '0197f3a0-0000-7000-8000-000000000001', eventId: 'e-1', eventType: 'order-paid', attemptCount: 10 },
      reason: null,
    }),
  },
};
