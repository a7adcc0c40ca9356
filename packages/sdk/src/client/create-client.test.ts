import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '@posthorn/protocol';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { defineProduct } from '../define-product.ts';
import { PosthornApiError, PosthornConnectionError } from './api-error.ts';
import { createClient, type Client } from './create-client.ts';
import type { ClientOptions } from './transport.ts';

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

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Closes the connection instead of answering. */
  readonly hangUp?: boolean;
}

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Fake extends AsyncDisposable {
  readonly url: string;
  readonly seen: Seen[];
  readonly waits: number[];
  client(options?: Partial<ClientOptions>): Client<typeof shop>;
}

/** Answers one call after another as told; the last answer again and again. */
async function serverThat(...answers: [Answer, ...Answer[]]): Promise<Fake> {
  const seen: Seen[] = [];
  const waits: number[] = [];
  const server = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const answer = answers[Math.min(seen.length, answers.length - 1)] ?? {};
      seen.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() });
      if (answer.hangUp === true) return void request.socket.destroy();
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
    });
  });
  const { port } = server.address() as AddressInfo;
  const wait = async (milliseconds: number): Promise<void> => void waits.push(milliseconds);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    seen,
    waits,
    client: (options) => createClient<typeof shop>({ url, key: 'ph_secret', wait, random: () => 0.5, ...options }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'no failure',
    (error: unknown) => error,
  );
}

const ACCEPTED = { status: 202, body: { id: 'e1', deliveries: 2 } };
const OVERLOADED = {
  status: 503,
  headers: { 'retry-after': '2' },
  body: { type: 'x', title: 'Too much', status: 503, detail: 'Too much is waiting.', code: 'overloaded' },
};
const NOT_FOUND = { status: 404, body: { title: 'None', status: 404, detail: 'No such webhook.', code: 'not_found', requestId: 'r-1' } };

