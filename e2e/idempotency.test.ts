import type { ProductDefinition } from '@posthorn/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDatabaseLine, type DatabaseLine } from '../packages/server/test-support/database-line.ts';
import { testPostgresUrl, type TestPostgresUrl } from '../packages/server/test-support/database.ts';
import { eventually } from '../packages/server/test-support/eventually.ts';
import type { ApiAnswer } from './harness/api.ts';
import { startNode, type InProcessNode } from './harness/node-in-process.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';
import { startServer } from './harness/server.ts';
import { makeTenant, type TestTenant } from './harness/tenant.ts';

/** A product without retries, with inbound hooks for goals and a digest of `things`. */
const EXACTLY: ProductDefinition = {
  name: 'exactly',
  anyEvent: true,
  events: { 'things.changed': { description: 'Things have changed.', sample: {} } },
  objects: { thing: {} },
  inbound: { targets: ['goal'] },
  digests: {
    daily: {
      event: 'things.changed',
      kind: 'thing',
      at: '07:00',
      timeZone: 'UTC',
      entry: ({ id }) => ({ id }),
      data: (_context, entries) => ({ entries: [...entries] }),
    },
  },
  delivery: { retry: { kind: 'none' } },
};

interface Page {
  readonly data: readonly { readonly id: string; readonly status?: string }[];
}

let place: TestPostgresUrl;
let line: DatabaseLine;
let node: InProcessNode;
let receiver: Receiver;

beforeAll(async () => {
  place = await testPostgresUrl();
  line = await startDatabaseLine(place.url);
  node = await startNode({ databaseUrl: line.url, products: [EXACTLY] });
  receiver = await startReceiver();
});

