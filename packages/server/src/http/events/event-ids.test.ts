import { expect, test } from 'vitest';
import { startApiServer, type ApiServer } from '../../../test-support/api-server.ts';
import { newId } from '../../ids/uuid-time.ts';

const PLACE = '/v1/organizations/acme';

interface Refused {
  readonly code?: string;
  readonly errors?: readonly { readonly path: string; readonly rule: string }[];
}

async function start(embedded: boolean): Promise<ApiServer> {
  const server = await startApiServer({ products: [{ name: 'generic', anyEvent: true, anyObject: true, events: {} }], embedded });
  for (const id of ['acme', 'other']) await server.call('POST /v1/organizations', { id, name: id });
  return server;
}

test.each([false, true])(
  'an id that Posthorn generated for another event is refused, alone and in a batch (embedded: %s)',
  async (embedded) => {
    await using server = await start(embedded);
    const { id: given } = await server.call<{ id: string }>(`POST ${PLACE}/events`, { type: 'a', data: { n: 1 } });
    const { events } = await server.call<{ events: { id: string }[] }>(`PUT ${PLACE}/objects/thing/1`, { state: {} });
    for (const id of [given, given.toUpperCase(), events[0]?.id ?? '']) {
      const refused = await server.request<Refused>(`POST ${PLACE}/events`, { type: 'b', data: {}, id });
      expect(refused).toMatchObject({ status: 409, body: { code: 'conflict', errors: [{ path: '/id', rule: 'unique' }] } });
    }
    const own = newId();
    const { results } = await server.call<{ results: (Refused & { id?: string })[] }>(`POST ${PLACE}/events/batch`, {
      events: [
        { type: 'b', data: {}, id: given },
        { type: 'b', data: {}, id: own },
        { type: 'b', data: {} },
      ],
    });
    expect(results.map(({ code, id }) => code ?? id)).toEqual(['conflict', own, expect.any(String)]);
    expect(await server.call(`GET ${PLACE}/events/${given}`)).toMatchObject({ id: given, type: 'a', data: { n: 1 } });
  },
);

test('the caller’s id may be a UUIDv7, and a repeat returns the first response', async () => {
  await using server = await start(false);
  const id = newId();
  const emit = () => server.request(`POST ${PLACE}/events`, { type: 'a', data: {}, id });
  expect([await emit(), await emit()]).toMatchObject([
    { status: 202, body: { id } },
    { status: 202, body: { id } },
  ]);
  // Ids are unique per organization only.
  const { id: given } = await server.call<{ id: string }>(`POST ${PLACE}/events`, { type: 'a', data: {} });
  const elsewhere = await server.request('POST /v1/organizations/other/events', { type: 'a', data: {}, id: given });
  expect(elsewhere).toMatchObject({ status: 202, body: { id: given } });
});