describe('a call', () => {
  test('emits an event with key, content type and an Idempotency-Key', async () => {
    await using server = await serverThat(ACCEPTED);
    const context = { scope: 'project:1', subject: { kind: 'order', id: 'o-1' }, id: 'mine', sender: { id: 7 } };
    const accepted = await server.client().organization('acme').emit('order-placed', { id: 'o-1' }, context);
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

  test('takes an Idempotency-Key of the caller’s, and keeps it out of the body', async () => {
    await using server = await serverThat(ACCEPTED);
    await server.client().organization('acme').emit('note', {}, { idempotencyKey: 'mine', signal: new AbortController().signal });
    expect(server.seen[0]?.headers['idempotency-key']).toBe('mine');
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({ type: 'note', data: {} });
  });

  test('calls of the same kind have different Idempotency-Keys', async () => {
    await using server = await serverThat(ACCEPTED);
    const organization = server.client().organization('acme');
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
    await call(server.client());
    expect(server.seen.map(({ method, path, body }) => `${method} ${path} ${body}`.trim())).toEqual([expected]);
  });

  test('an answer without content is none', async () => {
    await using server = await serverThat({ status: 204, body: '' });
    expect(await server.client().organizations.delete('acme')).toBeUndefined();
  });

  test('results of a batch come in order, refusals as errors', async () => {
    await using server = await serverThat({ status: 202, body: { results: [{ id: 'e1', deliveries: 0 }, NOT_FOUND.body] } });
    const [first, second] = await server
      .client()
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
    expect(await failureOf(server.client().organizations.get(id))).toBeInstanceOf(RangeError);
    expect(server.seen).toEqual([]);
  });

  test('a server may live under a path', async () => {
    await using server = await serverThat({});
    await server.client({ url: `${server.url}/posthorn/` }).organizations.list();
    expect(server.seen[0]?.path).toBe('/posthorn/v1/organizations');
  });

  test.each([{ url: 'example.com' }, { url: 'ftp://example.com' }, { url: '' }, { key: '' }, { key: 'two words' }, { key: 'a\r\nb' }])(
    'options that cannot work are refused: %j',
    (wrong) => {
      expect(() => createClient({ url: 'http://127.0.0.1', key: 'k', ...wrong })).toThrow(RangeError);
    },
  );
});

describe('a refusal', () => {
  test('is an error with status, code, request id and the failing fields', async () => {
    const errors = [{ path: '/url', rule: 'required', message: 'is required' }];
    await using server = await serverThat({ status: 422, body: { ...NOT_FOUND.body, status: 422, code: 'invalid_request', errors } });
    const error = await failureOf(server.client().organizations.get('acme'));
    expect(error).toBeInstanceOf(PosthornApiError);
    expect(error).toMatchObject({ status: 422, code: 'invalid_request', message: 'No such webhook.', requestId: 'r-1', errors });
    expect(server.seen).toHaveLength(1);
  });

  test.each([
    { status: 502, body: '<html>Bad gateway</html>' },
    { status: 200, body: '<html>Log in</html>' },
    { status: 200, body: '' },
    { status: 500, body: { message: 'of somebody else' } },
  ])('an answer that is not Posthorn’s is told as such: %j', async (answer) => {
    await using server = await serverThat(answer);
    const error = await failureOf(server.client().organizations.get('acme'));
    expect(error).toMatchObject({ name: 'PosthornApiError', code: 'unexpected_answer', status: answer.status });
  });

  test('a redirect is not followed: key and body stay here', async () => {
    await using elsewhere = await serverThat(ACCEPTED);
    await using server = await serverThat({ status: 307, headers: { location: elsewhere.url } });
    const error = await failureOf(server.client().organization('acme').emit('note', {}));
    expect(error).toMatchObject({ code: 'unexpected_answer', status: 307 });
    expect(elsewhere.seen).toEqual([]);
  });

  test('no error shows the key', async () => {
    await using server = await serverThat({ hangUp: true });
    const error = await failureOf(server.client({ retries: 0 }).organization('acme').emit('note', {}));
    expect(error).toBeInstanceOf(PosthornConnectionError);
    expect(JSON.stringify(error) + String(error) + String((error as Error).cause) + (error as Error).stack).not.toContain('ph_secret');
  });
});

describe('another try', () => {
  test('of a POST after a lost connection sends the same key and body', async () => {
    await using server = await serverThat({ hangUp: true }, { hangUp: true }, ACCEPTED);
    expect(await server.client().organization('acme').emit('note', { n: 1 })).toEqual(ACCEPTED.body);
    const [first, ...others] = server.seen.map(({ headers, body }) => [headers['idempotency-key'], body]);
    expect(others).toEqual([first, first]);
    expect(server.waits).toEqual([200, 400]);
  });

  test('waits as long as the server asks', async () => {
    await using server = await serverThat(OVERLOADED, ACCEPTED);
    expect(await server.client().organization('acme').emit('note', {})).toEqual(ACCEPTED.body);
    expect(server.waits).toEqual([2_000]);
  });

  test('waits for an earlier one that is still being worked on', async () => {
    const inFlight = { ...OVERLOADED, status: 409, body: { ...OVERLOADED.body, status: 409, code: 'idempotency_in_flight' } };
    await using server = await serverThat({ hangUp: true }, inFlight, ACCEPTED);
    expect(await server.client().organization('acme').emit('note', {})).toEqual(ACCEPTED.body);
  });

  test('ends after as many as were asked for', async () => {
    await using server = await serverThat(OVERLOADED);
    const error = await failureOf(server.client({ retries: 2 }).organization('acme').emit('note', {}));
    expect(error).toMatchObject({ code: 'overloaded', retryAfterSeconds: 2 });
    expect(server.seen).toHaveLength(3);
  });

  test('does not follow where the server asks for more than a minute, or says nothing', async () => {
    await using patient = await serverThat({ ...OVERLOADED, headers: { 'retry-after': '61' } });
    expect(await failureOf(patient.client().organizations.list())).toMatchObject({ retryAfterSeconds: 61 });
    await using silent = await serverThat({ status: 503, body: OVERLOADED.body });
    expect(await failureOf(silent.client().organizations.list())).toMatchObject({ code: 'overloaded', retryAfterSeconds: null });
    expect([patient.seen.length, silent.seen.length]).toEqual([1, 1]);
  });

  test('does not follow a lost connection where the call could then be made twice', async () => {
    await using server = await serverThat({ hangUp: true });
    const { organizations } = server.client();
    for (const call of [() => organizations.update('acme', { name: 'New' }), () => organizations.delete('acme')]) {
      expect(await failureOf(call())).toMatchObject({ name: 'PosthornConnectionError', code: 'unreachable' });
    }
    expect(server.seen).toHaveLength(2);
  });

  test('does not follow a lost connection where the change names its version: carried out once, it would be refused', async () => {
    await using server = await serverThat({ hangUp: true });
    const { objects } = createClient({ url: server.url, key: 'ph_secret' }).organization('acme');
    expect(await failureOf(objects.put('deal', 'd-1', { state: {}, version: 0 }))).toMatchObject({ code: 'unreachable' });
    expect(await failureOf(objects.put('deal', 'd-1', { state: {}, version: 3 }))).toMatchObject({ code: 'unreachable' });
    expect(server.seen.map(({ headers, body }) => [headers['if-none-match'], headers['if-match'], body])).toEqual([
      ['*', undefined, '{"state":{}}'],
      [undefined, '"3"', '{"state":{}}'],
    ]);
  });

  test('follows for a change that the server turned away', async () => {
    await using server = await serverThat(OVERLOADED, { body: { id: 'acme' } });
    expect(await server.client().organizations.update('acme', { name: 'New' })).toEqual({ id: 'acme' });
  });

  test('does not follow a refusal', async () => {
    await using server = await serverThat(NOT_FOUND);
    expect(await failureOf(server.client().organization('acme').emit('note', {}))).toMatchObject({ code: 'not_found' });
    expect(server.seen).toHaveLength(1);
  });

  test('follows a try that took too long', async () => {
    let tries = 0;
    const fetch: typeof globalThis.fetch = async (_url, init) => {
      tries++;
      await once(init?.signal ?? new EventTarget(), 'abort');
      throw init?.signal?.reason;
    };
    const options = { url: 'http://127.0.0.1', key: 'k', fetch, timeoutMs: 1, retries: 1, wait: async () => {} };
    expect(await failureOf(createClient(options).organizations.list())).toMatchObject({ code: 'timeout' });
    expect(tries).toBe(2);
  });

  test('is not made once the caller has ended the call', async () => {
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    await using server = await serverThat({ hangUp: true });
    const client = server.client({ wait: async () => controller.abort(reason) });
    expect(await failureOf(client.organizations.list({}, { signal: controller.signal }))).toBe(reason);
    expect(server.seen).toHaveLength(1);
  });
});

describe('the compiler', () => {
  const organization = createClient<typeof shop>({ url: 'http://127.0.0.1', key: 'k' }).organization('acme');

  test('takes events of the definition with their data, and no others', () => {
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

  test('holds the events of a batch to the data of their own type', () => {
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

  test('knows the types there are to test with', () => {
    expectTypeOf<Parameters<typeof organization.webhooks.test>[1]>().toEqualTypeOf<'order-placed' | 'note'>();
  });

  test('takes any event where no definition is named', () => {
    const plain = createClient({ url: 'http://127.0.0.1', key: 'k' }).organization('acme');
    expectTypeOf(plain.emit<string>)
      .parameter(0)
      .toEqualTypeOf<string>();
    expectTypeOf(plain.emit<string>)
      .parameter(1)
      .toEqualTypeOf<JsonObject>();
  });
});
