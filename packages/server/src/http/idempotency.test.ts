import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { describeOnBothDatabases, type TestDatabase } from '../../test-support/database.ts';
import { startHttpEdge, type EdgeAnswer, type HttpEdge } from '../../test-support/http-edge.ts';
import { statement } from '../store/database.ts';
import { answerInCommit, idempotentProgress, progressInCommit } from './answer-in-commit.ts';
import { idempotentEventId } from './idempotency.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/;

const HOUR = 3_600_000;
const ACME = 'POST /v1/organizations/acme/work';

/** Counts the calls of the test's routes. */
interface Work {
  calls: number;
  run: (request: FastifyRequest, reply: FastifyReply) => unknown;
}

async function start(database: TestDatabase): Promise<{ edge: HttpEdge; work: Work } & AsyncDisposable> {
  const work: Work = { calls: 0, run: (_request, reply) => reply.code(201).send({ call: work.calls }) };
  const edge = await startHttpEdge({
    database,
    api(app: FastifyInstance) {
      const handler = (request: FastifyRequest, reply: FastifyReply): unknown => {
        work.calls++;
        return work.run(request, reply);
      };
      for (const path of ['/work', '/organizations/:org/work', '/organizations/:org/other-work']) app.post(path, handler);
      app.put('/organizations/:org/work', handler);
    },
  });
  return { edge, work, [Symbol.asyncDispose]: () => edge[Symbol.asyncDispose]() };
}

