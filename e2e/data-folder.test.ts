import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testPostgresUrl } from '../packages/server/test-support/database.ts';
import { openPostgres } from '../packages/server/src/store/postgres.ts';
import { startServer, type RunningServer, type ServerOptions } from './harness/server.ts';

const MAIN = join(import.meta.dirname, '../packages/server/src/main.ts');
/** Without configured keys, so that the server generates them. */
const OWN_KEYS = { POSTHORN_ROOT_KEY: undefined, POSTHORN_ENCRYPTION_KEY: undefined };

/** A start takes 2 s, and ten times as long on a busy machine. */
const SEVERAL_STARTS_MS = 180_000;

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'posthorn-folder-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

/** Returns the error message of a refused start; fails if the server starts. */
async function refusal(options: ServerOptions = { dataDir, environment: OWN_KEYS }): Promise<string> {
  const server = await startServer(options).catch((error: unknown) => String(error));
  if (typeof server === 'string') return server;
  await server.kill();
  throw new Error('The server has started.');
}

async function start(): Promise<RunningServer> {
  return startServer({ dataDir, environment: OWN_KEYS });
}

/** Creates an organization with a webhook, using the root key that the server generated. */
async function addWebhook(server: RunningServer): Promise<void> {
  const authorization = `Bearer ${(await readFile(join(dataDir, 'root-key'), 'utf8')).trim()}`;
  const post = (path: string, body: unknown) => server.request('POST', path, { body, headers: { authorization } });
  expect((await post('/v1/organizations', { id: 'acme', name: 'Acme', product: 'generic' })).status).toBe(201);
  expect((await post('/v1/organizations/acme/webhooks', { url: 'http://127.0.0.1:9/', events: ['*'] })).status).toBe(201);
}

describe('a data folder', { timeout: SEVERAL_STARTS_MS }, () => {
  test('that a server uses is refused to a second one, which names the first; after kill -9 it is free', async () => {
    await using first = await start();
    const words = await refusal();
    expect(words).toContain(`The server with process id ${first.pid} on `);
    expect(words).toContain('POSTHORN_DATA_DIR');
    expect(words).not.toContain('    at ');
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    await first.kill();
    await using second = await start();
    expect((await fetch(`${second.url}/readyz`)).status).toBe(200);
  });

  test('is locked by exactly one of several servers that start at the same time', async () => {
    const starts = await Promise.allSettled([start(), start(), start(), start()]);
    const servers = starts.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    for (const server of servers) await server.kill();
    expect(servers).toHaveLength(1);
    for (const each of starts) if (each.status === 'rejected') expect(String(each.reason)).toContain('uses the data folder');
  });

  test.skipIf(process.platform === 'win32')('of an earlier version is made private, the files of others in it are not', async () => {
    await using first = await start();
    await first.kill();
    await writeFile(join(dataDir, 'mine'), '');
    for (const path of ['', 'pglite', 'pglite/base']) await chmod(join(dataDir, path), 0o755);
    for (const path of ['mine', 'root-key', 'encryption-key', 'pglite/PG_VERSION']) await chmod(join(dataDir, path), 0o644);
    await using second = await start();
    const open: string[] = [];
    for (const path of await readdir(dataDir, { recursive: true })) {
      if (((await stat(join(dataDir, path))).mode & 0o077) !== 0) open.push(path);
    }
    expect(open).toEqual(['mine']);
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    expect(await second.stop()).toBe(0);
  });

  test.skipIf(process.platform === 'win32')(
    'in which nothing can be written is left without keys and database, and works once there is room',
    async () => {
      const limited = `trap '' XFSZ; ulimit -f 0; exec "$0" "$1"`;
      const environment = { PATH: process.env['PATH'], POSTHORN_DATA_DIR: dataDir, POSTHORN_PORT: '0' };
      const failed = await promisify(execFile)('bash', ['-c', limited, process.execPath, MAIN], { env: environment }).catch(
        (error: unknown) => error,
      );
      expect(String(failed)).toContain('EFBIG');
      expect((await readdir(dataDir)).filter((name) => /key|^pglite$/.test(name))).toEqual([]);
      await using server = await start();
      await addWebhook(server);
    },
  );
});

