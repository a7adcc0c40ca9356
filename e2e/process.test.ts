import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../packages/server/test-support/eventually.ts';
import { startServer } from './harness/server.ts';

test('starts, becomes ready, and stops on a signal', async () => {
  await using server = await startServer();
  expect(await (await fetch(`${server.url}/healthz`)).json()).toMatchObject({ status: 'ok' });
  expect(await server.stop()).toBe(0);
  await expect(fetch(server.url)).rejects.toThrow('fetch failed');
});

test('after SIGTERM /readyz is 503 while requests still work; a second signal exits at once', async () => {
  await using server = await startServer({ environment: { POSTHORN_STOP_DELAY_SECONDS: '120' } });
  process.kill(server.pid, 'SIGTERM');
  await eventually(async () => {
    const ready = await fetch(`${server.url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, expect.objectContaining({ problems: ['the server is stopping'] })]);
  });
  expect((await server.request('GET', '/v1/organizations')).status).toBe(200);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  // The second signal does not wait for the delay.
  expect(await server.stop()).toBe(1);
});

test('the last requests on open connections are completed, or refused with an error response', async () => {
  await using server = await startServer();
  await server.call('POST', '/v1/organizations', { id: 'acme', name: 'Acme' });
  const body = JSON.stringify({ type: 'a.b', data: {} });
  const request = (more: string): string =>
    `POST /v1/organizations/acme/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.rootKey}\r\n${more}` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  let answers = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answers += chunk));
  const closed = once(socket, 'close');
  socket.write(request('Expect: 100-continue\r\n'));
  await eventually(() => expect(answers).toContain('100 Continue'));
  process.kill(server.pid, 'SIGTERM');
  await eventually(async () => expect(await fetch(server.url).catch((error: unknown) => error)).toBeInstanceOf(TypeError));
  socket.write(body + request('') + body);
  await closed;
  const [, done, refused] = answers.split(/(?=HTTP\/1\.1 )/);
  expect(done).toMatch(/^HTTP\/1\.1 202 /);
  expect(refused).toMatch(/^HTTP\/1\.1 503 [^]*application\/problem\+json[^]*"code":"unavailable"/);
  expect(refused).toMatch(/^connection: close\r$/im);
  await eventually(() => expect(server.output()).toContain('Posthorn has stopped'));
});

test('lists all invalid settings at once, without their values', async () => {
  const environment = { POSTHORN_PORT: 'eighty', POSTHORN_ENCRYPTION_KEY: 'short-key', POSTHORN_LOG_LEVL: 'info' };
  const refused = await startServer({ environment }).catch((error: unknown) => String(error));
  expect(refused).toContain('POSTHORN_PORT must be');
  expect(refused).toContain('POSTHORN_ENCRYPTION_KEY must have');
  expect(refused).toContain('POSTHORN_LOG_LEVL is not a Posthorn setting');
  expect(refused).not.toMatch(/eighty|short-key/);
});

test('generates keys for the embedded database and reuses them after a restart', async () => {
  const environment = { POSTHORN_ROOT_KEY: undefined, POSTHORN_ENCRYPTION_KEY: undefined };
  await using first = await startServer({ environment });
  const key = (await readFile(join(first.dataDir, 'root-key'), 'utf8')).trim();
  await first.kill();
  await using second = await startServer({ environment, dataDir: first.dataDir });
  const answer = await second.request('GET', '/v1/organizations', { headers: { authorization: `Bearer ${key}` } });
  expect(answer.status).toBe(200);
});
