import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startServer } from './harness/server.ts';

test('is ready, and stops when told to', async () => {
  await using server = await startServer();
  expect(await (await fetch(`${server.url}/healthz`)).json()).toMatchObject({ status: 'ok' });
  expect(await server.stop()).toBe(0);
  await expect(fetch(server.url)).rejects.toThrow('fetch failed');
});

test('names every wrong setting at once, and shows no value', async () => {
  const environment = { POSTHORN_PORT: 'eighty', POSTHORN_ENCRYPTION_KEY: 'short-key', POSTHORN_LOG_LEVL: 'info' };
  const refused = await startServer({ environment }).catch((error: unknown) => String(error));
  expect(refused).toContain('POSTHORN_PORT must be');
  expect(refused).toContain('POSTHORN_ENCRYPTION_KEY must have');
  expect(refused).toContain('POSTHORN_LOG_LEVL is not a setting');
  expect(refused).not.toMatch(/eighty|short-key/);
});

test('makes keys of its own on the embedded database, and keeps them over a restart', async () => {
  const environment = { POSTHORN_ROOT_KEY: undefined, POSTHORN_ENCRYPTION_KEY: undefined };
  await using first = await startServer({ environment });
  const key = (await readFile(join(first.dataDir, 'root-key'), 'utf8')).trim();
  await first.kill();
  await using second = await startServer({ environment, dataDir: first.dataDir });
  const answer = await second.request('GET', '/v1/organizations', { headers: { authorization: `Bearer ${key}` } });
  expect(answer.status).toBe(200);
});