function keyed(key: string, body: unknown = { a: 1 }): { headers: Record<string, string>; body: string } {
  return { headers: { 'idempotency-key': key }, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

function codeOf({ body }: EdgeAnswer): unknown {
  return typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined;
}

async function organizationKey(edge: HttpEdge, organization: string): Promise<string> {
  const { body } = await edge.request(`POST /v1/organizations/${organization}/api-keys`, { body: { name: 'test' } });
  if (typeof body === 'object' && body !== null && 'key' in body) return String(body.key);
  throw new Error('No key was made.');
}

describeOnBothDatabases('Idempotency-Key', (open) => {
  test('a repeated request returns the first response and does nothing', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    const first = await edge.request(ACME, keyed('one'));
    const again = await edge.request(ACME, keyed('one'));
    expect(first).toMatchObject({ status: 201, body: { call: 1 } });
    expect(again).toMatchObject({ status: 201, body: { call: 1 } });
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(work.calls).toBe(1);
    expect((await edge.request(ACME, keyed('two'))).body).toEqual({ call: 2 });
  });

  test('a refusal is stored like any other response', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    work.run = () => {
      throw new PosthornError('conflict', 'Not now.');
    };
    const first = await edge.request(ACME, keyed('one'));
    const again = await edge.request(ACME, keyed('one'));
    expect(again).toMatchObject({ status: 409, body: first.body });
    expect(again.headers.get('content-type')).toContain('application/problem+json');
    expect(work.calls).toBe(1);
  });

  test('another body, address or spelling with the same key is refused and not processed', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    await edge.request(ACME, keyed('one', '{"a":1}'));
    for (const answer of [
      await edge.request(ACME, keyed('one', '{"a":2}')),
      await edge.request(ACME, keyed('one', '{"a": 1}')),
      await edge.request('POST /v1/organizations/acme/other-work', keyed('one', '{"a":1}')),
      await edge.request(`${ACME}?b=1`, keyed('one', '{"a":1}')),
      await edge.request(ACME, { headers: { 'idempotency-key': 'one' } }),
    ]) {
      expect(answer.status).toBe(422);
      expect(codeOf(answer)).toBe('idempotency_mismatch');
    }
    expect(work.calls).toBe(1);
  });

  test('while the first request is in progress, repeats get 409; afterwards they get its response', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    work.run = async () => {
      begun.resolve();
      await end.promise;
      return { done: true };
    };
    const first = edge.request(ACME, keyed('one'));
    await begun.promise;
    const early = await edge.request(ACME, keyed('one'));
    expect(early.status).toBe(409);
    expect(codeOf(early)).toBe('idempotency_in_flight');
    expect(early.headers.get('retry-after')).toBe('1');
    end.resolve();
    expect((await first).body).toEqual({ done: true });
    expect((await edge.request(ACME, keyed('one'))).body).toEqual({ done: true });
    expect(work.calls).toBe(1);
  });

  test('of many simultaneous requests exactly one is processed', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    const answers = await Promise.all(Array.from({ length: 20 }, () => edge.request(ACME, keyed('one'))));
    expect(work.calls).toBe(1);
    for (const answer of answers) expect(answer.status === 201 || codeOf(answer) === 'idempotency_in_flight').toBe(true);
  });

  test('a failure of the server frees the key', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    const good = work.run;
    work.run = () => {
      throw new PosthornError('unavailable', 'Not now.', { retryAfterSeconds: 1 });
    };
    expect((await edge.request(ACME, keyed('one'))).status).toBe(503);
    work.run = () => {
      throw new Error('A fault.');
    };
    expect((await edge.request(ACME, keyed('one'))).status).toBe(500);
    work.run = good;
    expect(await edge.request(ACME, keyed('one', { another: 'body' }))).toMatchObject({ status: 201, body: { call: 3 } });
  });

  test('a first request that never ended frees the key after a minute, and its late response is dropped', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    const end = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const good = work.run;
    work.run = async () => {
      begun.resolve();
      await end.promise;
      return { late: true };
    };
    const lost = edge.request(ACME, keyed('one'));
    await begun.promise;
    edge.time += 59_000;
    expect(codeOf(await edge.request(ACME, keyed('one')))).toBe('idempotency_in_flight');
    edge.time += 2_000;
    work.run = good;
    expect((await edge.request(ACME, keyed('one'))).body).toEqual({ call: 2 });
    end.resolve();
    expect((await lost).body).toEqual({ late: true });
    expect((await edge.request(ACME, keyed('one'))).body).toEqual({ call: 2 });
  });

  test('a change that takes longer than a minute is rolled back once its repeat has begun', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    await edge.database.script('CREATE TABLE made (call integer)');
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    work.run = async (_request, reply) => {
      const { calls } = work;
      if (calls === 1) {
        begun.resolve();
        await end.promise;
      }
      await edge.database.transaction(async (transaction) => {
        await transaction.query(statement(`test_make_${calls}`, `INSERT INTO made VALUES (${calls})`));
        await answerInCommit(reply, 201, (call: number) => ({ call }))(transaction, calls);
      });
      return reply.code(201).send({ call: calls });
    };
    const slow = edge.request(ACME, keyed('one'));
    await begun.promise;
    edge.time += 61_000;
    expect(await edge.request(ACME, keyed('one'))).toMatchObject({ status: 201, body: { call: 2 } });
    end.resolve();
    expect(await slow).toMatchObject({ status: 409, body: { code: 'idempotency_in_flight' } });
    expect(await edge.database.query(statement('test_made', 'SELECT call FROM made'))).toEqual([{ call: 2 }]);
    expect((await edge.request(ACME, keyed('one'))).body).toEqual({ call: 2 });
  });

  test('a failure after the commit returns an error, and a repeat returns what was committed', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    work.run = async (_request, reply) => {
      await edge.database.transaction((transaction) => answerInCommit(reply, 201, (call: number) => ({ call }))(transaction, work.calls));
      throw new Error('A fault.');
    };
    expect((await edge.request(ACME, keyed('one'))).status).toBe(500);
    const again = await edge.request(ACME, keyed('one'));
    expect(again).toMatchObject({ status: 201, body: { call: 1 } });
    expect(again.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  test('a change of several commits that failed continues at once, and only for the same request', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    const seen: unknown[] = [];
    work.run = async (request) => {
      seen.push(idempotentProgress(request));
      await edge.database.transaction((transaction) => progressInCommit(request, (part: number) => ({ part }))(transaction, work.calls));
      if (work.calls < 3) throw new Error('A fault.');
      return { done: true };
    };
    expect((await edge.request(ACME, keyed('one'))).status).toBe(500);
    expect((await edge.request(ACME, keyed('one'))).status).toBe(500);
    edge.time += 1;
    expect((await edge.request(ACME, keyed('one'))).body).toEqual({ done: true });
    expect((await edge.request(ACME, keyed('two'))).body).toEqual({ done: true });
    expect(seen).toEqual([null, { part: 1 }, { part: 2 }, null]);
  });

  test('after 24 hours the key can be used for a new request', async () => {
    await using started = await start(await open());
    const { edge } = started;
    await edge.request(ACME, keyed('one'));
    edge.time += 23 * HOUR;
    expect((await edge.request(ACME, keyed('one'))).body).toEqual({ call: 1 });
    edge.time += 2 * HOUR;
    expect((await edge.request(ACME, keyed('one', { b: 2 }))).body).toEqual({ call: 2 });
  });

  test('old responses are deleted, new ones are not', async () => {
    await using started = await start(await open());
    const { edge } = started;
    await edge.request(ACME, keyed('old'));
    edge.time += 25 * HOUR;
    await edge.request(ACME, keyed('new'));
    await edge.idempotency.forgetOld();
    const rows = await edge.database.query(statement('test_keys', 'SELECT key FROM idempotency_keys'));
    expect(rows).toEqual([{ key: 'new' }]);
  });

  test('each organization has its own keys, and none gets the operator’s responses', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    const acme = await organizationKey(edge, 'acme');
    const made = await edge.request('POST /v1/api-keys', keyed('same', { name: 'root' }));
    expect(made.status).toBe(201);
    expect((await edge.request(ACME, keyed('same'))).body).toEqual({ call: 1 });
    expect((await edge.request('POST /v1/organizations/other/work', keyed('same'))).body).toEqual({ call: 2 });
    const stolen = await edge.request('POST /v1/api-keys', { ...keyed('same', { name: 'root' }), key: acme });
    expect(codeOf(stolen)).toBe('idempotency_mismatch');
    const asked = await edge.request('POST /v1/api-keys', { ...keyed('fresh', { name: 'root' }), key: acme });
    expect(codeOf(asked)).toBe('forbidden');
    expect(work.calls).toBe(2);
  });

  test('a response with a secret is returned again, and is not readable in the database', async () => {
    await using started = await start(await open());
    const { edge } = started;
    const first = await edge.request('POST /v1/api-keys', keyed('one', { name: 'root' }));
    const again = await edge.request('POST /v1/api-keys', keyed('one', { name: 'root' }));
    expect(again.body).toEqual(first.body);
    const [row] = await edge.database.query<{ body: Buffer }>(statement('test_body', 'SELECT response_body AS body FROM idempotency_keys'));
    expect(row?.body.length).toBeGreaterThan(100);
    expect(row?.body.includes('ph_')).toBe(false);
  });

  test('invalid keys are refused, and the longest valid one is accepted', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    for (const key of ['', 'with space', 'ümlaut', 'x'.repeat(256)]) {
      const answer = await edge.request(ACME, keyed(key));
      expect([key.slice(0, 20), answer.status, codeOf(answer)]).toEqual([key.slice(0, 20), 422, 'invalid_request']);
    }
    expect(work.calls).toBe(0);
    expect((await edge.request(ACME, keyed('x'.repeat(255)))).status).toBe(201);
  });

  test('idempotent methods ignore the header', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    await edge.request('PUT /v1/organizations/acme/work', keyed('one'));
    const again = await edge.request('PUT /v1/organizations/acme/work', keyed('one'));
    expect(again.headers.get('idempotency-replayed')).toBeNull();
    expect(work.calls).toBe(2);
  });

  test('the same request gets the same event ids, another request gets others, and none without a key', async () => {
    await using started = await start(await open());
    const { edge, work } = started;
    work.run = (request) => {
      const ids = { ids: [idempotentEventId(request), idempotentEventId(request, 1)] };
      throw new PosthornError('unavailable', JSON.stringify(ids));
    };
    const idsOf = async (key: string, body: unknown): Promise<unknown> => {
      const answer = await edge.request(ACME, keyed(key, body));
      const detail = typeof answer.body === 'object' && answer.body !== null && 'detail' in answer.body ? answer.body.detail : '';
      const { ids } = JSON.parse(String(detail)) as { ids: string[] };
      return ids;
    };
    const ids = await idsOf('one', { a: 1 });
    expect(ids).toEqual([expect.stringMatching(UUID), expect.stringMatching(UUID)]);
    expect(await idsOf('one', { a: 1 })).toEqual(ids);
    expect(new Set([ids, await idsOf('one', { a: 2 }), await idsOf('two', { a: 1 })].flat()).size).toBe(6);
    const without = await edge.request(ACME, { body: { a: 1 } });
    expect(without.body).toMatchObject({ detail: '{"ids":[null,null]}' });
  });
});
