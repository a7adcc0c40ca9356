import { expect, test } from 'vitest';
import { startApiServer, type ApiServer } from '../../../test-support/api-server.ts';
import { statement } from '../../store/database.ts';
import { openPostgres } from '../../store/postgres.ts';

const EVENTS = '/v1/organizations/acme/events';
const FORGET = statement('test_forget', 'DELETE FROM idempotency_keys');

async function start(): Promise<ApiServer> {
  const server = await startApiServer({ products: [{ name: 'generic', anyEvent: true, events: {} }] });
  await server.call('POST /v1/organizations', { id: 'acme', name: 'Acme' });
  return server;
}

/** Simulates a crash after the commit and before the response was stored, more than a minute ago. */
async function loseAnswers(server: ApiServer): Promise<void> {
  const database = await openPostgres(server.databaseUrl ?? '', { connections: 1 });
  await database.query(FORGET);
  await database.close();
}

async function post(server: ApiServer, path: string, body: unknown): Promise<{ replayed: boolean; body: unknown }> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.rootKey}`, 'content-type': 'application/json', 'idempotency-key': 'one' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(202);
  return { replayed: response.headers.has('idempotency-replayed'), body: await response.json() };
}

async function emitted(server: ApiServer): Promise<number> {
  const { data } = await server.call<{ data: unknown[] }>(`GET ${EVENTS}`);
  return data.length;
}

test('an emit with an Idempotency-Key is not repeated, even if its response was lost', async () => {
  await using server = await start();
  const first = await post(server, EVENTS, { type: 'a', data: {} });
  expect(await post(server, EVENTS, { type: 'a', data: {} })).toEqual({ replayed: true, body: first.body });
  await loseAnswers(server);
  expect(await post(server, EVENTS, { type: 'a', data: {} })).toEqual({ replayed: false, body: first.body });
  expect(await emitted(server)).toBe(1);
});

test('a batch with an Idempotency-Key is not repeated either, with or without event ids', async () => {
  await using server = await start();
  const batch = { events: [{ type: 'a', data: {} }, { type: 'a', data: {} }, { type: 'a', data: {}, id: 'own' }, { type: 'a' }] };
  const first = await post(server, `${EVENTS}/batch`, batch);
  await loseAnswers(server);
  expect(await post(server, `${EVENTS}/batch`, batch)).toEqual({ replayed: false, body: first.body });
  expect(await emitted(server)).toBe(3);
});
