import { everyItem, field, once, type JsonObject, type ProductDefinition } from '@posthorn/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startApiServer, type ApiServer } from '../../../test-support/api-server.ts';

const deal = z.object({
  name: z.string(),
  status: z.enum(['draft', 'signed', 'active']),
  parties: z.array(z.object({ name: z.string(), signed: z.boolean() })).optional(),
  note: z.unknown().optional(),
});
const sample = { name: 'A', status: 'draft' as const };
const type = { description: 'Happened.', schema: deal, sample };

const CRM: ProductDefinition = {
  name: 'crm',
  events: {
    'deal-created': type,
    'deal-updated': type,
    'deal-signed': type,
    'deal-active': type,
    'deal-deleted': type,
    'score-changed': {
      description: 'Changed.',
      sample: { before: 1, after: 2 },
      schema: { type: 'object', required: ['before', 'after'], properties: { after: { type: ['number', 'null'] } } },
    },
  },
  objects: {
    deal: {
      schema: deal,
      sample,
      created: once('deal-created'),
      updated: 'deal-updated',
      deleted: 'deal-deleted',
      enters: { status: { active: 'deal-active' } },
      when: [{ becomes: everyItem('parties', field('signed', true)), event: once('deal-signed') }],
    },
    score: {
      scoped: true,
      changes: { points: 'score-changed' },
      data: ({ changed }) => ({ before: changed['points']?.before ?? null, after: changed['points']?.after ?? null }),
    },
    plain: {},
  },
};
const GENERIC: ProductDefinition = { name: 'generic', anyEvent: true, anyObject: true, events: {} };

interface Outcome {
  readonly object: { readonly version: number; readonly state: JsonObject; readonly scope: string | null; readonly updatedAt: string };
  readonly events: readonly { readonly id: string; readonly type: string }[];
}
interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { readonly path: string; readonly rule: string; readonly message: string }[];
}
interface Event {
  readonly id: string;
  readonly type: string;
  readonly data: JsonObject;
  readonly scope: string | null;
  readonly subject: { readonly kind: string; readonly id: string };
}

const draft = { name: 'Big one', status: 'draft' };
const types = ({ events }: Outcome) => events.map(({ type: name }) => name);