afterAll(async () => {
  await receiver[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
  await line[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

let keys = 0;

/** Sends a request whose commit gets no response, and then repeats it until it gets one. */
async function lostAndRepeated<Body>(path: string, body: unknown, carries = 'end_idempotent'): Promise<ApiAnswer<Body>> {
  const request = { body, headers: { 'idempotency-key': `key-${keys++}` } };
  const committed = line.loseCommitOf(carries);
  const first = await node.request('POST', path, request);
  expect([path, first.status]).toEqual([path, 503]);
  await committed;
  return node.request<Body>('POST', path, request);
}

const list = (path: string): Promise<Page> => node.call('GET', path);

describe('a repeated request with an Idempotency-Key whose first commit got no response', () => {
  let tenant: TestTenant;
  beforeAll(async () => {
    tenant = await makeTenant(node, 'exactly', { inbound: true });
    await tenant.call('POST', '/goals', { id: 'revenue', name: 'Revenue', direction: 'maximize' });
  });

  /** What is created, its path, and the secret that is shown once. */
  const CREATED: readonly [string, () => { path: string; body: object }, string | null][] = [
    ['a webhook', () => ({ path: `${tenant.path}/webhooks`, body: { url: `${receiver.url}/made`, events: ['never'] } }), 'secret'],
    ['an organization', () => ({ path: '/v1/organizations', body: { name: 'No id given', product: 'exactly' } }), null],
    ['an API key', () => ({ path: `${tenant.path}/api-keys`, body: { name: 'key' } }), 'key'],
    ['a root key', () => ({ path: '/v1/api-keys', body: { name: 'root' } }), 'key'],
    ['a goal', () => ({ path: `${tenant.path}/goals`, body: { name: 'Another', direction: 'minimize' } }), null],
    ['an inbound hook', () => ({ path: `${tenant.path}/inbound-hooks`, body: { target: { kind: 'goal', id: 'revenue' } } }), 'url'],
  ];

  test.each(CREATED)('creates %s once, and returns it with its secret', async (_what, made, secret) => {
    const { path, body } = made();
    const before = await list(`${path}?limit=200`);
    const again = await lostAndRepeated<Record<string, unknown>>(path, body);
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const after = await list(`${path}?limit=200`);
    const added = after.data.filter(({ id }) => !before.data.some((one) => one.id === id));
    expect(added.map(({ id }) => id)).toEqual([again.body['id']]);
    if (secret !== null) expect(String(again.body[secret]).length).toBeGreaterThan(20);
  });

  test('gives a new secret once', async () => {
    const made = await tenant.webhook({ url: `${receiver.url}/rotated`, events: ['never'] });
    const path = `${tenant.path}/webhooks/${made.id}/rotate-secret`;
    const again = await lostAndRepeated<{ secret: string }>(path, {});
    expect(again.status).toBe(200);
    await node.call('POST', `${tenant.path}/webhooks/${made.id}/ping`, {});
    const requests = await eventually(() => {
      const found = receiver.requests.filter(({ target }) => target === '/rotated');
      return found.length > 0 ? found : Promise.reject(new Error('No ping came.'));
    });
    const signatures = requests[0]?.headers['webhook-signature']?.split(' ') ?? [];
    expect(again.body.secret).not.toBe(made.secret);
    expect(signatures).toHaveLength(2);
  });

  test('gives an inbound hook a new key once', async () => {
    const hook = await tenant.call<{ id: string }>('POST', '/inbound-hooks', { target: { kind: 'goal', id: 'revenue' } });
    const path = `${tenant.path}/inbound-hooks/${hook.id}/rotate-key`;
    const again = await lostAndRepeated<{ url: string; keyHint: string }>(path, {});
    expect(again.status).toBe(200);
    expect(await node.call('GET', `${tenant.path}/inbound-hooks/${hook.id}`)).toMatchObject({ keyHint: again.body.keyHint });
    expect(again.body.url.endsWith(again.body.keyHint)).toBe(true);
  });

  test('sends a ping and a test once', async () => {
    const { id } = await tenant.webhook({ url: `${receiver.url}/tried`, events: ['never'] });
    for (const [call, body] of [
      ['ping', {}],
      ['test', { type: 'things.changed' }],
    ] as const) {
      const again = await lostAndRepeatedAppend<{ deliveryId: string }>(`${tenant.path}/webhooks/${id}/${call}`, body);
      expect([call, again.status]).toEqual([call, 202]);
      const { data } = await list(`${tenant.path}/deliveries?webhook=${id}`);
      expect(data.map((one) => one.id)).toContain(again.body.deliveryId);
    }
    const settled = await eventually(async () => {
      const { data } = await list(`${tenant.path}/deliveries?webhook=${id}&status=delivered`);
      return data.length === 2 ? data : Promise.reject(new Error(`${data.length} were delivered.`));
    });
    expect(settled).toHaveLength(2);
    expect(receiver.requests.filter(({ target }) => target === '/tried')).toHaveLength(2);
  });

  test('redelivers once', async () => {
    await tenant.webhook({ url: `${receiver.url}/again`, events: ['again'] });
    const { id } = await tenant.emit('again', {});
    const delivery = await tenant.settled(id, 'delivered');
    const again = await lostAndRepeated<{ id: string }>(`${tenant.path}/deliveries/${delivery.id}/redeliver`, {});
    expect(again).toMatchObject({ status: 202, body: { id: delivery.id, status: 'retrying' } });
    await tenant.settled(id, 'delivered', 2);
    expect(receiver.requests.filter(({ target }) => target === '/again')).toHaveLength(2);
  });

  test('pauses once: it does not undo an enable in between', async () => {
    const { id } = await tenant.webhook({ url: `${receiver.url}/paused`, events: ['never'] });
    const request = { headers: { 'idempotency-key': 'pause' } };
    const committed = line.loseCommitOf('end_idempotent');
    expect((await node.request('POST', `${tenant.path}/webhooks/${id}/pause`, request)).status).toBe(503);
    await committed;
    await tenant.call('POST', `/webhooks/${id}/enable`, {});
    const again = await node.request('POST', `${tenant.path}/webhooks/${id}/pause`, request);
    expect(again).toMatchObject({ status: 200, body: { status: 'paused' } });
    expect(await tenant.call('GET', `/webhooks/${id}`)).toMatchObject({ status: 'active' });
  });

  test('runs a digest once, and returns its events', async () => {
    await tenant.push('thing/1', { a: 1 });
    await tenant.push('thing/1', { a: 2 });
    const again = await lostAndRepeated<{ events: { id: string }[] }>(`${tenant.path}/digests/daily/run`, {});
    expect(again).toMatchObject({ status: 200, body: { events: [{ type: 'things.changed', data: { entries: [{ id: '1' }] } }] } });
    const { data } = await list(`${tenant.path}/events?type=things.changed`);
    expect(data.filter(({ id }) => id === again.body.events[0]?.id)).toHaveLength(1);
  });

  test('replays once, and returns the count of the first run', async () => {
    const since = new Date(Date.now() - 1_000).toISOString();
    const { id } = await tenant.webhook({ url: `${receiver.url}/replayed`, events: ['replayed'] });
    for (let n = 0; n < 3; n++) await tenant.settled((await tenant.emit('replayed', { n })).id, 'delivered');
    const path = `${tenant.path}/webhooks/${id}/replay`;
    const again = await lostAndRepeated(path, { since, status: 'delivered' }, 'advance_idempotent');
    expect(again).toMatchObject({ status: 202, body: { deliveries: 3 } });
    await receiverHas('/replayed', 6);
    expect(receiver.requests.filter(({ target }) => target === '/replayed')).toHaveLength(6);
  });
});

async function receiverHas(target: string, count: number): Promise<void> {
  await expect.poll(() => receiver.requests.filter((request) => request.target === target).length, { timeout: 15_000 }).toBe(count);
}

/** Like `lostAndRepeated`, for a request whose event is stored by a separate statement. */
async function lostAndRepeatedAppend<Body>(path: string, body: unknown): Promise<ApiAnswer<Body>> {
  const request = { body, headers: { 'idempotency-key': `key-${keys++}` } };
  line.loseAnswerTo('append_events');
  expect((await node.request('POST', path, request)).status).toBe(503);
  return node.request<Body>('POST', path, request);
}

test('enable with replay continues where it was interrupted, with the outage that enable ended', async () => {
  const tenant = await makeTenant(node, 'exactly');
  const failing = await startReceiver({ status: 410 });
  await using _ = failing;
  const { id } = await tenant.webhook({ url: `${failing.url}/down`, events: ['down'] });
  await tenant.settled((await tenant.emit('down', { n: 0 })).id, 'failed');
  await expect.poll(() => tenant.call('GET', `/webhooks/${id}`)).toMatchObject({ status: 'failed' });
  failing.react({ status: 200 });
  const path = `${tenant.path}/webhooks/${id}/enable`;
  // The commit of `enable` itself: the replay of missed events is still to come.
  const again = await lostAndRepeated(path, { replay: true }, 'advance_idempotent');
  expect(again).toMatchObject({ status: 200, body: { status: 'active' } });
  await failing.waitFor(2);
  expect(failing.requests.map(({ text }) => (JSON.parse(text) as { data: { n: number } }).data.n)).toEqual([0, 0]);
});

test('if a node dies after the commit, another node returns its response at once', async () => {
  await using own = await testPostgresUrl();
  await using ownLine = await startDatabaseLine(own.url);
  await using victim = await startServer({ databaseUrl: ownLine.url });
  const secrets = { POSTHORN_ROOT_KEY: victim.rootKey, POSTHORN_ENCRYPTION_KEY: victim.encryptionKey };
  await using other = await startServer({ databaseUrl: own.url, environment: secrets });
  const tenant = await makeTenant(other);
  const request = { body: { url: `${receiver.url}/once`, events: ['*'] }, headers: { 'idempotency-key': 'one' } };
  const committed = ownLine.loseCommitOf('end_idempotent');
  const first = victim.request('POST', `${tenant.path}/webhooks`, request).catch(() => null);
  await committed;
  await victim.kill();
  expect((await first)?.status ?? null).not.toBe(201);
  const again = await other.request<{ id: string; secret: string }>('POST', `${tenant.path}/webhooks`, request);
  expect(again).toMatchObject({ status: 201, body: { secret: expect.stringMatching(/^whsec_/) } });
  const { data } = await other.call<Page>('GET', `${tenant.path}/webhooks`);
  expect(data.map(({ id }) => id)).toEqual([again.body.id]);
});
