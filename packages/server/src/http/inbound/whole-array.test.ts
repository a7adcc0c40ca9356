import type { ProductDefinition } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { describeOnBothDatabases, type TestDatabase } from '../../../test-support/database.ts';
import { startInboundEdge, type InboundEdge } from '../../../test-support/inbound-edge.ts';
import { statement } from '../../store/database.ts';

const Counted = { type: 'object', properties: { n: { type: 'integer' } } };

/** Kinds that accept any state but not any event: a valid state can be refused because of its event. */
const PRODUCT: ProductDefinition = {
  name: 'counted',
  events: { 'item-updated': { description: 'An item has changed.', schema: Counted, sample: { n: 1 } } },
  objects: {
    item: { updated: 'item-updated' },
    model: {},
    score: { scoped: true, updated: 'item-updated', data: ({ state }) => ({ n: state['total'] ?? null }) },
  },
};
const STORED = statement('stored_objects', 'SELECT id, state, version FROM objects WHERE kind = $1 ORDER BY id');
const TRANSACTIONS = statement('object_transactions', 'SELECT count(DISTINCT xmin::text)::int AS count FROM objects WHERE kind = $1');

interface Refusal {
  readonly code: string;
  readonly errors: readonly { readonly path: string; readonly rule: string }[];
}

async function hookOf(edge: InboundEdge, target: { kind: string; id: string }): Promise<string> {
  const hook = await edge.api<{ url: string }>('POST /v1/organizations/acme/inbound-hooks', { target });
  return new URL(hook.body.url).pathname;
}

describeOnBothDatabases('an inbound array is stored whole or not at all', (open: () => Promise<TestDatabase>) => {
  const start = async (): Promise<InboundEdge> => startInboundEdge({ database: await open(), product: PRODUCT });

  test('objects: if one event is refused, none is stored, and the error names its path', async () => {
    await using edge = await start();
    const path = await hookOf(edge, { kind: 'objects', id: 'item' });
    const first = ['a', 'b'].map((id) => ({ id, n: 1 }));
    expect((await edge.post(path, first)).status).toBe(201);
    const before = await edge.database.query(STORED, ['item']);
    const refused = await edge.post<Refusal>(path, [
      { id: 'a', n: 2 },
      { id: 'new', n: 2 },
      { id: 'b', n: 'x' },
    ]);
    expect(refused).toMatchObject({ status: 400, body: { code: 'inbound_data', errors: [{ path: '/2/n', rule: 'type' }] } });
    expect(await edge.database.query(STORED, ['item'])).toEqual(before);
    expect(await edge.events('item-updated')).toEqual([]);
    expect((await edge.post(path, { id: 'a', n: 2 })).status).toBe(200);
    expect(await edge.events('item-updated')).toEqual([{ id: 'a', n: 2 }]);
  });

  test('a model: the same', async () => {
    await using edge = await start();
    await edge.post(await hookOf(edge, { kind: 'objects', id: 'model' }), { id: 'm' });
    const path = await hookOf(edge, { kind: 'model', id: 'm' });
    const scores = (a: unknown, b: unknown) => [
      { id: 'a', total: a },
      { id: 'b', total: b },
    ];
    expect((await edge.post(path, scores(1, 1))).status).toBe(201);
    const before = await edge.database.query(STORED, ['score']);
    expect(await edge.post<Refusal>(path, scores(2, 'x'))).toMatchObject({ status: 400, body: { errors: [{ path: '/1/n' }] } });
    expect(await edge.database.query(STORED, ['score'])).toEqual(before);
    expect((await edge.post(path, scores(2, 3))).status).toBe(200);
    expect(await edge.events('item-updated')).toEqual([{ n: 2 }, { n: 3 }]);
  });

  test('an object that occurs twice in a refused array is unchanged', async () => {
    await using edge = await start();
    const path = await hookOf(edge, { kind: 'objects', id: 'item' });
    await edge.post(path, { id: 'a', n: 1 });
    const refused = await edge.post(
      path,
      [2, 3, 'x'].map((n) => ({ id: 'a', n })),
    );
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: '/2/n' }] } });
    expect(await edge.database.query(STORED, ['item'])).toEqual([{ id: 'a', state: '{"id":"a","n":1}', version: 1 }]);
  });

  test('a refused array does not affect the posts that share its transaction', async () => {
    await using edge = await start();
    const path = await hookOf(edge, { kind: 'objects', id: 'item' });
    await edge.post(
      path,
      ['a', 'b', 'c'].map((id) => ({ id, n: 0 })),
    );
    const arrays = Array.from({ length: 30 }, (_, round) => [
      { id: 'a', n: round + 1 },
      { id: 'b', n: round % 3 === 0 ? 'x' : round + 1 },
    ]);
    const answers = await Promise.all(arrays.map((array) => edge.post(path, array)));
    expect(answers.map(({ status }) => status)).toEqual(arrays.map((_, round) => (round % 3 === 0 ? 400 : 200)));
    const sent = (await edge.events('item-updated')).filter(({ id }) => id === 'a').map(({ n }) => n);
    expect(sent.toSorted((one, other) => Number(one) - Number(other))).toEqual(
      arrays.flatMap((_, round) => (round % 3 === 0 ? [] : round + 1)),
    );
  });

  test('a thousand objects are one transaction', async () => {
    await using edge = await start();
    const path = await hookOf(edge, { kind: 'objects', id: 'item' });
    const answer = await edge.post(
      path,
      Array.from({ length: 1_000 }, (_, index) => ({ id: `o-${index}`, n: index })),
    );
    expect(answer).toMatchObject({ status: 201, body: { objects: 1_000, created: 1_000 } });
    expect(await edge.database.query(TRANSACTIONS, ['item'])).toEqual([{ count: 1 }]);
  });

  test('a goal: one invalid point refuses all of them', async () => {
    await using edge = await start();
    const { path, goal } = await edge.goal({ badThreshold: 10 });
    const points = [
      { date: '2020-01-01', value: 1, goodThreshold: 20 },
      { date: '2020-01-02', value: 2, goodThreshold: 5 },
    ];
    expect(await edge.post(path, points)).toMatchObject({ status: 400, body: { errors: [{ path: '/1/goodThreshold' }] } });
    const kept = await edge.api<{ data: unknown[] }>(`GET /v1/organizations/acme/goals/${goal}/points`);
    expect(kept.body.data).toEqual([]);
    expect((await edge.api(`GET /v1/organizations/acme/goals/${goal}`)).body).toMatchObject({ goodThreshold: null });
  });
});
