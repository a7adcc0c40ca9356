import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testPostgres } from '../../../test-support/database.ts';
import { eventually } from '../../../test-support/eventually.ts';
import { ROOT_KEY, startHttpEdge, type HttpEdge } from '../../../test-support/http-edge.ts';
import type { BodyLimits } from './body-budget.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const THINGS = '/v1/organizations/acme/things';
const KEY = `Authorization: Bearer ${ROOT_KEY}\r\n`;
const JSON_TYPE = 'Content-Type: application/json\r\n';

let edge: HttpEdge;
let handled: unknown[];
const sockets: Socket[] = [];

beforeEach(() => {
  handled = [];
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await edge[Symbol.asyncDispose]();
});

async function start(bodyLimits: Partial<BodyLimits> = {}): Promise<void> {
  const api = (app: FastifyInstance): void => {
    app.post('/organizations/:org/things', { bodyLimit: 8 * MIB }, async (request) => {
      handled.push(request.body);
      return { done: true };
    });
  };
  edge = await startHttpEdge({ database: await testPostgres(), api, bodyLimits });
}

interface Talk {
  readonly socket: Socket;
  /** The response so far. */
  readonly answer: () => string;
  readonly closed: Promise<unknown>;
}

/** Sends raw bytes. */
function send(text: string): Talk {
  const { hostname, port } = new URL(edge.url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  socket.on('error', () => {});
  socket.write(text);
  return { socket, answer: () => answer, closed: once(socket, 'close') };
}

function head(length: number, { path = THINGS, headers = KEY } = {}): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}${headers}Content-Length: ${length}\r\n\r\n`;
}

test('unfinished bodies take no more than their organization’s share; others are served', async () => {
  await start({ maxBytes: 40 * KIB, maxBytesPerHolder: 20 * KIB, bytesForLightHolders: 10 * KIB, maxBytesOfLightHolder: KIB });
  const held = Array.from({ length: 60 }, () => send(head(8 * KIB) + ' '.repeat(8 * KIB - 1)));
  await eventually(() => expect(held.filter(({ answer }) => answer() !== '')).toHaveLength(58));
  expect(edge.bodies.bytes).toBe(16 * KIB);
  for (const { answer } of held.filter((one) => one.answer() !== '')) {
    expect(answer()).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer()).toMatch(/"code":"overloaded"/);
    expect(answer()).toMatch(/^retry-after: 1\r$/im);
    expect(answer()).toMatch(/^connection: close\r$/im);
  }
  // Another organization, and a small request of one that has used its share.
  const other = { path: '/v1/organizations/other/things' };
  expect((await edge.request(`POST ${other.path}`, { body: { text: 'x'.repeat(KIB) } })).status).toBe(200);

  for (const { socket } of held) socket.destroy();
  await eventually(() => expect(edge.bodies.bytes).toBe(0));
  expect((await edge.request(`POST ${THINGS}`, { body: { text: 'x'.repeat(8 * KIB) } })).status).toBe(200);
});

test('a body without Content-Length takes its share as it grows', async () => {
  await start({ maxBytes: 200 * KIB, maxBytesPerHolder: 60 * KIB });
  const chunk = `4000\r\n${' '.repeat(16 * KIB)}\r\n`;
  const start1 = `POST ${THINGS} HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}${KEY}Transfer-Encoding: chunked\r\n\r\n`;
  const growing = send(start1 + chunk);
  await eventually(() => expect(edge.bodies.bytes).toBe(16 * KIB));
  growing.socket.write(chunk);
  await eventually(() => expect(edge.bodies.bytes).toBe(32 * KIB));
  growing.socket.write(chunk);
  await eventually(() => expect(growing.answer()).toMatch(/^HTTP\/1\.1 503 [^]*"code":"overloaded"/));
  expect(edge.bodies.bytes).toBe(0);
  expect((await edge.request(`POST ${THINGS}`, { body: { text: 'x'.repeat(20 * KIB) } })).status).toBe(200);
});

test('a body sent byte by byte arrives whole and takes only its size in memory', async () => {
  await start();
  const text = JSON.stringify({ text: 'x'.repeat(3 * KIB) });
  const chunks = text.replaceAll(/./g, '1\r\n$&\r\n');
  const sent = send(
    `POST ${THINGS} HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}${KEY}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
  );
  await sent.closed;
  expect(sent.answer()).toMatch(/^HTTP\/1\.1 200 /);
  expect(handled).toEqual([JSON.parse(text)]);
});

