import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApiServer, type ApiServer } from '../../../test-support/api-server.ts';

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer({ products: [{ name: 'generic', anyEvent: true, events: {} }] });
});

afterAll(() => server[Symbol.asyncDispose]());

interface Problem {
  readonly errors: readonly { readonly path: string; readonly rule: string; readonly message: string }[];
}

test.each(['.', '..', '', 'a/b', 'ä', 'x'.repeat(129)])('the id %j cannot be used in a URL and is refused', async (id) => {
  const answer = await server.request<Problem>('POST /v1/organizations', { id, name: 'Acme' });
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toEqual([
    { path: '/id', rule: 'pattern', message: 'must be 1 to 128 letters, digits or . _ : -, and neither . nor ..' },
  ]);
});

test.each(['...', '.a', 'a.', 'acme:eu-1_x', 'x'.repeat(128)])('an organization with the id %j can be read', async (id) => {
  await server.call('POST /v1/organizations', { id, name: 'Acme' });
  expect(await server.call(`GET /v1/organizations/${id}`)).toMatchObject({ id, name: 'Acme' });
});

test.each(['a\0b', 'a\ud800'])('a name that cannot be stored is refused, and nothing changes', async (name) => {
  await server.call('POST /v1/organizations', { id: `named-${name.length}`, name: 'Before' });
  for (const call of ['POST /v1/organizations', `PATCH /v1/organizations/named-${name.length}`]) {
    const answer = await server.request<Problem>(call, { name });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path: '/name', rule: 'text', message: 'must not contain NUL or half of a surrogate pair' }]);
  }
  expect(await server.call(`GET /v1/organizations/named-${name.length}`)).toMatchObject({ name: 'Before' });
  await server.call(`DELETE /v1/organizations/named-${name.length}`);
});