describe.each([
  { name: 'PostgreSQL', embedded: false },
  { name: 'PGlite', embedded: true },
])('objects ($name)', ({ embedded }) => {
  let server: ApiServer;
  let made = 0;

  beforeAll(async () => {
    server = await startApiServer({ products: [CRM, GENERIC], embedded });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function organization(product = 'crm'): Promise<string> {
    const id = `org-${made++}`;
    await server.call('POST /v1/organizations', { id, name: id, product });
    return `/v1/organizations/${id}`;
  }

  const put = (org: string, object: string, state: unknown, more: object = {}) =>
    server.call<Outcome>(`PUT ${org}/objects/${object}`, { state, ...more });

  test('a new object emits created, a changed one updated, an unchanged one nothing', async () => {
    const org = await organization();
    const created = await server.request<Outcome>(`PUT ${org}/objects/deal/1`, { state: draft });
    expect(created).toMatchObject({ status: 201, body: { object: { kind: 'deal', id: '1', version: 1, state: draft, scope: null } } });
    expect(created.headers.get('etag')).toBe('"1"');
    expect(types(created.body)).toEqual(['deal-created']);

    const same = await server.request<Outcome>(`PUT ${org}/objects/deal/1`, { state: { status: 'draft', name: 'Big one' } });
    expect(same).toMatchObject({ status: 200, body: { object: { version: 1 }, events: [] } });
    expect(same.body.object.updatedAt).toBe(created.body.object.updatedAt);

    const renamed = await put(org, 'deal/1', { ...draft, name: 'Bigger' });
    expect(renamed).toMatchObject({ object: { version: 2, state: { name: 'Bigger' } } });
    expect(types(renamed)).toEqual(['deal-updated']);
  });

  test('the events are in the log with the state as data, the object as subject, and in its history', async () => {
    const org = await organization();
    const [first] = (await put(org, 'deal/1', draft, { scope: 'region:eu', sender: { id: 7 } })).events;
    const event = await server.call<Event>(`GET ${org}/events/${first?.id}`);
    expect(event).toMatchObject({
      type: 'deal-created',
      data: draft,
      scope: 'region:eu',
      subject: { kind: 'deal', id: '1' },
      sender: { id: 7 },
    });
    await put(org, 'deal/1', { ...draft, status: 'active' });
    await put(org, 'deal/2', draft);
    const history = await server.call<{ data: Event[] }>(`GET ${org}/events?subject=deal:1`);
    expect(history.data.map((one) => [one.type, one.scope])).toEqual([
      ['deal-active', 'region:eu'],
      ['deal-updated', 'region:eu'],
      ['deal-created', 'region:eu'],
    ]);
  });

  test('entering a status emits an event each time, the signing by all parties only once', async () => {
    const org = await organization();
    const parties = (...signed: boolean[]) => signed.map((yes, index) => ({ name: `P${index}`, signed: yes }));
    const step = async (state: JsonObject) => types(await put(org, 'deal/1', { ...draft, ...state }));
    expect(await step({ parties: parties(false, false) })).toEqual(['deal-created']);
    expect(await step({ parties: parties(true, false) })).toEqual(['deal-updated']);
    expect(await step({ parties: parties(true, true), status: 'signed' })).toEqual(['deal-updated', 'deal-signed']);
    expect(await step({ parties: parties(true, false), status: 'draft' })).toEqual(['deal-updated']);
    expect(await step({ parties: parties(true, true), status: 'active' })).toEqual(['deal-updated', 'deal-active']);
    expect(await step({ parties: parties(true, true), status: 'draft' })).toEqual(['deal-updated']);
    expect(await step({ parties: parties(true, true), status: 'active' })).toEqual(['deal-updated', 'deal-active']);
  });

  test('a deleted object emits deleted with its last state; once-events are not repeated when it is created again', async () => {
    const org = await organization();
    await put(org, 'deal/1', draft);
    const gone = await server.call<Outcome>(`DELETE ${org}/objects/deal/1`, { sender: { id: 1 } });
    expect(gone).toMatchObject({ object: { version: 2, state: draft } });
    expect(types(gone)).toEqual(['deal-deleted']);
    expect(await server.request(`GET ${org}/objects/deal/1`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await server.request(`DELETE ${org}/objects/deal/1`)).toMatchObject({ status: 404 });
    expect(await server.request(`PATCH ${org}/objects/deal/1`, { state: {} })).toMatchObject({ status: 404 });
    const again = await server.request<Outcome>(`PUT ${org}/objects/deal/1`, { state: draft });
    expect(again).toMatchObject({ status: 201, body: { object: { version: 3 } } });
    expect(types(again.body)).toEqual(['deal-updated']);
  });

  test('PATCH merges into the state, and the whole state is validated', async () => {
    const org = await organization();
    await put(org, 'deal/1', { ...draft, note: { a: 1, b: { c: 2 } } });
    const patched = await server.call<Outcome>(`PATCH ${org}/objects/deal/1`, {
      state: { status: 'active', note: { a: null, b: { d: 3 } } },
    });
    expect(patched.object.state).toEqual({ name: 'Big one', status: 'active', note: { b: { c: 2, d: 3 } } });
    expect(types(patched)).toEqual(['deal-updated', 'deal-active']);
    const refused = await server.request<Problem>(`PATCH ${org}/objects/deal/1`, { state: { name: null } });
    expect(refused).toMatchObject({ status: 422, body: { code: 'invalid_state', errors: [{ path: '/state/name' }] } });
    expect(await server.call(`GET ${org}/objects/deal/1`)).toMatchObject({ version: 2, state: { name: 'Big one' } });
  });

  test('If-Match and If-None-Match refuse a change if the version differs', async () => {
    const org = await organization();
    const send = async (method: string, headers: Record<string, string>, state: object = draft) => {
      const response = await fetch(`${server.url}${org}/objects/deal/1`, {
        method,
        headers: { authorization: `Bearer ${server.rootKey}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(method === 'DELETE' ? {} : { state }),
      });
      return [response.status, ((await response.json()) as Partial<Problem>).code];
    };
    expect(await send('PUT', { 'if-match': '*' })).toEqual([412, 'version_mismatch']);
    expect(await send('PUT', { 'if-match': '"1"' })).toEqual([412, 'version_mismatch']);
    expect(await send('PUT', { 'if-none-match': '*' })).toEqual([201, undefined]);
    expect(await send('PUT', { 'if-none-match': '*' })).toEqual([412, 'version_mismatch']);
    expect(await send('PUT', { 'if-match': '"1"' }, { ...draft, name: 'B' })).toEqual([200, undefined]);
    expect(await send('PATCH', { 'if-match': '"1"' }, { name: 'C' })).toEqual([412, 'version_mismatch']);
    expect(await send('PATCH', { 'if-match': '*' }, { name: 'C' })).toEqual([200, undefined]);
    expect(await send('DELETE', { 'if-match': '"2"' })).toEqual([412, 'version_mismatch']);
    expect(await send('DELETE', { 'if-match': '3' })).toEqual([200, undefined]);
    expect(await send('PUT', { 'if-match': 'W/"x"' })).toEqual([422, 'invalid_request']);
    expect(await send('PUT', { 'if-none-match': '"3"' })).toEqual([422, 'invalid_request']);
  });

  test('in a scoped kind, the same id in two scopes is two objects', async () => {
    const org = await organization();
    const one = await put(org, 'score/7?scope=model:a', { points: 1 });
    await put(org, 'score/7', { points: 5 }, { scope: 'model:b' });
    expect(one).toMatchObject({ object: { scope: 'model:a', version: 1 }, events: [] });
    const changed = await put(org, 'score/7?scope=model:a', { points: 2.5 });
    expect(await server.call(`GET ${org}/events/${changed.events[0]?.id}`)).toMatchObject({
      type: 'score-changed',
      scope: 'model:a',
      data: { before: 1, after: 2.5 },
    });
    expect(await server.call(`GET ${org}/objects/score/7?scope=model:b`)).toMatchObject({ state: { points: 5 } });
    for (const call of [`GET ${org}/objects/score/7`, `DELETE ${org}/objects/score/7`]) {
      expect(await server.request(call)).toMatchObject({ status: 422, body: { errors: [{ path: '/scope', rule: 'required' }] } });
    }
    const both = await server.request(`PUT ${org}/objects/score/7?scope=model:a`, { state: {}, scope: 'model:b' });
    expect(both).toMatchObject({ status: 422, body: { errors: [{ path: '/scope', rule: 'same' }] } });
  });

  test('objects are listed page by page, and by scope if requested', async () => {
    const org = await organization();
    for (const scope of ['a', 'b']) for (let id = 0; id < 5; id++) await put(org, `score/${id}`, { points: id }, { scope });
    const ids = async (query: string) => {
      const seen: string[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: { data: { id: string; scope: string }[]; nextCursor: string | null } = await server.call(
          `GET ${org}/objects/score?limit=3${query}${cursor === '' ? '' : `&cursor=${cursor}`}`,
        );
        seen.push(...page.data.map(({ id, scope }) => scope + id));
        cursor = page.nextCursor;
      }
      return seen.join(' ');
    };
    expect(await ids('')).toBe('a0 a1 a2 a3 a4 b0 b1 b2 b3 b4');
    expect(await ids('&scope=b')).toBe('b0 b1 b2 b3 b4');
    expect(await server.request(`GET ${org}/objects/score?cursor=zzz`)).toMatchObject({ status: 422 });
  });

  test('a batch returns a result for each object, in order; a refusal does not affect the others', async () => {
    const org = await organization();
    const { results } = await server.call<{ results: (Outcome & Problem)[] }>(`POST ${org}/objects/batch`, {
      objects: [
        { kind: 'deal', id: '1', state: draft },
        { kind: 'deal', id: '1', state: { ...draft, status: 'active' } },
        { kind: 'deal', id: '2', state: { name: 3 } },
        { kind: 'nothing', id: '1', state: {} },
        { kind: 'deal', id: '1', deleted: true },
        { kind: 'deal', id: '3' },
        { kind: 'deal', id: '3', state: draft, more: 1 },
        { kind: 'deal', id: '3', state: draft, version: 4 },
        { kind: 'deal', id: '1', state: draft, version: 0 },
        { kind: 'plain', id: '1', state: { any: 'thing' } },
      ],
    });
    expect(results.map((one) => one.code ?? types(one).join(' '))).toEqual([
      'deal-created',
      'deal-updated deal-active',
      'invalid_state',
      'unknown_object_kind',
      'deal-deleted',
      'invalid_request',
      'invalid_request',
      'version_mismatch',
      'deal-updated',
      '',
    ]);
    expect(results[2]?.errors.map(({ path }) => path)).toEqual(['/state/name', '/state/status']);
    expect(await server.call(`GET ${org}/objects/deal/1`)).toMatchObject({ version: 4, state: draft });
  });

  test('concurrent changes of one object are serialized: every change emits its event, once-events only once', async () => {
    const org = await organization();
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) => put(org, 'deal/1', { ...draft, name: `N${index}`, parties: [{ name: 'P', signed: true }] })),
    );
    const given = outcomes.flatMap(types);
    expect(given.filter((name) => name === 'deal-created')).toHaveLength(1);
    expect(given.filter((name) => name === 'deal-signed')).toHaveLength(1);
    expect(given.filter((name) => name === 'deal-updated')).toHaveLength(59);
    expect(outcomes.map(({ object }) => object.version).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
    const last = outcomes.find(({ object }) => object.version === 60);
    expect(await server.call(`GET ${org}/objects/deal/1`)).toMatchObject({ state: last?.object.state, version: 60 });
  });

  test('states keep odd text, key order and fractions; what cannot be stored exactly is refused', async () => {
    const org = await organization();
    const state = {
      zebra: 1,
      a: '\u0000 \ud83d\ude00 "\\',
      ünï: [57.5, 0.1, -0.5, 1e-7],
      '': null,
      constructor: 'x',
      nested: { toString: 1 },
    };
    const text = JSON.stringify(state);
    await put(org, 'plain/%C3%BC%20%2F%2F%3F', state);
    const read = await server.call<{ id: string; state: JsonObject }>(`GET ${org}/objects/plain/%C3%BC%20%2F%2F%3F`);
    expect(read.id).toBe('ü //?');
    expect(JSON.stringify(read.state)).toBe(text);
    for (const [body, code] of [
      ['{"state":{"a":1,"a":2}}', 'malformed_json'],
      ['{"state":{"a":1e9007199254740993}}', 'unsafe_number'],
      ['{"state":{"__proto__":{"x":1}}}', 'invalid_request'],
      ['{"state":[]}', 'invalid_request'],
      ['{"state":{}', 'malformed_json'],
      ['{}', 'invalid_request'],
      ['{"state":{},"sender":{"a":"\\u0000"}}', 'invalid_request'],
    ] as const) {
      expect([body, (await server.request<Problem>(`PUT ${org}/objects/plain/1`, body)).body.code]).toEqual([body, code]);
    }
    expect(await server.request(`PUT ${org}/objects/plain/%00`, { state: {} })).toMatchObject({ status: 422 });
    expect(await server.request(`GET ${org}/objects/plain/1`)).toMatchObject({ status: 404 });
  });

  test('a state of 1 MiB is accepted, one byte more is 413', async () => {
    const org = await organization();
    const text = 'x'.repeat(1024 * 1024 - '{"text":""}'.length);
    expect((await put(org, 'plain/1', { text })).object.version).toBe(1);
    expect(await server.request(`PUT ${org}/objects/plain/1`, { state: { text: `${text}x` } })).toMatchObject({
      status: 413,
      body: { code: 'payload_too_large' },
    });
  });

  test('another organization can neither read nor change an object', async () => {
    const [mine, theirs] = [await organization(), await organization()];
    await put(mine, 'deal/1', draft);
    expect(await server.request(`GET ${theirs}/objects/deal/1`)).toMatchObject({ status: 404 });
    expect(types(await put(theirs, 'deal/1', draft))).toEqual(['deal-created']);
    expect(await server.call(`GET ${mine}/objects/deal/1`)).toMatchObject({ version: 1 });
  });

  test('an unknown kind is refused with the known kinds; the kinds are listed with schema and events', async () => {
    const org = await organization();
    const refused = await server.request<Problem>(`PUT ${org}/objects/dael/1`, { state: {} });
    expect(refused).toMatchObject({ status: 404, body: { code: 'unknown_object_kind' } });
    expect(refused.body.errors[0]?.message).toBe('must be one of deal, score, plain');
    const { data } = await server.call<{ data: object[] }>(`GET ${org}/object-kinds`);
    expect(data).toMatchObject([
      {
        name: 'deal',
        scoped: false,
        schema: { required: ['name', 'status'] },
        events: ['deal-created', 'deal-updated', 'deal-deleted', 'deal-active', 'deal-signed'],
      },
      { name: 'score', scoped: true, schema: null, events: ['score-changed'] },
      { name: 'plain', scoped: false, schema: null, events: [] },
    ]);
  });

  test('an event that would not satisfy its own schema is refused, and nothing is stored', async () => {
    const org = await organization('crm');
    await put(org, 'score/1', { points: 1 }, { scope: 'a' });
    const refused = await server.request<Problem>(`PUT ${org}/objects/score/1?scope=a`, { state: { points: 'many' } });
    expect(refused).toMatchObject({ status: 422, body: { code: 'invalid_state', errors: [{ path: '/state/after', rule: 'type' }] } });
    expect(await server.call(`GET ${org}/objects/score/1?scope=a`)).toMatchObject({ version: 1, state: { points: 1 } });
    expect(await server.call(`GET ${org}/events?subject=score:1`)).toMatchObject({ data: [] });
  });

  test('a product that accepts any object emits created, updated with the changes, and deleted', async () => {
    const org = await organization('generic');
    await put(org, 'invoice/9', { total: 1, note: 'a' });
    const updated = await put(org, 'invoice/9', { total: 2 });
    expect(await server.call(`GET ${org}/events/${updated.events[0]?.id}`)).toMatchObject({
      type: 'invoice.updated',
      data: { id: '9', state: { total: 2 }, changed: { total: { before: 1, after: 2 }, note: { before: 'a' } } },
    });
    expect(types(await server.call<Outcome>(`DELETE ${org}/objects/invoice/9`))).toEqual(['invoice.deleted']);
  });
});