describe('keys kept in the data folder', { timeout: SEVERAL_STARTS_MS }, () => {
  test('are refused with advice when damaged; a deleted root key is generated again', async () => {
    await using first = await start();
    await addWebhook(first);
    await first.stop();
    const path = join(dataDir, 'root-key');
    await writeFile(path, '');
    const words = await refusal();
    expect(words).toContain(`The key file ${path} is damaged`);
    expect(words).not.toContain('    at ');
    await rm(join(dataDir, 'root-key'));
    await using second = await start();
    expect(await readFile(join(dataDir, 'root-key'), 'utf8')).toMatch(/^ph_root_[\w-]{32}\n$/);
    expect(second.output()).toContain(`in ${join(dataDir, 'root-key')}`);
  });

  test('are not generated in place of a lost encryption key that has encrypted data', async () => {
    await using first = await start();
    await addWebhook(first);
    await first.stop();
    const path = join(dataDir, 'encryption-key');
    const key = await readFile(path, 'utf8');
    await rm(path);
    expect(await refusal()).toContain('The encryption key is missing');
    expect(await readdir(dataDir)).not.toContain('encryption-key');
    await writeFile(path, `${'A'.repeat(32)}\n`);
    expect(await refusal()).toContain('The encryption key does not match this database');
    await writeFile(path, key);
    await using again = await start();
    expect((await fetch(`${again.url}/readyz`)).status).toBe(200);
  });

  test('are not printed if the output is not a terminal', async () => {
    await using server = await start();
    const [root, encryption] = await Promise.all(['root-key', 'encryption-key'].map((name) => readFile(join(dataDir, name), 'utf8')));
    expect(server.output()).toContain(`in ${join(dataDir, 'root-key')}`);
    expect(server.output()).not.toContain(root?.trim());
    expect(server.output()).not.toContain(encryption?.trim());
  });
});

test('on PostgreSQL a node whose encryption key differs from the others is refused', async () => {
  await using place = await testPostgresUrl();
  const keys = (encryption: string) => ({ databaseUrl: place.url, environment: { POSTHORN_ENCRYPTION_KEY: encryption } });
  await using first = await startServer(keys('first-key-0123456789'));
  const words = await refusal(keys('second-key-0123456789'));
  expect(words).toContain('The encryption key does not match this database');
  await using rotated = await startServer(keys('second-key-0123456789,first-key-0123456789'));
  for (const server of [first, rotated]) expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
});

test('after the steps for a lost encryption key the database accepts another one', async () => {
  await using place = await testPostgresUrl();
  await using first = await startServer({ databaseUrl: place.url });
  await first.call('POST', '/v1/organizations', { id: 'acme', name: 'Acme', product: 'generic' });
  const { id } = await first.call<{ id: string }>('POST', '/v1/organizations/acme/webhooks', { url: 'http://127.0.0.1:9/', events: ['*'] });
  await first.stop();
  expect(await refusal({ databaseUrl: place.url })).toContain('“A lost encryption key” in docs/operations.md');
  const guide = await readFile(new URL('../docs/operations.md', import.meta.url), 'utf8');
  const [, steps = ''] = /### A lost encryption key[^]*?```sql\n([^]*?)```/.exec(guide) ?? [];
  const database = await openPostgres(place.url, { connections: 1 });
  await database.script(steps);
  await database.close();
  await using second = await startServer({ databaseUrl: place.url });
  expect(await second.call('POST', `/v1/organizations/acme/webhooks/${id}/rotate-secret`, {})).toMatchObject({
    secret: expect.stringMatching(/^whsec_/),
  });
});
