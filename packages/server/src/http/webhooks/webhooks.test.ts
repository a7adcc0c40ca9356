import type { ProductDefinition } from '@posthorn/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiServer, type ApiServer } from '../../../test-support/api-server.ts';
import { startEndpoint, type Endpoint } from '../../../test-support/endpoint.ts';

interface Webhook {
  readonly id: string;
  readonly secret: string | null;
  readonly status: string;
  readonly publicKey: string | null;
  readonly warnings: readonly { readonly code: string }[];
}

interface Problem {
  readonly code: string;
  readonly errors: readonly { readonly path: string; readonly rule: string; readonly message: string }[];
}

const PRODUCTS: readonly ProductDefinition[] = [
  { name: 'generic', anyEvent: true, events: {} },
  {
    name: 'shop',
    events: {
      'order-paid': { description: 'Paid.', sample: { id: '1' }, aliases: ['order_paid'] },
      'order-sent': { description: 'Sent.', sample: { id: '1' } },
    },
    delivery: {
      methods: ['POST', 'GET'],
      secret: 'optional',
      headers: { accept: 'application/json' },
      signatures: [{ kind: 'hmac', header: 'X-Shop-Hmac', algorithm: 'sha256', encoding: 'hex' }],
    },
  },
  { name: 'pinging', events: {}, ping: { type: 'PING', data: ({ webhook }) => ({ to: webhook.id }), onCreate: true } },
  {
    name: 'badly-pinging',
    events: {},
    ping: {
      type: 'PING',
      onCreate: true,
      data: () => {
        throw new Error('boom');
      },
    },
  },
];

let server: ApiServer;
let endpoint: Endpoint;
let made = 0;

beforeAll(async () => {
  server = await startApiServer({ products: PRODUCTS });
  endpoint = await startEndpoint();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await endpoint[Symbol.asyncDispose]();
});

async function organization(product = 'generic'): Promise<string> {
  const id = `org-${made++}`;
  await server.call('POST /v1/organizations', { id, name: id, product });
  return `/v1/organizations/${id}/webhooks`;
}

const create = (path: string, input: object = {}) =>
  server.call<Webhook>(`POST ${path}`, { url: 'https://example.com/hook', events: ['*'], ...input });