test('a body’s memory is released when it is parsed or refused, or when its client disconnects', async () => {
  await start();
  expect((await edge.request(`POST ${THINGS}`, { body: { a: 1 } })).status).toBe(200);
  expect((await edge.request(`POST ${THINGS}`, { body: '{"a":' })).status).toBe(400);
  expect(edge.bodies.bytes).toBe(0);
  const gone = send(`${head(100)}{`);
  await eventually(() => expect(edge.bodies.bytes).toBe(100));
  gone.socket.destroy();
  await eventually(() => expect(edge.bodies.bytes).toBe(0));
});

test('a body that arrives too slowly is cut off, even if bytes keep coming', async () => {
  await start({ baseTimeoutMs: 200, minBytesPerSecond: 1_000_000 });
  const dripping = send(head(100_000));
  const drip = setInterval(() => dripping.socket.write(' '), 20);
  await dripping.closed;
  clearInterval(drip);
  expect(dripping.answer()).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request_timeout"/);
  expect(handled).toEqual([]);
});

test('without a valid key, address or method, the server does not wait for the body', async () => {
  await start();
  const refusals = [
    [401, head(100_000, { headers: '' })],
    [401, head(100_000, { headers: 'Authorization: Bearer ph_wrong_key\r\n' })],
    [404, head(100_000, { path: '/v1/organizations/nobody/things' })],
    [404, head(100_000, { path: '/nothing' })],
    [404, head(100_000, { path: '/nothing' }).replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')],
    [405, head(100_000).replace('POST', 'PUT')],
    [415, head(100_000).replace('application/json', 'text/plain')],
    [413, head(9 * MIB)],
  ] as const;
  for (const [status, text] of refusals) {
    const { answer, closed } = send(text);
    await closed;
    expect(answer()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer()).toMatch(/^connection: close\r$/im);
  }
  expect(handled).toEqual([]);
});

test('a client that sends everything before it reads gets the refusal, not a broken connection', async () => {
  await start();
  for (let tries = 0; tries < 5; tries++) {
    const { hostname, port } = new URL(edge.url);
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    // The response arrives before this much is sent.
    socket.write(head(12 * MIB) + ' '.repeat(MIB));
    await once(socket, 'readable');
    await new Promise<void>((resolve, reject) => socket.write(' '.repeat(11 * MIB), (error) => (error ? reject(error) : resolve())));
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*"code":"payload_too_large"/);
  }
});

test('a refused request closes its connection: further requests on it are not processed', async () => {
  await start();
  const next = `${head(8)}{"a": 1}`;
  const refused = send(head(9 * MIB));
  await eventually(() => expect(refused.answer()).toMatch(/^HTTP\/1\.1 413 /));
  refused.socket.write(' '.repeat(9 * MIB) + next);
  await refused.closed;
  expect(refused.answer()).not.toContain('200 OK');
  expect(handled).toEqual([]);
});

test('100 Continue is sent when the body is read, and not before', async () => {
  await start();
  const expecting = (key: string): string => head(8, { headers: `${key}Expect: 100-continue\r\nConnection: close\r\n` });
  const refused = send(expecting(''));
  await refused.closed;
  expect(refused.answer()).toMatch(/^HTTP\/1\.1 401 /);
  const wanted = send(expecting(KEY));
  await eventually(() => expect(wanted.answer()).toBe('HTTP/1.1 100 Continue\r\n\r\n'));
  wanted.socket.write('{"a": 1}');
  await wanted.closed;
  expect(wanted.answer()).toMatch(/HTTP\/1\.1 200 OK/);
});
