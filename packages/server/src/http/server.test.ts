import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testPostgres } from '../../test-support/database.ts';
import { startHttpEdge, type EdgeRequest, type HttpEdge } from '../../test-support/http-edge.ts';

const MIB = 1024 * 1024;
const THINGS = '/v1/organizations/acme/things';

const Thing = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    count: Type.Optional(Type.Integer({ minimum: 0 })),
    at: Type.Optional(Type.String({ format: 'date-time' })),
    data: Type.Optional(Type.Object({})),
  },
  { additionalProperties: false },
);

let edge: HttpEdge;
let handled = 0;

beforeAll(async () => {
  edge = await startHttpEdge({
    database: await testPostgres(),
    api(app: FastifyInstance) {
      const path = '/organizations/:org/things';
      app.post(path, { schema: { body: Thing } }, async (request) => {
        handled++;
        return { body: request.body, organization: request.tenant.organization.id };
      });
      app.get(path, { schema: { querystring: Type.Object({ limit: Type.Optional(Type.Integer({ maximum: 9 })) }) } }, async (request) => ({
        query: request.query,
      }));
      app.delete(`${path}/:thing`, async (_request, reply) => reply.code(204).send());
    },
  });
});

afterAll(async () => edge[Symbol.asyncDispose]());

/** Sends a request. Expects a problem, and that no route was called. */
async function refused(
  call: string,
  options: EdgeRequest = {},
): Promise<{ status: number; code: unknown; errors: unknown; headers: Headers }> {
  const before = handled;
  const answer = await edge.request(call, options);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(handled).toBe(before);
  const { code, status, requestId, errors } = answer.body as Record<string, unknown>;
  expect(status).toBe(answer.status);
  expect(requestId).toMatch(/^[\da-f-]{36}$/);
  return { status: answer.status, code, errors, headers: answer.headers };
}

/** Sends raw bytes. Resolves to everything received until the connection closes. */
async function sendRaw(parts: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(edge.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  // The server may close before it has read everything. What it sent until then counts.
  socket.on('error', () => {});
  for (const part of parts) socket.write(part);
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

const AUTHORIZED = 'Authorization: Bearer ph_root_of_the_test\r\n';

test('a valid request reaches its route with body and organization', async () => {
  const body = { name: 'x', count: 3, data: { any: [1, null] } };
  expect(await edge.request(`POST ${THINGS}`, { body })).toMatchObject({ status: 200, body: { body, organization: 'acme' } });
  expect((await edge.request(`POST ${THINGS}/`, { body, headers: { 'content-type': 'application/json; charset=utf-8' } })).status).toBe(
    200,
  );
});

test.each([
  ['{"name":', 400, 'malformed_json'],
  ['{"name":"x","name":"y"}', 400, 'malformed_json'],
  [Buffer.from([0x7b, 0xff]), 400, 'malformed_json'],
  [`{"name":"x","data":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`, 400, 'malformed_json'],
  ['{"name":"x","data":{"id":1e12345678901234567890}}', 422, 'unsafe_number'],
  ['{"name":"x","data":{"__proto__":{}}}', 422, 'invalid_request'],
  ['[]', 422, 'invalid_request'],
  ['null', 422, 'invalid_request'],
  ['"x"', 422, 'invalid_request'],
  ['', 422, 'invalid_request'],
] as const)('the body %j is refused', async (body, status, code) => {
  expect(await refused(`POST ${THINGS}`, { body })).toMatchObject({ status, code });
});

test.each([
  [{}, '/name', 'required'],
  [{ name: 7 }, '/name', 'type'],
  [{ name: '' }, '/name', 'minLength'],
  [{ name: 'x', count: '3' }, '/count', 'type'],
  [{ name: 'x', count: 1.5 }, '/count', 'type'],
  [{ name: 'x', count: -1 }, '/count', 'minimum'],
  [{ name: 'x', at: 'today' }, '/at', 'format'],
  [{ name: 'x', data: [] }, '/data', 'type'],
  [{ name: 'x', nmae: 'y' }, '/nmae', 'unknown_field'],
])('the fields %j are refused with path and rule', async (body, path, rule) => {
  expect(await refused(`POST ${THINGS}`, { body })).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ path, rule }] });
});

test('all wrong fields are named in one error', async () => {
  const { errors } = await refused(`POST ${THINGS}`, { body: { count: 'x', other: 1 } });
  expect(errors).toHaveLength(3);
});

test('query parameters are coerced to their types, or refused', async () => {
  expect((await edge.request(`GET ${THINGS}?limit=3`)).body).toEqual({ query: { limit: 3 } });
  for (const limit of ['x', '10', '1.5']) {
    expect(await refused(`GET ${THINGS}?limit=${limit}`)).toMatchObject({ status: 422, errors: [{ path: '/querystring/limit' }] });
  }
});

