import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ACCEPTED, failureOf, NOT_FOUND, OVERLOADED, serverThat } from '../../test-support/fake-server.ts';
import { createClient } from './create-client.ts';

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

  test('waits for an earlier one that is still in progress', async () => {
    const inFlight = { ...OVERLOADED, status: 409, body: { ...OVERLOADED.body, status: 409, code: 'idempotency_in_flight' } };
    await using server = await serverThat({ hangUp: true }, inFlight, ACCEPTED);
    expect(await server.client().organization('acme').emit('note', {})).toEqual(ACCEPTED.body);
  });

  test('ends after the configured number of retries', async () => {
    await using server = await serverThat(OVERLOADED);
    const error = await failureOf(server.client({ retries: 2 }).organization('acme').emit('note', {}));
    expect(error).toMatchObject({ code: 'overloaded', retryAfterSeconds: 2 });
    expect(server.seen).toHaveLength(3);
  });

  test('does not follow if the server asks for more than a minute', async () => {
    await using patient = await serverThat({ ...OVERLOADED, headers: { 'retry-after': '61' } });
    expect(await failureOf(patient.client().organizations.list())).toMatchObject({ retryAfterSeconds: 61 });
    expect(patient.seen).toHaveLength(1);
  });

  const proxy = { body: '<html>Bad gateway</html>' };
  test.each([
    { ...proxy, status: 429 },
    { ...proxy, status: 502 },
    { ...proxy, status: 503 },
    { ...proxy, status: 504 },
    { status: 503, body: OVERLOADED.body },
    { status: 503, body: { ...OVERLOADED.body, code: 'unavailable' } },
  ])('of what may be repeated follows $status, and backs off where no time is named', async (passing) => {
    await using server = await serverThat(passing, passing, ACCEPTED, passing, passing, { body: { data: [], nextCursor: null } });
    expect(await server.client().organization('acme').emit('note', {})).toEqual(ACCEPTED.body);
    expect(await server.client().organizations.list()).toMatchObject({ data: [] });
    expect(server.waits).toEqual([200, 400, 200, 400]);
    expect(new Set(server.seen.slice(0, 3).map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
  });

  test.each([502, 503, 504])('does not follow %i from a proxy if the call could be made twice', async (status) => {
    await using server = await serverThat({ ...proxy, status, headers: { 'retry-after': '1' } });
    const { organizations } = server.client();
    expect(await failureOf(organizations.delete('acme'))).toMatchObject({ status, retryAfterSeconds: 1 });
    expect(await failureOf(organizations.update('acme', { name: 'New' }))).toMatchObject({ status });
    expect(server.seen).toHaveLength(2);
  });

  test('follows 429 for every call: the server has done nothing', async () => {
    const limited = { ...OVERLOADED, status: 429, body: { ...OVERLOADED.body, status: 429, code: 'rate_limited' } };
    await using server = await serverThat(limited, { status: 204 }, { ...proxy, status: 429 }, { status: 204 });
    await server.client().organizations.delete('acme');
    await server.client().organizations.delete('acme');
    expect(server.waits).toEqual([2_000, 200]);
  });

  test('does not follow other statuses', async () => {
    for (const status of [400, 401, 404, 409, 422, 500, 501]) {
      await using server = await serverThat({ ...proxy, status, headers: { 'retry-after': '1' } });
      expect(await failureOf(server.client().organizations.list())).toMatchObject({ status });
      expect([status, server.seen.length]).toEqual([status, 1]);
    }
  });

  test('waits until a date, by the clock of the server', async () => {
    const date = 'Wed, 21 Oct 2015 07:28:00 GMT';
    await using server = await serverThat(
      { ...proxy, status: 503, headers: { date, 'retry-after': 'Wed, 21 Oct 2015 07:28:07 GMT' } },
      { ...proxy, status: 503, headers: { date, 'retry-after': 'Wed, 21 Oct 2015 07:27:00 GMT' } },
      { ...proxy, status: 503, headers: { date, 'retry-after': 'soon' } },
      ACCEPTED,
    );
    expect(await server.client().organization('acme').emit('note', {})).toEqual(ACCEPTED.body);
    expect(server.waits).toEqual([7_000, 400, 800]);
  });

  test('waits for 10 s at most if the server names no time, after any number of tries', async () => {
    await using server = await serverThat({ ...proxy, status: 503 });
    await failureOf(server.client({ retries: 12 }).organizations.list());
    expect(server.seen).toHaveLength(13);
    expect(Math.max(...server.waits)).toBe(10_000);
  });

  test('follows an answer that breaks off', async () => {
    await using server = await serverThat({ headers: { 'content-length': '500' }, breakOff: true }, ACCEPTED);
    expect(await server.client().organization('acme').emit('note', {})).toEqual(ACCEPTED.body);
    expect(server.seen).toHaveLength(2);
  });

  test('does not follow a lost connection if the call could be made twice', async () => {
    await using server = await serverThat({ hangUp: true });
    const { organizations } = server.client();
    for (const call of [() => organizations.update('acme', { name: 'New' }), () => organizations.delete('acme')]) {
      expect(await failureOf(call())).toMatchObject({ name: 'PosthornConnectionError', code: 'unreachable' });
    }
    expect(server.seen).toHaveLength(2);
  });

  test('does not follow a lost connection if the change names its version: after a success it would be refused', async () => {
    await using server = await serverThat({ hangUp: true });
    const { objects } = createClient({ url: server.url, key: 'ph_secret' }).organization('acme');
    expect(await failureOf(objects.put('deal', 'd-1', { state: {}, version: 0 }))).toMatchObject({ code: 'unreachable' });
    expect(await failureOf(objects.put('deal', 'd-1', { state: {}, version: 3 }))).toMatchObject({ code: 'unreachable' });
    expect(server.seen.map(({ headers, body }) => [headers['if-none-match'], headers['if-match'], body])).toEqual([
      ['*', undefined, '{"state":{}}'],
      [undefined, '"3"', '{"state":{}}'],
    ]);
  });

  test('follows for a change that the server refused for now', async () => {
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

  test('is not made once the caller has aborted the call', async () => {
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    await using server = await serverThat({ hangUp: true });
    const client = server.client({ wait: async () => controller.abort(reason) });
    expect(await failureOf(client.organizations.list({}, { signal: controller.signal }))).toBe(reason);
    expect(server.seen).toHaveLength(1);
  });
});