describe('creating', () => {
  test('returns all fields with the product’s defaults, and the secret only this once', async () => {
    const path = await organization();
    const webhook = await create(path, { description: 'Ours', headers: { 'X-Plain': 'a', Authorization: 'Bearer b' } });
    expect(webhook).toMatchObject({
      url: 'https://example.com/hook',
      description: 'Ours',
      events: ['*'],
      scope: null,
      method: 'POST',
      contentType: 'application/json',
      headers: { 'X-Plain': 'a', Authorization: '***' },
      hasSecret: true,
      publicKey: null,
      retry: { kind: 'list' },
      success: { status: '2xx', bodyContains: null },
      timeoutMs: 20_000,
      rateLimit: null,
      ordered: false,
      status: 'active',
      statusReason: null,
      failingSince: null,
      secret: expect.stringMatching(/^whsec_/),
      warnings: [],
    });
    const { secret, warnings, ...rest } = webhook;
    expect([secret, warnings]).toHaveLength(2);
    expect(await server.call(`GET ${path}/${webhook.id}`)).toEqual(rest);
    expect(await server.call(`GET ${path}`)).toEqual({ data: [rest], nextCursor: null });
  });

  test('accepts a chosen secret; blank means that none was chosen', async () => {
    const path = await organization('shop');
    expect((await create(path, { secret: 'a secret of my own' })).secret).toBe('a secret of my own');
    expect(await create(path, { secret: '   ' })).toMatchObject({ secret: null, hasSecret: false });
    expect((await create(await organization(), { secret: '' })).secret).toMatch(/^whsec_/);
  });

  test('plain http to an allowed address is accepted with a warning', async () => {
    expect((await create(await organization(), { url: endpoint.url })).warnings).toMatchObject([{ code: 'insecure_url' }]);
  });

  test.each<[object, string, string]>([
    [{ url: 'example.com' }, '/url', 'protocol_missing'],
    [{ url: 'http://example.com/' }, '/url', 'insecure_url'],
    [{ url: 'https://user:secret@example.com/' }, '/url', 'credentials'],
    [{ url: undefined }, '/url', 'required'],
    [{ url: 7 }, '/url', 'type'],
    [{ events: [] }, '/events', 'minItems'],
    [{ events: Array(101).fill('*') }, '/events', 'maxItems'],
    [{ events: ['order-*', 'invoice-*'] }, '/events/1', 'known'],
    [{ events: ['order-paid', ''] }, '/events/1', 'minLength'],
    [{ method: 'PUT' }, '/method', 'enum'],
    [{ contentType: 'text/plain' }, '/contentType', 'enum'],
    [{ timeoutMs: 99 }, '/timeoutMs', 'minimum'],
    [{ timeoutMs: 60_001 }, '/timeoutMs', 'maximum'],
    [{ rateLimit: 0 }, '/rateLimit', 'minimum'],
    [{ rateLimit: 10_001 }, '/rateLimit', 'maximum'],
    [{ description: 'a'.repeat(1_001) }, '/description', 'maxLength'],
    [{ description: 'a\0' }, '/description', 'text'],
    [{ scope: '\ud800' }, '/scope', 'text'],
    [{ success: { status: '2xx', bodyContains: '\0' } }, '/success/bodyContains', 'text'],
    [{ secret: 'short' }, '/secret', 'secret'],
    [{ secret: 'whsec_!!!' }, '/secret', 'secret'],
    [{ headers: { Host: 'x' } }, '/headers/Host', 'reserved_header'],
    [{ headers: { 'x-shop-hmac': 'x' } }, '/headers/x-shop-hmac', 'reserved_header'],
    [{ retry: { kind: 'fixed', delayMs: 1_000 } }, '/retry/retries', 'required'],
    [{ retry: { kind: 'fixed', delayMs: 604_800_001, retries: 1 } }, '/retry/delayMs', 'maximum'],
    [{ retry: { kind: 'fixed', delayMs: 1, retries: 101 } }, '/retry/retries', 'maximum'],
    [{ retry: { kind: 'list', delaysMs: [1], retries: 1 } }, '/retry/retries', 'additionalProperties'],
    [{ retry: { kind: 'sometimes' } }, '/retry/kind', 'enum'],
    [{ status: 'failed' }, '/status', 'enum'],
    [{ nonsense: 1 }, '/nonsense', 'unknown_field'],
  ])('%o is refused, naming %s and the rule %s', async (input, path, rule) => {
    const org = await organization('shop');
    const answer = await server.request<Problem>(`POST ${org}`, { url: 'https://example.com/', events: ['*'], ...input });
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
    expect(answer.body.errors).toContainEqual(expect.objectContaining({ path, rule }));
    expect(answer.body.errors).toHaveLength(1);
    expect(await server.call(`GET ${org}`)).toEqual({ data: [], nextCursor: null });
  });

  test('an address that webhooks may not reach has its own code', async () => {
    const answer = await server.request(`POST ${await organization()}`, { url: 'https://10.0.0.1/', events: ['*'] });
    expect(answer).toMatchObject({ status: 422, body: { code: 'blocked_url', errors: [{ path: '/url', rule: 'blocked_url' }] } });
  });

  test('everything wrong is named in one error', async () => {
    const input = { url: 'ftp://example.com', events: ['nothing'], method: 'PUT', headers: { Host: 'x' } };
    const answer = await server.request<Problem>(`POST ${await organization('shop')}`, input);
    expect(answer.body.errors.map(({ path }) => path)).toEqual(['/url', '/events/0', '/method', '/headers/Host']);
  });

  test('if the product pings new webhooks, the ping is sent and marked as a test', async () => {
    const before = endpoint.requests.length;
    const webhook = await create(await organization('pinging'), { url: endpoint.url });
    const request = (await endpoint.received(before + 1)).at(-1);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ type: 'PING', data: { to: webhook.id } });
  });

  test('a ping that fails does not hide the new secret', async () => {
    const webhook = await create(await organization('badly-pinging'));
    expect(webhook).toMatchObject({ secret: expect.stringMatching(/^whsec_/), warnings: [{ code: 'ping_not_sent' }] });
  });
});

describe('listing', () => {
  test('newest first, page by page, by scope', async () => {
    const path = await organization();
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift((await create(path, n % 2 ? { scope: 'project:1' } : {})).id);
    interface Page {
      data: { id: string }[];
      nextCursor: string | null;
    }
    const first = await server.call<Page>(`GET ${path}?limit=3`);
    const second = await server.call<Page>(`GET ${path}?limit=3&cursor=${first.nextCursor}`);
    expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(ids);
    expect(second.nextCursor).toBeNull();
    expect((await server.call<Page>(`GET ${path}?scope=project:1`)).data).toHaveLength(2);
  });
});

