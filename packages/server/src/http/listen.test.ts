import { once } from 'node:events';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { fastify, type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { eventually } from '../../test-support/eventually.ts';
import { listen } from './listen.ts';

const ANY = { host: '127.0.0.1', port: 0 };

function portOf(url: string): number {
  return Number(new URL(url).port);
}

async function open(url: string, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(portOf(url), '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

test('simultaneous connections are accepted within a few turns of the event loop', async () => {
  const app = fastify();
  const listener = await listen(app, ANY);
  const seen = { accepted: 0 };
  app.server.on('connection', () => seen.accepted++);
  // The kernel has all of them before the event loop has accepted one.
  const opening = open(listener.url, 160);
  let turns = 0;
  while (seen.accepted < 160) {
    await new Promise((resolve) => setImmediate(resolve));
    if (seen.accepted > 0) turns++;
  }
  expect(turns).toBeLessThan(80);
  for (const socket of await opening) socket.destroy();
  await listener.close();
});

test('a port in use is refused, even if another Posthorn server uses it', async () => {
  const first = await listen(fastify(), ANY);
  await expect(listen(fastify(), { host: '127.0.0.1', port: portOf(first.url) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await first.close();
  const again = await listen(fastify(), { host: '127.0.0.1', port: portOf(first.url) });
  await again.close();
});

function slow(app: FastifyInstance): { finish: () => void; running: () => number } {
  const waiting: (() => void)[] = [];
  app.get('/', async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return 'done';
  });
  return { finish: () => waiting.forEach((resolve) => resolve()), running: () => waiting.length };
}

test('closing waits for every request in flight, on every socket, and accepts no more', async () => {
  const app = fastify();
  const { finish, running } = slow(app);
  const listener = await listen(app, ANY);
  const answers = Array.from({ length: 40 }, async () => {
    const [response] = await once(get(listener.url, { agent: false }), 'response');
    return (response as { statusCode: number }).statusCode;
  });
  await eventually(() => expect(running()).toBe(40));
  let closed = false;
  const closing = listener.close().then(() => (closed = true));
  await eventually(async () =>
    expect(await open(listener.url, 1).catch((error: unknown) => error)).toMatchObject({ code: 'ECONNREFUSED' }),
  );
  expect(closed).toBe(false);
  finish();
  expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
  await closing;
});
