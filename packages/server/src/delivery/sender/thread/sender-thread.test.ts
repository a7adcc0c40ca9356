import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sentExchange } from '../../../../test-support/sent-exchange.ts';
import { parseTargets } from '../../../network/target-address.ts';
import type { Exchange } from '../exchange.ts';
import { SenderThread } from './sender-thread.ts';

const CLOSED = { code: 'timeout', message: 'Posthorn was shut down before the endpoint had responded.' };

let server: Server;
let url: string;
let sender: SenderThread;
let held: (() => void)[];

/** Echoes requests; those to `/hold` only when told to. */
beforeEach(async () => {
  held = [];
  server = createServer((message, response) => {
    const answer = (): unknown => message.pipe(response.writeHead(201, { 'x-number': message.headers['x-number'] ?? '' }));
    if (message.url === '/hold') held.push(answer);
    else answer();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  sender = new SenderThread({ allowedTargets: parseTargets('127.0.0.0/8, ::1').targets, connectionsPerOrigin: 32 });
});

afterEach(async () => {
  await sender.close(0);
  server.closeAllConnections();
  server.close();
});

function post(path: string, body: Buffer, number = 0): Promise<Exchange> {
  return sentExchange(sender, { url: `${url}${path}`, method: 'POST', headers: [['x-number', String(number)]], body, timeoutMs: 15_000 });
}

it('each of thousands of concurrent requests gets its own response', async () => {
  const bodies = Array.from({ length: 3_000 }, (_, number) => Buffer.from(`${number} `.repeat(1 + (number % 50))));
  const exchanges = await Promise.all(bodies.map((body, number) => post('/', body, number)));
  for (const [number, { failure, response }] of exchanges.entries()) {
    expect(failure).toBeNull();
    expect(response?.headers).toContainEqual(['x-number', String(number)]);
    expect(response?.body.equals(bodies[number] ?? Buffer.alloc(0))).toBe(true);
  }
});

it('bytes of every value are transferred unchanged in both directions', async () => {
  const body = Buffer.from(Array.from({ length: 65_536 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
  const { response } = await post('/', body);
  expect(response).toMatchObject({ status: 201, truncated: false });
  expect(response?.body.equals(body)).toBe(true);
});

it('a GET has no body', async () => {
  const { failure, response } = await sentExchange(sender, { url, method: 'GET', headers: [], body: null, timeoutMs: 15_000 });
  expect(failure).toBeNull();
  expect(response).toMatchObject({ status: 201, body: Buffer.alloc(0) });
});

it('closing waits for exchanges under way', async () => {
  const exchange = post('/hold', Buffer.from('late'));
  await expect.poll(() => held.length, { timeout: 15_000 }).toBe(1);
  const closed = sender.close(15_000);
  for (const answer of held) answer();
  await closed;
  expect(String((await exchange).response?.body)).toBe('late');
});

it('closing ends exchanges still under way at the deadline, and later requests end at once', async () => {
  const exchange = post('/hold', Buffer.from('never'));
  await expect.poll(() => held.length, { timeout: 15_000 }).toBe(1);
  const closed = sender.close(20);
  expect(await post('/', Buffer.from('too late'))).toEqual({ durationMs: 0, response: null, failure: CLOSED });
  expect(await exchange).toMatchObject({ response: null, failure: CLOSED });
  await closed;
  expect(await sender.close(20)).toBeUndefined();
});

it('a request just before closing is sent or ends as closed, and never hangs', async () => {
  const exchange = post('/', Buffer.from('just before'));
  await sender.close(15_000);
  expect((await exchange).response).toMatchObject({ status: 201 });
});

it('reports the load of its thread', async () => {
  await post('/', Buffer.from('1'));
  expect(sender.eventLoopUtilization().active).toBeGreaterThan(0);
  await expect.poll(() => sender.eventLoopUtilization().idle).toBeGreaterThan(0);
});
