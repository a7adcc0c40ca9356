import type { ProductDefinition } from '@posthorn/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startApiServer, type ApiServer } from '../../../test-support/api-server.ts';

const PRODUCTS: readonly ProductDefinition[] = [
  { name: 'generic', anyEvent: true, events: {} },
  {
    name: 'shop',
    title: 'Shop',
    events: {
      'order-paid': {
        group: 'Orders',
        description: 'Paid.',
        schema: z.object({ id: z.string(), total: z.number() }),
        sample: { id: '1', total: 1 },
        aliases: ['order_paid'],
      },
      free: { description: 'Anything.', sample: { any: 'thing' } },
    },
    envelope: ({ id, data }) => ({ id, order: data }),
  },
];

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly { readonly path: string; readonly rule: string; readonly message: string }[];
}

interface Page {
  readonly data: { readonly id: string; readonly type: string }[];
  readonly nextCursor: string | null;
}

describe.each([
  { name: 'PostgreSQL', embedded: false },
  { name: 'PGlite', embedded: true },
])('events ($name)', ({ embedded }) => {
  let server: ApiServer;
  let made = 0;

  beforeAll(async () => {
    server = await startApiServer({ products: PRODUCTS, embedded });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function organization(product = 'generic'): Promise<string> {
    const id = `org-${made++}`;
    await server.call('POST /v1/organizations', { id, name: id, product });
    return `/v1/organizations/${id}`;
  }

  const emit = (org: string, event: object) => server.call<{ id: string; deliveries: number }>(`POST ${org}/events`, event);

  async function list(org: string, query: string): Promise<string[]> {
    const types: string[] = [];
    let cursor = '';
    do {
      const page = await server.call<Page>(`GET ${org}/events?${query}${cursor}`);
      types.push(...page.data.map(({ type }) => type));
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
    } while (cursor !== '');
    return types;
  }

  test('the event types of the product are listed with schema, sample, group and the webhook defaults', async () => {
    const { data, product } = await server.call<{ data: unknown[]; product: unknown }>(`GET ${await organization('shop')}/event-types`);
    expect(data).toEqual([
      {
        type: 'order-paid',
        group: 'Orders',
        description: 'Paid.',
        aliases: ['order_paid'],
        schema: expect.objectContaining({ type: 'object', required: ['id', 'total'] }),
        sample: { id: '1', total: 1 },
      },
      { type: 'free', group: null, description: 'Anything.', aliases: [], schema: null, sample: { any: 'thing' } },
    ]);
    expect(product).toMatchObject({
      name: 'shop',
      title: 'Shop',
      anyEvent: false,
      methods: ['POST'],
      contentTypes: ['application/json'],
      url: 'https',
      secret: 'generated',
      retry: { kind: 'list', delaysMs: expect.arrayContaining([5_000]) },
      success: { status: '2xx', bodyContains: null },
      timeoutMs: 20_000,
    });
  });

  test('an event is returned as it was received and as it is delivered', async () => {
    const org = await organization('shop');
    const data = { id: 'ü\0😀', total: 1.5, unknown: [null, { deep: true }] };
    const sender = { id: 'u1', name: 'Jane' };
    const { id } = await emit(org, { type: 'order_paid', data, scope: 'project:1', subject: { kind: 'order', id: 'a:b' }, sender });
    const event = await server.call(`GET ${org}/events/${id}`);
    expect(event).toEqual({
      id,
      type: 'order-paid',
      scope: 'project:1',
      subject: { kind: 'order', id: 'a:b' },
      sender,
      test: false,
      data,
      body: JSON.stringify({ id, order: data }),
      createdAt: expect.stringMatching(/^20/),
      deliveries: [],
    });
  });

  test('an event with the caller’s id is found by it', async () => {
    const org = await organization();
    const id = 'order/42?x=ü'.replace('ü', 'u');
    expect(await emit(org, { type: 'a', data: {}, id })).toEqual({ id, deliveries: 0 });
    expect(await server.call(`GET ${org}/events/${encodeURIComponent(id)}`)).toMatchObject({ id, type: 'a' });
  });

  test('events are listed newest first, page by page, without their data, by type, scope, subject and time', async () => {
    const org = await organization();
    const events = [
      { type: 'a' },
      { type: 'b', scope: 's' },
      { type: 'c', subject: { kind: 'order', id: '1:2' } },
      { type: 'a', subject: { kind: 'order', id: '2' } },
    ];
    for (const event of events) await emit(org, { data: { big: 'x' }, ...event });
    expect(await list(org, 'limit=3')).toEqual(['a', 'c', 'b', 'a']);
    expect(await list(org, 'type=a&limit=1')).toEqual(['a', 'a']);
    expect(await list(org, 'scope=s')).toEqual(['b']);
    expect(await list(org, 'subject=order:1:2')).toEqual(['c']);
    expect(await list(org, 'subject=order:2&type=c')).toEqual([]);
    expect(await list(org, 'from=2100-01-01T00:00:00Z')).toEqual([]);
    expect(await list(org, 'from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z')).toHaveLength(4);
    expect(JSON.stringify(await server.call(`GET ${org}/events`))).not.toContain('big');
  });

  test.each<[object | string, string, string]>([
    [{ data: {} }, '/type', 'required'],
    [{ type: 'a' }, '/data', 'required'],
    [{ type: 'a', data: [] }, '/data', 'type'],
    [{ type: 'a', data: {}, scope: '' }, '/scope', 'minLength'],
    [{ type: 'a', data: {}, scope: 'a\0' }, '/scope', 'text'],
    [{ type: 'a', data: {}, scope: '\ud800' }, '/scope', 'text'],
    [{ type: 'a', data: {}, subject: { kind: 'a' } }, '/subject/id', 'required'],
    [{ type: 'a', data: {}, subject: { kind: 'a', id: '\0' } }, '/subject/id', 'text'],
    [{ type: 'a', data: {}, id: 'with space' }, '/id', 'pattern'],
    [{ type: 'a', data: {}, id: 'with.stop' }, '/id', 'pattern'],
    [{ type: 'a', data: {}, sender: 'me' }, '/sender', 'type'],
    [{ type: 'a', data: {}, sender: { name: '\0' } }, '/sender', 'text'],
    [{ type: 'a', data: {}, sender: { ['\udfff']: 1 } }, '/sender', 'text'],
    [{ type: 'a', data: {}, nonsense: 1 }, '/nonsense', 'unknown_field'],
  ])('%o is refused at %s by the rule %s, and nothing is stored', async (event, path, rule) => {
    const org = await organization();
    const single = await server.request<Problem>(`POST ${org}/events`, event);
    expect(single).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
    expect(single.body.errors).toContainEqual(expect.objectContaining({ path, rule }));
    const batch = await server.call<{ results: Problem[] }>(`POST ${org}/events/batch`, { events: [event] });
    expect(batch.results[0]).toMatchObject({ status: 422, code: 'invalid_request' });
    expect(batch.results[0]?.errors).toContainEqual(expect.objectContaining({ path, rule }));
    expect(await list(org, '')).toEqual([]);
  });

  test('an unknown type and data that fails its schema have different codes', async () => {
    const org = await organization('shop');
    expect(await server.request(`POST ${org}/events`, { type: 'order-unpaid', data: {} })).toMatchObject({
      status: 422,
      body: { code: 'unknown_event_type', errors: [{ path: '/type', message: 'must be one of order-paid, free' }] },
    });
    expect(await server.request(`POST ${org}/events`, { type: 'order-paid', data: { id: '1', total: '1' } })).toMatchObject({
      status: 422,
      body: { code: 'invalid_data', errors: [{ path: '/data/total', rule: 'invalid_type' }] },
    });
    expect(await list(org, '')).toEqual([]);
  });

  test('each event of a batch has its own result, and a refusal does not affect the others', async () => {
    const org = await organization('shop');
    const events = [
      { type: 'free', data: { n: 1 } },
      { type: 'nothing', data: {} },
      { type: 'free', data: {}, sender: { name: '\0' } },
      7,
      { type: 'free', data: { n: 2 }, id: 'mine' },
      { type: 'free', data: { n: 3 }, id: 'mine' },
    ];
    const { results } = await server.call<{ results: unknown[] }>(`POST ${org}/events/batch`, { events });
    expect(results).toMatchObject([
      { deliveries: 0 },
      { status: 422, code: 'unknown_event_type' },
      { status: 422, code: 'invalid_request' },
      { status: 422, code: 'invalid_request' },
      { id: 'mine', deliveries: 0 },
      { id: 'mine', deliveries: 0 },
    ]);
    expect(await list(org, '')).toEqual(['free', 'free']);
    expect(await server.call(`GET ${org}/events/mine`)).toMatchObject({ data: { n: 2 } });
  });

  test.each([
    { events: [] },
    { events: Array.from({ length: 1_001 }, () => ({ type: 'a', data: {} })) },
    { events: {} },
    {},
    { events: [], more: 1 },
  ])('a batch that is empty, too long or not a list is refused', async (body) => {
    expect((await server.request(`POST ${await organization()}/events/batch`, body)).status).toBe(422);
  });

  test('a failure for one caller does not affect what others emit at the same time', async () => {
    const [mine, theirs] = [await organization(), await organization()];
    const bad = { type: 'a', data: {}, sender: { name: '\0' } };
    const answers = await Promise.all([
      ...Array.from({ length: 10 }, () => server.request(`POST ${mine}/events`, bad)),
      ...Array.from({ length: 10 }, () => server.request(`POST ${theirs}/events`, { type: 'a', data: {} })),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(422), ...Array(10).fill(202)]);
  });

  test('another organization’s events are not found, by either id', async () => {
    const [mine, theirs] = [await organization(), await organization()];
    const ids = [await emit(theirs, { type: 'a', data: {} }), await emit(theirs, { type: 'a', data: {}, id: 'theirs' })];
    for (const { id } of ids) {
      expect(await server.request(`GET ${mine}/events/${id}`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect(await list(mine, '')).toEqual([]);
    expect(await emit(mine, { type: 'b', data: {}, id: 'theirs' })).toEqual({ id: 'theirs', deliveries: 0 });
    expect(await server.call(`GET ${mine}/events/theirs`)).toMatchObject({ type: 'b' });
  });

  test.each(['%00', 'nonsense', 'a'.repeat(300), '%F0%9F%98%80', '00000000-0000-7000-8000-000000000000'])(
    'an event called %s is not found',
    async (id) => {
      expect(await server.request(`GET ${await organization()}/events/${id}`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    },
  );

  test.each([
    ['subject=nonsense', '/querystring/subject'],
    ['subject=a:%00', '/querystring/subject'],
    ['type=%00', '/querystring/type'],
    ['scope=%00', '/querystring/scope'],
    ['to=2016-12-31T23:59:60Z', '/querystring/to'],
    ['cursor=xyz', '/querystring/cursor'],
  ])('a list with %s is refused at %s', async (query, path) => {
    const answer = await server.request<Problem>(`GET ${await organization()}/events?${query}`);
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_request', errors: [{ path }] } });
  });

  test.each(['%00', 'a%00b', '%F0%9F%98%80', 'x'.repeat(500)])('an organization called %s is not found', async (id) => {
    expect(await server.request(`GET /v1/organizations/${id}/events`)).toMatchObject({
      status: 404,
      body: { code: 'organization_not_found' },
    });
  });
});
