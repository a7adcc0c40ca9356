import type { JsonObject } from '@posthorn/protocol';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { ACCEPTED, failureOf, NOT_FOUND, serverThat } from '../../test-support/fake-server.ts';
import { defineProduct } from '../define-product.ts';
import { PosthornApiError, PosthornConnectionError } from './api-error.ts';
import { createClient, type Client } from './create-client.ts';

interface Order {
  readonly id: string;
}

const Order: StandardSchemaV1<Order> = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [] }) } };

const shop = defineProduct({
  name: 'shop',
  events: {
    'order-placed': { description: 'Placed.', schema: Order, sample: { id: 'o-1' } },
    note: { description: 'Anything.', sample: {} },
  },
});

/** Every method of a client and of its parts. */
function callsOf(part: object): ((...values: unknown[]) => Promise<unknown>)[] {
  return Object.values(part).flatMap((member: unknown) => {
    if (typeof member === 'function') return async (...values: unknown[]) => Reflect.apply(member, part, values) as unknown;
    return typeof member === 'object' && member !== null ? callsOf(member) : [];
  });
}

describe('a call', () => {
  test('emits an event with key, content type and an Idempotency-Key', async () => {
    await using server = await serverThat(ACCEPTED);
    const context = { scope: 'project:1', subject: { kind: 'order', id: 'o-1' }, id: 'mine', sender: { id: 7 } };
    const accepted = await server.client<typeof shop>().organization('acme').emit('order-placed', { id: 'o-1' }, context);
    expect(accepted).toEqual({ id: 'e1', deliveries: 2 });
    expect(server.seen).toMatchObject([
      {
        method: 'POST',
        path: '/v1/organizations/acme/events',
        headers: {
          authorization: 'Bearer ph_secret',
          'content-type': 'application/json',
          'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}$/),
        },
      },
    ]);
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({ ...context, type: 'order-placed', data: { id: 'o-1' } });
  });

  test('accepts the caller’s Idempotency-Key, and keeps it out of the body', async () => {
    await using server = await serverThat(ACCEPTED);
    await server
      .client<typeof shop>()
      .organization('acme')
      .emit('note', {}, { idempotencyKey: 'mine', signal: new AbortController().signal });
    expect(server.seen[0]?.headers['idempotency-key']).toBe('mine');
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({ type: 'note', data: {} });
  });

  test.each(['', 'ä', 'a b', 'x'.repeat(256)])('refuses the Idempotency-Key %j before anything is sent', async (idempotencyKey) => {
    await using server = await serverThat(ACCEPTED);
    const organization = server.client<typeof shop>().organization('acme');
    expect(await failureOf(organization.emit('note', {}, { idempotencyKey }))).toBeInstanceOf(RangeError);
    expect(await failureOf(organization.webhooks.ping('w', { idempotencyKey }))).toBeInstanceOf(RangeError);
    expect(server.seen).toEqual([]);
  });

  test('calls of the same kind have different Idempotency-Keys', async () => {
    await using server = await serverThat(ACCEPTED);
    const organization = server.client<typeof shop>().organization('acme');
    await organization.emit('note', {});
    await organization.emit('note', {});
    expect(new Set(server.seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(2);
  });

  test.each<[string, (client: Client<typeof shop>) => Promise<unknown>]>([
    ['POST /v1/organizations {"name":"Acme"}', (client) => client.organizations.create({ name: 'Acme' })],
    ['GET /v1/organizations?limit=5&cursor=abc', (client) => client.organizations.list({ limit: 5, cursor: 'abc' })],
    ['GET /v1/organizations/acme', (client) => client.organizations.get('acme')],
    ['PATCH /v1/organizations/acme {"name":"New"}', (client) => client.organizations.update('acme', { name: 'New' })],
    ['DELETE /v1/organizations/acme', (client) => client.organizations.delete('acme')],
    ['POST /v1/api-keys {"name":"CI"}', (client) => client.apiKeys.create({ name: 'CI' })],
    ['GET /v1/organizations/o/api-keys', (client) => client.organization('o').apiKeys.list()],
    ['DELETE /v1/organizations/o/api-keys/k', (client) => client.organization('o').apiKeys.revoke('k')],
    ['GET /v1/organizations/o/event-types', (client) => client.organization('o').eventTypes()],
    [
      'GET /v1/organizations/o/events?type=note&subject=deal%3A1',
      (client) => client.organization('o').events.list({ type: 'note', subject: 'deal:1' }),
    ],
    ['GET /v1/organizations/o/events/a%2Fb', (client) => client.organization('o').events.get('a/b')],
    [
      'POST /v1/organizations/o/webhooks {"url":"https://x","events":["*"]}',
      (client) => client.organization('o').webhooks.create({ url: 'https://x', events: ['*'] }),
    ],
    ['GET /v1/organizations/o/webhooks?scope=s', (client) => client.organization('o').webhooks.list({ scope: 's' })],
    ['GET /v1/organizations/o/webhooks/w', (client) => client.organization('o').webhooks.get('w')],
    ['PATCH /v1/organizations/o/webhooks/w {"ordered":true}', (client) => client.organization('o').webhooks.update('w', { ordered: true })],
    ['DELETE /v1/organizations/o/webhooks/w', (client) => client.organization('o').webhooks.delete('w')],
    [
      'POST /v1/organizations/o/webhooks/w/enable {"replay":true}',
      (client) => client.organization('o').webhooks.enable('w', { replay: true }),
    ],
    ['POST /v1/organizations/o/webhooks/w/enable {}', (client) => client.organization('o').webhooks.enable('w')],
    ['POST /v1/organizations/o/webhooks/w/pause {}', (client) => client.organization('o').webhooks.pause('w')],
    ['POST /v1/organizations/o/webhooks/w/ping {}', (client) => client.organization('o').webhooks.ping('w')],
    ['POST /v1/organizations/o/webhooks/w/test {"type":"note"}', (client) => client.organization('o').webhooks.test('w', 'note')],
    [
      'POST /v1/organizations/o/webhooks/w/rotate-secret {"overlapSeconds":60}',
      (client) => client.organization('o').webhooks.rotateSecret('w', { overlapSeconds: 60 }),
    ],
    [
      'POST /v1/organizations/o/webhooks/w/replay {"since":"2026-01-01T00:00:00Z"}',
      (client) => client.organization('o').webhooks.replay('w', { since: '2026-01-01T00:00:00Z' }),
    ],
    [
      'GET /v1/organizations/o/deliveries?webhook=w&status=failed',
      (client) => client.organization('o').deliveries.list({ webhook: 'w', status: 'failed' }),
    ],
    ['GET /v1/organizations/o/deliveries/d', (client) => client.organization('o').deliveries.get('d')],
    ['POST /v1/organizations/o/deliveries/d/redeliver {}', (client) => client.organization('o').deliveries.redeliver('d')],
    ['POST /v1/organizations/o/deliveries/d/cancel {}', (client) => client.organization('o').deliveries.cancel('d')],
  ])('%s', async (expected, call) => {
    await using server = await serverThat({ body: { id: 'x' } });
    await call(server.client<typeof shop>());
    expect(server.seen.map(({ method, path, body }) => `${method} ${path} ${body}`.trim())).toEqual([expected]);
  });

  test('every POST has an Idempotency-Key, and no other method does', async () => {
    await using server = await serverThat({ body: { id: 'x' } });
    const client = server.client<typeof shop>();
    for (const call of callsOf({ ...client, organization: client.organization('acme') })) await failureOf(call('a', 'b', {}));
    const posts = server.seen.filter(({ method }) => method === 'POST');
    expect(posts.length).toBeGreaterThan(18);
    for (const { method, path, headers } of server.seen) {
      const expected = method === 'POST' ? expect.stringMatching(/^[0-9a-f-]{36}$/) : undefined;
      expect([method, path, headers['idempotency-key']]).toEqual([method, path, expected]);
    }
    expect(new Set(posts.map(({ headers }) => headers['idempotency-key'])).size).toBe(posts.length);
  });

  test('a response without content resolves to undefined', async () => {
    await using server = await serverThat({ status: 204, body: '' });
    expect(await server.client<typeof shop>().organizations.delete('acme')).toBeUndefined();
  });

  test('a batch resolves to results in order, with errors for refusals', async () => {
    await using server = await serverThat({ status: 202, body: { results: [{ id: 'e1', deliveries: 0 }, NOT_FOUND.body] } });
    const [first, second] = await server
      .client<typeof shop>()
      .organization('acme')
      .emitBatch([
        { type: 'order-placed', data: { id: 'o-1' } },
        { type: 'note', data: {}, scope: 's' },
      ]);
    expect(first).toEqual({ id: 'e1', deliveries: 0 });
    expect(second).toBeInstanceOf(PosthornApiError);
    expect(second).toMatchObject({ code: 'not_found' });
  });

  test.each(['', '.', '..'])('the id %j, which would name another resource, is refused', async (id) => {
    await using server = await serverThat(ACCEPTED);
    expect(await failureOf(server.client<typeof shop>().organizations.get(id))).toBeInstanceOf(RangeError);
    expect(server.seen).toEqual([]);
  });

  test('the server’s url may have a path', async () => {
    await using server = await serverThat({});
    await server.client<typeof shop>({ url: `${server.url}/posthorn/` }).organizations.list();
    expect(server.seen[0]?.path).toBe('/posthorn/v1/organizations');
  });

  test.each([{ url: 'example.com' }, { url: 'ftp://example.com' }, { url: '' }, { key: '' }, { key: 'two words' }, { key: 'a\r\nb' }])(
    'invalid options are refused: %j',
    (wrong) => {
      expect(() => createClient({ url: 'http://127.0.0.1', key: 'k', ...wrong })).toThrow(RangeError);
    },
  );
});

describe('a refusal', () => {
  test('is an error with status, code, request id and the failing fields', async () => {
    const errors = [{ path: '/url', rule: 'required', message: 'is required' }];
    await using server = await serverThat({ status: 422, body: { ...NOT_FOUND.body, status: 422, code: 'invalid_request', errors } });
    const error = await failureOf(server.client<typeof shop>().organizations.get('acme'));
    expect(error).toBeInstanceOf(PosthornApiError);
    expect(error).toMatchObject({ status: 422, code: 'invalid_request', message: 'No such webhook.', requestId: 'r-1', errors });
    expect(server.seen).toHaveLength(1);
  });

  test.each([
    { status: 502, body: '<html>Bad gateway</html>' },
    { status: 200, body: '<html>Log in</html>' },
    { status: 200, body: '' },
    { status: 500, body: { message: 'of somebody else' } },
  ])('a response that is not from Posthorn is an unexpected_answer: %j', async (answer) => {
    await using server = await serverThat(answer);
    const error = await failureOf(server.client<typeof shop>().organizations.get('acme'));
    expect(error).toMatchObject({ name: 'PosthornApiError', code: 'unexpected_answer', status: answer.status });
  });

  test('a redirect is not followed, so that key and body are not sent elsewhere', async () => {
    await using elsewhere = await serverThat(ACCEPTED);
    await using server = await serverThat({ status: 307, headers: { location: elsewhere.url } });
    const error = await failureOf(server.client<typeof shop>().organization('acme').emit('note', {}));
    expect(error).toMatchObject({ code: 'unexpected_answer', status: 307 });
    expect(elsewhere.seen).toEqual([]);
  });

  test('no error shows the key', async () => {
    await using server = await serverThat({ hangUp: true });
    const error = await failureOf(server.client<typeof shop>({ retries: 0 }).organization('acme').emit('note', {}));
    expect(error).toBeInstanceOf(PosthornConnectionError);
    expect(JSON.stringify(error) + String(error) + String((error as Error).cause) + (error as Error).stack).not.toContain('ph_secret');
  });
});

describe('the compiler', () => {
  const organization = createClient<typeof shop>({ url: 'http://127.0.0.1', key: 'k' }).organization('acme');

  test('accepts the definition’s events with their data, and no others', () => {
    const taken = [() => organization.emit('order-placed', { id: 'o-1' }), () => organization.emit('note', { anything: [1, null] })];
    const refused = [
      // @ts-expect-error -- there is no such event
      () => organization.emit('order-lost', { id: 'o-1' }),
      // @ts-expect-error -- the id is a string
      () => organization.emit('order-placed', { id: 1 }),
      // @ts-expect-error -- the id is missing
      () => organization.emit('order-placed', {}),
      // @ts-expect-error -- a date is no JSON
      () => organization.emit('note', { at: new Date(0) }),
      // @ts-expect-error -- there is no such option
      () => organization.emit('note', {}, { scopes: 's' }),
    ];
    expect([taken.length, refused.length]).toEqual([2, 5]);
  });

  test('checks the data of each event in a batch against its type', () => {
    const order = { type: 'order-placed', data: { id: 'o-1' } } as const;
    const taken = [() => organization.emitBatch([order, { type: 'note', data: {}, scope: 's' }])];
    const refused = [
      // @ts-expect-error -- the data of a note is no order
      () => organization.emitBatch([{ type: 'order-placed', data: {} }]),
      // @ts-expect-error -- there is no such event
      () => organization.emitBatch([{ type: 'order-lost', data: {} }]),
    ];
    expect([taken.length, refused.length]).toEqual([1, 2]);
  });

  test('knows the event types of test events', () => {
    expectTypeOf<Parameters<typeof organization.webhooks.test>[1]>().toEqualTypeOf<'order-placed' | 'note'>();
  });

  test('accepts any event if no definition is given', () => {
    const plain = createClient({ url: 'http://127.0.0.1', key: 'k' }).organization('acme');
    expectTypeOf(plain.emit<string>)
      .parameter(0)
      .toEqualTypeOf<string>();
    expectTypeOf(plain.emit<string>)
      .parameter(1)
      .toEqualTypeOf<JsonObject>();
  });
});