describe('changing', () => {
  test('only the fields that are sent change; null restores the product’s default', async () => {
    const path = await organization();
    const { id } = await create(path, { timeoutMs: 500, description: 'a', retry: { kind: 'none' } });
    const changed = await server.call(`PATCH ${path}/${id}`, { timeoutMs: null, events: ['b.*'] });
    expect(changed).toMatchObject({ timeoutMs: 20_000, description: 'a', retry: { kind: 'none' }, events: ['b.*'], warnings: [] });
    expect(changed).not.toHaveProperty('secret');
  });

  test('a blank secret keeps the old one, and masked headers keep their values', async () => {
    const path = await organization();
    const webhook = await create(path, { url: endpoint.url, headers: { 'X-Api-Key': 'k1', 'X-Plain': 'p' } });
    const shown = await server.call<{ headers: object }>(`GET ${path}/${webhook.id}`);
    await server.call(`PATCH ${path}/${webhook.id}`, { secret: '', headers: { ...shown.headers, 'X-More': 'm' } });
    const before = endpoint.requests.length;
    await server.call(`POST ${path}/${webhook.id}/ping`);
    const { headers } = (await endpoint.received(before + 1))[before] ?? {};
    expect(headers).toMatchObject({ 'x-api-key': 'k1', 'x-plain': 'p', 'x-more': 'm', 'webhook-signature': expect.anything() });
  });

  test.each<[string, object, string]>([
    ['without headers', {}, 'Authorization, X-Plain'],
    ['with masked headers', { headers: { authorization: '***', 'X-Plain': 'p', 'X-New': '***' } }, 'Authorization'],
  ])('a URL of another origin %s is refused, and the error names the headers that must be sent again', async (_, more, names) => {
    const path = await organization();
    const { id } = await create(path, { url: 'https://example.com/a', headers: { Authorization: 'Bearer k1', 'X-Plain': 'p' } });
    const before = await server.call(`GET ${path}/${id}`);
    for (const url of ['https://other.example/a', 'https://example.com:8443/a', 'https://sub.example.com/a', `${endpoint.url}/a`]) {
      const answer = await server.request<Problem>(`PATCH ${path}/${id}`, { url, ...more });
      expect(answer).toMatchObject({
        status: 422,
        body: { code: 'invalid_request', errors: [{ path: '/headers', rule: 'other_origin' }] },
      });
      expect(answer.body.errors[0]?.message).toMatch(new RegExp(`: ${names}$`));
    }
    expect(await server.call(`GET ${path}/${id}`)).toEqual(before);
  });

  test('another path of the same origin keeps the headers', async () => {
    const path = await organization();
    const { id } = await create(path, { url: `${endpoint.url}/a`, headers: { 'X-Api-Key': 'k1' } });
    await server.call(`PATCH ${path}/${id}`, { url: `${endpoint.url}/b?c` });
    const before = endpoint.requests.length;
    await server.call(`POST ${path}/${id}/ping`);
    expect((await endpoint.received(before + 1))[before]?.headers).toMatchObject({ 'x-api-key': 'k1' });
    await server.call(`PATCH ${path}/${id}`, { url: 'https://example.com/', headers: null });
    expect(await server.call(`PATCH ${path}/${id}`, { url: 'https://EXAMPLE.com:443/b' })).toMatchObject({ headers: {} });
  });

  test.each<[string, object | null, object]>([
    ['no headers', null, {}],
    ['empty headers', {}, {}],
    ['some of the values', { 'X-Api-Key': 'k2' }, { 'X-Api-Key': '***' }],
    ['other headers', { 'X-Other': 'o' }, { 'X-Other': 'o' }],
  ])('a URL of another origin with %s is accepted, and the others are dropped', async (_, headers, shown) => {
    const path = await organization();
    const { id } = await create(path, { url: 'https://example.com/a', headers: { 'X-Api-Key': 'k1', 'X-Plain': 'p' } });
    expect(await server.call(`PATCH ${path}/${id}`, { url: 'https://other.example/', headers })).toMatchObject({
      url: 'https://other.example/',
      headers: shown,
    });
    const after = await server.call<{ headers: object }>(`GET ${path}/${id}`);
    expect(after.headers).toEqual(shown);
  });

  test('a refused change changes nothing, not even its valid fields', async () => {
    const path = await organization();
    const webhook = await create(path);
    const before = await server.call(`GET ${path}/${webhook.id}`);
    for (const change of [
      { description: 'new', url: 'nonsense' },
      { description: 'new', status: 'failed' },
      { secret: 'x', description: 'new' },
    ]) {
      expect((await server.request(`PATCH ${path}/${webhook.id}`, change)).status).toBe(422);
    }
    expect(await server.call(`GET ${path}/${webhook.id}`)).toEqual(before);
  });

  test('the status changes with the other fields, in one step', async () => {
    const path = await organization();
    const { id } = await create(path);
    expect(await server.call(`PATCH ${path}/${id}`, { status: 'paused', description: 'off' })).toMatchObject({
      status: 'paused',
      description: 'off',
    });
    expect(await server.call(`PATCH ${path}/${id}`, { status: 'active' })).toMatchObject({ status: 'active' });
  });

  test('pause and enable may be repeated; a deleted webhook is gone', async () => {
    const path = await organization();
    const { id } = await create(path);
    for (const [action, status] of ['pause', 'pause', 'enable', 'enable'].map((one) => [one, one === 'pause' ? 'paused' : 'active'])) {
      expect(await server.call(`POST ${path}/${id}/${action}`)).toMatchObject({ status });
    }
    await server.call(`DELETE ${path}/${id}`);
    for (const call of [`GET ${path}/${id}`, `DELETE ${path}/${id}`, `POST ${path}/${id}/enable`, `POST ${path}/${id}/ping`]) {
      expect(await server.request(call)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });
});

describe('rotating the secret', () => {
  test('the new secret is generated or chosen, and shown once', async () => {
    const path = await organization();
    const { id, secret } = await create(path);
    const rotated = await server.call<Webhook>(`POST ${path}/${id}/rotate-secret`);
    expect(rotated.secret).toMatch(/^whsec_/);
    expect(rotated.secret).not.toBe(secret);
    const given = await server.call<Webhook>(`POST ${path}/${id}/rotate-secret`, { secret: 'one of our own', overlapSeconds: 0 });
    expect(given.secret).toBe('one of our own');
    expect(await server.call(`GET ${path}/${id}`)).not.toHaveProperty('secret');
  });

  test('an ed25519 key is replaced by another, whose public key is shown', async () => {
    const path = await organization();
    const key = `whsk_${Buffer.alloc(32, 7).toString('base64')}`;
    const { id, publicKey } = await create(path, { secret: key });
    expect(publicKey).toMatch(/^whpk_/);
    const rotated = await server.call<Webhook>(`POST ${path}/${id}/rotate-secret`);
    expect(rotated.secret).toMatch(/^whsk_/);
    expect(rotated.publicKey).not.toBe(publicKey);
  });

  test('the number of overlapping secrets is limited; ending the overlaps makes room', async () => {
    const path = await organization();
    const { id } = await create(path);
    for (let n = 0; n < 9; n++) await server.call(`POST ${path}/${id}/rotate-secret`);
    expect(await server.request(`POST ${path}/${id}/rotate-secret`)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    await server.call(`POST ${path}/${id}/rotate-secret`, { overlapSeconds: 0 });
    await server.call(`POST ${path}/${id}/rotate-secret`);
  });

  test.each([{ overlapSeconds: 604_801 }, { overlapSeconds: -1 }, { secret: 'short' }, { nonsense: 1 }])('%o is refused', async (body) => {
    const path = await organization();
    const { id } = await create(path);
    expect((await server.request(`POST ${path}/${id}/rotate-secret`, body)).status).toBe(422);
  });
});

test('a test event of an unknown type is refused with the known types', async () => {
  const path = await organization('shop');
  const { id } = await create(path);
  expect(await server.request(`POST ${path}/${id}/test`, { type: 'nothing' })).toMatchObject({
    status: 422,
    body: { code: 'unknown_event_type', errors: [{ path: '/type', message: 'must be one of order-paid, order-sent' }] },
  });
});

test.each([
  [{ since: '2026-01-02T00:00:00Z', until: '2026-01-01T00:00:00Z' }, '/until', 'range'],
  [{ since: '2016-12-31T23:59:60Z' }, '/since', 'date-time'],
  [{ since: 'yesterday' }, '/since', 'format'],
  [{}, '/since', 'required'],
  [{ since: '2026-01-01T00:00:00Z', status: 'odd' }, '/status', 'enum'],
])('a replay of %o is refused at %s', async (body, path, rule) => {
  const org = await organization();
  const { id } = await create(org);
  const answer = await server.request<Problem>(`POST ${org}/${id}/replay`, body);
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toContainEqual(expect.objectContaining({ path, rule }));
});

test('another organization’s webhook can be neither read nor changed', async () => {
  const [mine, theirs] = [await organization(), await organization()];
  const { id } = await create(theirs);
  const before = await server.call(`GET ${theirs}/${id}`);
  const calls: [string, object?][] = [
    [`GET ${mine}/${id}`],
    [`PATCH ${mine}/${id}`, { url: 'https://evil.example/' }],
    [`DELETE ${mine}/${id}`],
    ...['enable', 'pause', 'rotate-secret', 'ping'].map((action): [string] => [`POST ${mine}/${id}/${action}`]),
    [`POST ${mine}/${id}/test`, { type: 'a' }],
    [`POST ${mine}/${id}/replay`, { since: '2026-01-01T00:00:00Z' }],
  ];
  for (const [call, body] of calls) expect(await server.request(call, body)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  expect(await server.call(`GET ${theirs}/${id}`)).toEqual(before);
});
