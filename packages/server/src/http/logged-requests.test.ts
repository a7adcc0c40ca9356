import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testPostgres } from '../../test-support/database.ts';
import { eventually } from '../../test-support/eventually.ts';
import { ROOT_KEY, startHttpEdge, type HttpEdge } from '../../test-support/http-edge.ts';
import { logLines, type LogLine } from '../../test-support/log-lines.ts';

const THINGS = '/v1/organizations/acme/things';
/** Must not be in any log line. */
const SECRETS = /ROOTKEY|INKEY|Bearer|ph_root|rawPacket/;

let edge: HttpEdge;
let lines: () => readonly LogLine[];

beforeEach(async () => {
  const log = logLines();
  ({ lines } = log);
  const api = (app: FastifyInstance): void => {
    app.post('/organizations/:org/things', async () => ({ done: true }));
  };
  edge = await startHttpEdge({ database: await testPostgres(), log: pino({ level: 'trace', base: null }, log.stream), api });
});

afterEach(async () => edge[Symbol.asyncDispose]());

function open(): { socket: Socket; answer: () => string; closed: Promise<unknown> } {
  const { hostname, port } = new URL(edge.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  return { socket, answer: () => answer, closed: once(socket, 'close') };
}

test('a request that is not HTTP gets a problem and is logged with its id, without any received bytes', async () => {
  const malformed = [
    [
      400,
      'malformed_request',
      'GET /v1/organizations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ROOTKEY_0123456789\r\nX: \u0001\0\r\n\r\n',
    ],
    [
      400,
      'malformed_request',
      'POST /in/objects/1/INKEY_0123456789 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    ],
    [400, 'malformed_request', 'ROOTKEY_0123456789\r\n\r\n'],
    [431, 'headers_too_large', `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ROOTKEY_${'x'.repeat(20_000)}\r\n\r\n`],
  ] as const;
  for (const [status, code, text] of malformed) {
    const { socket, answer, closed } = open();
    socket.write(text);
    await closed;
    const [head = '', body = ''] = answer().split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*application/problem\\+json`));
    const problem = JSON.parse(body) as { code: string; requestId: string };
    expect(problem.code).toBe(code);
    expect(lines().filter(({ requestId }) => requestId === problem.requestId)).toEqual([
      expect.objectContaining({ level: 20, status, code }),
    ]);
  }
  expect(JSON.stringify(lines())).not.toMatch(SECRETS);
});

test('every refused request is logged with its id at level debug, with the route but not the URL', async () => {
  const refusals = [
    [401, await edge.request('GET /v1/organizations/acme/api-keys', { key: 'ph_wrong_ROOTKEY' })],
    [404, await edge.request('GET /v1/nothing/INKEY')],
    [405, await edge.request(`DELETE ${THINGS}`)],
    [400, await edge.request(`POST ${THINGS}`, { body: '{"a":' })],
    [415, await edge.request(`POST ${THINGS}`, { body: 'x', headers: { 'content-type': 'text/plain' } })],
    [422, await edge.request('POST /v1/organizations/acme/api-keys', { body: { unknown: 1 } })],
  ] as const;
  for (const [status, answer] of refusals) {
    const { requestId, code } = answer.body as { requestId: string; code: string };
    expect(answer.status).toBe(status);
    expect(lines().filter((line) => line['requestId'] === requestId)).toEqual([expect.objectContaining({ level: 20, status, code })]);
  }
  expect(lines().some(({ level }) => Number(level) >= 40)).toBe(false);
});

test('a client that disconnects while it sends is not logged as a fault of the server', async () => {
  for (const end of ['end', 'resetAndDestroy'] as const) {
    const { socket, closed } = open();
    socket.write(
      `POST ${THINGS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer ${ROOT_KEY}\r\nContent-Length: 100\r\n\r\n{"a":`,
    );
    await eventually(() => expect(edge.bodies.bytes).toBe(100));
    socket.on('error', () => {})[end]();
    await closed;
    await eventually(() => expect(edge.bodies.bytes).toBe(0));
  }
  await eventually(() => expect(lines().filter(({ code }) => code === 'request_timeout')).toHaveLength(2));
  expect(lines().filter(({ level, status }) => Number(level) >= 40 || Number(status) >= 500)).toEqual([]);
});
