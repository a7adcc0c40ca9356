import { ExactNumber } from '@posthorn/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApiServer, type ApiServer } from '../../test-support/api-server.ts';

const HALF = '"x\\ud83dx-and-long-enough"';
const ORG = '/v1/organizations/acme';

interface Problem {
  readonly code: string;
  readonly errors: readonly { readonly path: string; readonly rule: string }[];
}

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer({ products: [{ name: 'generic', anyEvent: true, anyObject: true, events: {} }] });
  await server.call('POST /v1/organizations', { id: 'acme', name: 'Acme', inbound: true });
});
afterAll(() => server[Symbol.asyncDispose]());

test.each([
  [`POST ${ORG}/webhooks`, `{"url":"http://127.0.0.1:1","events":["*"],"secret":${HALF}}`, '/secret'],
  [`POST ${ORG}/webhooks`, `{"url":"http://127.0.0.1:1","events":["*"],"description":${HALF}}`, '/description'],
  [`POST ${ORG}/webhooks`, `{"url":"http://127.0.0.1:1","events":[${HALF}]}`, '/events/0'],
  [`POST ${ORG}/webhooks`, `{"url":"http://127.0.0.1:1","events":["*"],"headers":{"X-A":${HALF}}}`, '/headers/X-A'],
  [`POST ${ORG}/webhooks`, `{"url":${HALF},"events":["*"]}`, '/url'],
  ['POST /v1/organizations', `{"name":${HALF}}`, '/name'],
  [`POST ${ORG}/events`, `{"type":${HALF},"data":{}}`, '/type'],
  [`POST ${ORG}/events`, `{"type":"a","data":{},"scope":${HALF}}`, '/scope'],
  [`POST ${ORG}/events`, `{"type":"a","data":{},"subject":{"kind":"a","id":${HALF}}}`, '/subject/id'],
  [`POST ${ORG}/goals`, `{"name":${HALF},"direction":"maximize"}`, '/name'],
  [`POST ${ORG}/goals`, `{"name":"a","direction":"maximize","timeZone":${HALF}}`, '/timeZone'],
])('half of a surrogate pair is refused if the text is encoded to bytes: %s %s', async (call, body, path) => {
  const { status, body: problem } = await server.request<Problem>(call, body);
  expect([status, problem.errors.map((error) => error.path)]).toEqual([422, expect.arrayContaining([path])]);
  expect(problem.errors.find((error) => error.path === path)?.rule).toBe('text');
});

test('a whole pair is a character, and data may contain halves, which are delivered unchanged', async () => {
  const secret = '\ud83d\ude00 and long enough';
  expect((await server.request(`POST ${ORG}/webhooks`, { url: 'http://127.0.0.1:1', events: ['x'], secret })).status).toBe(201);
  const data = { 'a\ud83d': '\ude00', deep: ['\udead'] };
  const { id } = await server.call<{ id: string }>(`POST ${ORG}/events`, { type: 'a', data });
  expect(await server.call(`GET ${ORG}/events/${id}`)).toMatchObject({ data });
});

test('an inbound object’s id must be text that can be stored', async () => {
  const hook = await server.call<{ url: string }>(`POST ${ORG}/inbound-hooks`, { target: { kind: 'objects', id: 'thing' } });
  for (const [id, rule] of [
    ['"a\\udead"', 'text'],
    ['"a\\u0000"', 'text'],
    [`"${'x'.repeat(256)}"`, 'maxLength'],
    ['""', 'type'],
  ]) {
    const answer = await fetch(server.url + new URL(hook.url).pathname, { method: 'POST', body: `[{"id":"fine"},{"id":${id}}]` });
    expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ path: '/1/id', rule }] }]);
  }
});

test.each([
  [`POST ${ORG}/events`, { type: 'a', data: new ExactNumber('1e400') }, '/data'],
  [`PUT ${ORG}/objects/thing/1`, { state: new ExactNumber('1e400') }, '/state'],
  [`PATCH ${ORG}/objects/thing/1`, { state: new ExactNumber('1e400') }, '/state'],
  [`POST ${ORG}/goals`, new ExactNumber('1e400'), ''],
])('a number is not an object: %s %j', async (call, body, path) => {
  const { status, body: problem } = await server.request<Problem>(call, body);
  expect([status, problem.errors]).toMatchObject([422, expect.arrayContaining([expect.objectContaining({ path, rule: 'type' })])]);
});
