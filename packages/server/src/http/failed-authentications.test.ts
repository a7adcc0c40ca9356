import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { testPostgres } from '../../test-support/database.ts';
import { startHttpEdge } from '../../test-support/http-edge.ts';
import { startInboundEdge } from '../../test-support/inbound-edge.ts';
import { logLines } from '../../test-support/log-lines.ts';

const KEYS = '/v1/organizations/acme/api-keys';

test('an address that keeps failing gets 429 and is logged once; valid keys still work, even new ones', async () => {
  const { stream, lines } = logLines();
  await using edge = await startHttpEdge({ database: await testPostgres(), log: pino({ level: 'warn' }, stream) });
  const made = await edge.request(`POST ${KEYS}`, { body: { name: 'good' } });
  const { key: good } = made.body as { key: string };
  const attempt = async (key: string | null): Promise<number> => (await edge.request(`GET ${KEYS}`, { key })).status;

  for (let count = 0; count < 30; count++) expect(await attempt(null)).toBe(401);
  const wrong = await Promise.all(Array.from({ length: 30 }, (_, count) => attempt(`ph_wrong_${count}`)));
  expect(new Set(wrong)).toEqual(new Set([401]));
  const refused = await edge.request(`GET ${KEYS}`, { key: 'ph_wrong_key' });
  expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(await attempt(null)).toBe(429);

  const mixed = await Promise.all(Array.from({ length: 40 }, (_, count) => attempt(count % 4 === 0 ? good : `ph_bad_key_${count}`)));
  expect(mixed).toEqual(Array.from({ length: 40 }, (_, count) => (count % 4 === 0 ? 200 : 429)));
  expect((await edge.request(`GET ${KEYS}`)).status).toBe(200);
  expect(lines().map(({ msg }) => msg)).toEqual(['Too many failed authentications from one address; further failures get 429']);
  expect(JSON.stringify(lines())).not.toContain('ph_');

  edge.time += 2_000;
  expect(await attempt('ph_wrong_key')).toBe(401);
});

test('wrong keys and unknown targets in inbound URLs count too; the right key still works', async () => {
  await using edge = await startInboundEdge({ database: await testPostgres() });
  const { path } = await edge.goal();
  const point = { date: '2026-01-05', value: 1 };
  const wrong = `${path.slice(0, path.lastIndexOf('/'))}/in_wrong`;
  const unknown = `/in/goal/${randomUUID()}/in_wrong`;
  for (let count = 0; count < 30; count++) {
    expect((await edge.post(wrong, point)).status).toBe(401);
    expect((await edge.post(unknown, point)).status).toBe(404);
  }
  expect(await edge.post(wrong, point)).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
  expect((await edge.post(unknown, point)).status).toBe(429);
  expect((await edge.post(path, point)).status).toBe(201);
});