test('a body of 1 MiB is accepted, one byte more is not, with Content-Length or streamed', async () => {
  const body = (size: number): string => `{"name":"${'x'.repeat(size - 11)}"}`;
  expect((await edge.request(`POST ${THINGS}`, { body: body(MIB) })).status).toBe(200);
  expect(await refused(`POST ${THINGS}`, { body: body(MIB + 1) })).toMatchObject({ status: 413, code: 'payload_too_large' });
  const head = `POST ${THINGS} HTTP/1.1\r\nHost: x\r\n${AUTHORIZED}Content-Type: application/json\r\n`;
  expect(await sendRaw([`${head}Content-Length: 999999999\r\nConnection: close\r\n\r\n`])).toMatch(
    /^HTTP\/1\.1 413 [^]*"code":"payload_too_large"/,
  );
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  const streamed = await sendRaw([
    `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
    ...Array.from({ length: 17 }, () => chunk),
  ]);
  expect(streamed).toMatch(/^HTTP\/1\.1 413 [^]*"code":"payload_too_large"/);
});

test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml', 'nonsense'])(
  'the content type %s is refused',
  async (type) => {
    const answer = await refused(`POST ${THINGS}`, { body: '{"name":"x"}', headers: { 'content-type': type } });
    expect(answer).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  },
);

test('an unknown address is 404, a wrong method 405 with the allowed ones', async () => {
  expect(await refused('GET /v1/nothing')).toMatchObject({ status: 404, code: 'not_found' });
  expect(await refused('GET /nothing')).toMatchObject({ status: 404, code: 'not_found' });
  const wrong = await refused(`PUT ${THINGS}`, { body: {} });
  expect(wrong).toMatchObject({ status: 405, code: 'method_not_allowed' });
  expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST');
  expect((await refused(`GET ${THINGS}/one`)).headers.get('allow')).toBe('DELETE');
  expect((await refused(`OPTIONS ${THINGS}`)).status).toBe(405);
});

test('malformed addresses are refused with problems', async () => {
  expect(await refused('GET /v1/organizations/%zz')).toMatchObject({ status: 404, code: 'not_found' });
  expect((await refused(`GET /v1/organizations/${'x'.repeat(3_000)}/things`)).status).toBe(404);
  expect((await refused('GET /v1/organizations/%00/things')).status).toBe(404);
  expect(await refused(`DELETE ${THINGS}/%00`)).toMatchObject({ status: 404, code: 'not_found' });
  expect((await refused('GET /v1/organizations/..%2f..%2fetc/things')).status).toBe(404);
});

test('without a valid key every request gets 401 before its body is read', async () => {
  for (const authorization of ['', 'Bearer', 'Bearer wrong-key-of-some-length', 'Basic cm9vdDpyb290', `Bearer ${'x'.repeat(600)}`]) {
    const answer = await refused(`POST ${THINGS}`, { key: null, body: '{broken', headers: { authorization } });
    expect([authorization, answer.status, answer.code]).toEqual([authorization, 401, 'unauthenticated']);
  }
  expect((await refused(`POST ${THINGS}`, { key: null, body: {} })).headers.get('www-authenticate')).toBe('Bearer');
  expect((await edge.request(`GET ${THINGS}`, { key: null, headers: { authorization: 'bearer ph_root_of_the_test' } })).status).toBe(200);
});

test('an organization’s key gives access to its own organization only, and does not reveal others', async () => {
  const made = await edge.request('POST /v1/organizations/acme/api-keys', { body: { name: 'test' } });
  const { key } = made.body as { key: string };
  const body = { name: 'x' };
  expect((await edge.request(`POST ${THINGS}`, { key, body })).status).toBe(200);
  const another = await refused('POST /v1/organizations/other/things', { key, body });
  const none = await refused('POST /v1/organizations/missing/things', { key, body });
  expect(another).toMatchObject({ status: 404, code: 'organization_not_found' });
  expect({ ...another, headers: null }).toEqual({ ...none, headers: null });
  expect((await refused('POST /v1/organizations/missing/things', { body })).code).toBe('organization_not_found');
});

test('a request that is not HTTP gets 400, and the server keeps running', async () => {
  expect(await sendRaw(['NONSENSE\r\n\r\n'])).toMatch(/^HTTP\/1\.1 400 /);
  expect(await sendRaw([`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`])).toMatch(/^HTTP\/1\.1 431 /);
  const both = `POST ${THINGS} HTTP/1.1\r\nHost: x\r\n${AUTHORIZED}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  expect(await sendRaw([both])).toMatch(/^HTTP\/1\.1 400 /);
  expect((await edge.request(`GET ${THINGS}`)).status).toBe(200);
});
