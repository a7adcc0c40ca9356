import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiServer, type ApiServer } from '../../../test-support/api-server.ts';
import { startEndpoint, type Endpoint } from '../../../test-support/endpoint.ts';
import { eventually } from '../../../test-support/eventually.ts';

interface Page<Item> {
  readonly data: Item[];
  readonly nextCursor: string | null;
}

interface Delivery {
  readonly id: string;
  readonly eventId: string;
  readonly webhookId: string;
  readonly status: string;
  readonly createdAt: string;
}

const generic = { name: 'generic', anyEvent: true, events: {} };

describe.each([
  { name: 'PostgreSQL', embedded: false },
  { name: 'PGlite', embedded: true },
])('deliveries ($name)', ({ embedded }) => {
  let server: ApiServer;
  let endpoint: Endpoint;
  let made = 0;

  beforeAll(async () => {
    server = await startApiServer({ products: [generic], embedded });
    endpoint = await startEndpoint();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await endpoint[Symbol.asyncDispose]();
  });

  async function organization(): Promise<string> {
    const id = `org-${made++}`;
    await server.call('POST /v1/organizations', { id, name: id });
    return `/v1/organizations/${id}`;
  }

  async function webhook(org: string, input: object = {}): Promise<string> {
    return (await server.call<{ id: string }>(`POST ${org}/webhooks`, { url: endpoint.url, events: ['*'], ...input })).id;
  }

  async function emit(org: string, type: string, more: object = {}): Promise<string> {
    return (await server.call<{ id: string }>(`POST ${org}/events`, { type, data: { n: 1 }, ...more })).id;
  }

  async function list(org: string, query: string): Promise<Delivery[]> {
    const found: Delivery[] = [];
    let cursor = '';
    do {
      const page = await server.call<Page<Delivery>>(`GET ${org}/deliveries?${query}${cursor}`);
      found.push(...page.data);
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
    } while (cursor !== '');
    return found;
  }

  test('every delivery is listed once from the moment its event is accepted, newest first, page by page', async () => {
    const org = await organization();
    await webhook(org);
    await webhook(org, { status: 'paused' });
    const events = await Promise.all(Array.from({ length: 30 }, (_, index) => emit(org, `type.${index % 3}`)));
    const found = await list(org, 'limit=7');
    expect(found).toHaveLength(60);
    expect(new Set(found.map((delivery) => delivery.eventId))).toEqual(new Set(events));
    const ids = found.map((delivery) => delivery.id);
    expect(ids).toEqual(ids.toSorted().toReversed());
    expect(new Set(ids).size).toBe(60);
  });

  test('deliveries that wait in memory are found as pending, with every filter and by id', async () => {
    const org = await organization();
    const slow = await webhook(org, { rateLimit: 0.01 });
    const quick = await webhook(org, { events: ['other'] });
    const events = await Promise.all(Array.from({ length: 20 }, () => emit(org, 'slow.type')));
    await emit(org, 'other');
    await eventually(async () => expect(await list(org, `webhook=${quick}&status=delivered`)).toHaveLength(1));
    const pending = await list(org, `webhook=${slow}&status=pending&limit=6`);
    expect(pending.every((delivery) => delivery.webhookId === slow && delivery.status === 'pending')).toBe(true);
    // The rate limiter's burst of a tenth of a second sends one or two.
    expect(pending.length).toBeGreaterThanOrEqual(18);
    expect(await list(org, `webhook=${slow}&type=other`)).toHaveLength(1);
    expect(await list(org, `webhook=${slow}&status=pending&type=nothing`)).toEqual([]);
    const [one] = pending;
    expect(await list(org, `event=${events.at(-1)}`)).toHaveLength(1);
    expect(await server.call(`GET ${org}/deliveries/${one?.id}`)).toEqual({ ...one, attempts: [] });
    expect(await server.call(`GET ${org}/deliveries/${one?.id.toUpperCase()}`)).toMatchObject({ id: one?.id });
  });

  test('from and to limit the list of deliveries', async () => {
    const org = await organization();
    await webhook(org);
    await emit(org, 'a');
    const [{ createdAt } = { createdAt: '' }] = await list(org, '');
    const later = encodeURIComponent(new Date(Date.parse(createdAt) + 1).toISOString());
    expect(await list(org, `from=${encodeURIComponent(createdAt)}&to=${later}`)).toHaveLength(1);
    expect(await list(org, `from=${later}`)).toEqual([]);
    expect(await list(org, `to=${encodeURIComponent(createdAt)}`)).toEqual([]);
  });

  test('an attempt shows its request and response, with the webhook’s own headers masked', async () => {
    const org = await organization();
    const id = await webhook(org, { headers: { 'X-Api-Key': 'let-me-in', 'X-Plain': 'not-shown' } });
    const event = await emit(org, 'order.paid', { data: { id: 'ü' } });
    const [delivery] = await eventually(async () => {
      const found = await list(org, `event=${event}`);
      expect(found).toMatchObject([{ status: 'delivered', webhookId: id }]);
      return found;
    });
    const shown = await server.call<{ attempts: { request: { headers: [string, string][]; body: string } }[] }>(
      `GET ${org}/deliveries/${delivery?.id}`,
    );
    expect(shown.attempts).toMatchObject([{ number: 1, response: { status: 200 }, failure: null, nextAttemptAt: null }]);
    const { headers, body } = shown.attempts[0]?.request ?? { headers: [], body: '' };
    const received = endpoint.requests.find((request) => request.headers['webhook-id'] === event);
    expect(body).toBe(received?.body);
    expect(received?.headers['x-api-key']).toBe('let-me-in');
    expect(headers).toContainEqual(['X-Api-Key', '***']);
    expect(headers).toContainEqual(['X-Plain', '***']);
    expect(JSON.stringify(shown)).not.toMatch(/let-me-in|not-shown/);
  });

  test('a replay to a webhook that was created later is found by its event', async () => {
    const org = await organization();
    const event = await emit(org, 'early');
    const id = await webhook(org);
    expect(await list(org, `event=${event}`)).toEqual([]);
    const since = new Date(Date.now() - 60_000).toISOString();
    expect(await server.call(`POST ${org}/webhooks/${id}/replay`, { since })).toEqual({ deliveries: 1 });
    expect(await list(org, `event=${event}`)).toMatchObject([{ webhookId: id }]);
    expect(await server.call(`GET ${org}/events/${event}`)).toMatchObject({ deliveries: [{ webhookId: id }] });
  });

  test('another organization’s deliveries are not found, listed, redelivered or cancelled', async () => {
    const [mine, theirs] = [await organization(), await organization()];
    const id = await webhook(theirs, { status: 'paused' });
    const event = await emit(theirs, 'a');
    const [delivery] = await list(theirs, '');
    const path = `${mine}/deliveries/${delivery?.id}`;
    for (const call of [`GET ${path}`, `POST ${path}/redeliver`, `POST ${path}/cancel`]) {
      expect(await server.request(call)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect(await list(mine, `webhook=${id}`)).toEqual([]);
    expect(await list(mine, `event=${event}`)).toEqual([]);
    expect(await list(mine, '')).toEqual([]);
  });

  test.each([
    ['status=nonsense', '/querystring/status', 'enum'],
    ['limit=0', '/querystring/limit', 'minimum'],
    ['limit=251', '/querystring/limit', 'maximum'],
    ['from=yesterday', '/querystring/from', 'format'],
    ['from=2016-12-31T23:59:60Z', '/querystring/from', 'date-time'],
    ['cursor=nonsense', '/querystring/cursor', 'cursor'],
    ['type=%00', '/querystring/type', 'text'],
    ['nonsense=1', '/querystring/nonsense', 'unknown_field'],
  ])('a list with %s is refused by name', async (query, path, rule) => {
    const org = await organization();
    expect(await server.request(`GET ${org}/deliveries?${query}`)).toMatchObject({
      status: 422,
      body: { code: 'invalid_request', errors: [{ path, rule }] },
    });
  });

  test.each(['%00', 'nonsense', '00000000-0000-7000-8000-000000000000'])('a delivery called %s is not found', async (id) => {
    const org = await organization();
    expect(await server.request(`GET ${org}/deliveries/${id}`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});
