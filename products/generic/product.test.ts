import { DEFAULT_POLICY, defaultEnvelope, resolvePolicy } from '@posthorn/protocol';
import type { EventName } from '@posthorn/sdk';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { generic } from './product.ts';

describe('the generic product', () => {
  test('accepts events of any name', () => {
    expect(generic.anyEvent).toBe(true);
    expectTypeOf<string>().toExtend<EventName<typeof generic>>();
  });

  test('delivers by the default policy, in the envelope of Standard Webhooks', () => {
    expect(resolvePolicy(generic)).toEqual(DEFAULT_POLICY);
    expect(generic.envelope).toBe(defaultEnvelope);
  });

  test('pings with the event ping, the webhook as data, and on demand only', () => {
    const webhook = { id: 'w1', url: 'https://example.com/', description: null, events: ['*'], active: true, hasSecret: true } as const;
    const context = { webhook: { ...webhook, contentType: 'application/json' }, organization: { id: 'acme', name: 'Acme' } } as const;
    expect(generic.ping).toMatchObject({ type: 'ping' });
    expect(generic.ping?.onCreate).not.toBe(true);
    expect(generic.ping?.data({ ...context, scope: null, about: null, sender: null })).toEqual({ webhook: context.webhook });
  });
});
