import type { ProductDefinition } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { startApiServer } from '../../../test-support/api-server.ts';

/** Fails for the number 13, in its data function or in its envelope. */
function failing(where: 'data' | 'envelope'): ProductDefinition {
  const unlucky = (place: string, n: unknown): void => {
    if (place === where && n === 13) throw new TypeError('13 was not thought of');
  };
  return {
    name: where,
    events: { changed: { description: 'Something has changed.', sample: { n: 1 } } },
    objects: {
      thing: {
        created: 'changed',
        data({ state }) {
          unlucky('data', state['n']);
          return state;
        },
      },
    },
    envelope({ data }) {
      unlucky('envelope', data['n']);
      return data;
    },
  };
}

test.each(['data', 'envelope'] as const)('a product whose %s fails for one object does not fail the other objects', async (where) => {
  await using server = await startApiServer({
    products: [failing(where), { name: 'generic', anyEvent: true, anyObject: true, events: {} }],
  });
  await server.call('POST /v1/organizations', { id: 'unlucky', name: 'Unlucky', product: where });
  await server.call('POST /v1/organizations', { id: 'other', name: 'Other', product: 'generic' });
  const calls = Array.from({ length: 40 }, (_, n) =>
    server.request(`PUT /v1/organizations/${n % 2 === 1 ? 'unlucky' : 'other'}/objects/thing/${n}`, { state: { n } }),
  );
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  expect(statuses).toEqual(statuses.map((_, n) => (n === 13 ? 500 : 201)));
  expect((await server.request('GET /v1/organizations/unlucky/objects/thing/13')).status).toBe(404);
});
