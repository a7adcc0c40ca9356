import { createClient, defineProduct, ExactNumber, parseJson, type Json, type JsonObject } from '@posthorn/sdk';
import { builtInProducts } from '@posthorn/products';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { eventually } from '../packages/server/test-support/eventually.ts';
import { startNode, type InProcessNode } from './harness/node-in-process.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';
import { makeTenant, type TestTenant } from './harness/tenant.ts';

const LOST = '9007199254740993.00';
/** Returns the nearest double. */
const NEAREST = '9007199254740992';
const AMOUNT = '12345678901234567890.12';
const exact = (source: string): ExactNumber => new ExactNumber(source);

const Price = {
  type: 'object',
  properties: {
    whole: { type: 'integer', minimum: -10, exclusiveMaximum: 9007199254740994 },
    cents: { multipleOf: 0.01 },
    list: { uniqueItems: true },
    status: { enum: [1, 9007199254740992] },
    one: { const: 9007199254740992 },
    small: { format: 'int32', type: 'number' },
    either: { anyOf: [{ type: 'string' }, { type: 'number', maximum: 5 }] },
  },
};

const bank = defineProduct({
  name: 'bank',
  anyEvent: true,
  delivery: { methods: ['POST', 'GET'], contentTypes: ['application/json', 'application/x-www-form-urlencoded'] },
  envelope: ({ type, data, sender }) => ({ type, ...data, ...(sender && { sender }) }),
  events: {
    priced: { description: 'Something has a price.', schema: Price, sample: {} },
    counted: { description: 'Something was counted.', schema: z.object({ n: z.number().max(10) }), sample: { n: 1 } },
    'account-changed': { description: 'An account has changed.', sample: {} },
    'accounts-of-day': { description: 'Accounts of a day.', sample: { accounts: [] } },
  },
  objects: {
    account: {
      created: 'account-changed',
      updated: 'account-changed',
      data: ({ state, changed }) => ({
        state,
        changed: Object.fromEntries(
          Object.entries(changed).map(([name, { before, after }]) => [name, { before: before ?? null, after: after ?? null }]),
        ),
      }),
    },
    model: {},
    score: { scoped: true },
  },
  digests: {
    daily: {
      event: 'accounts-of-day',
      kind: 'account',
      at: '07:00',
      timeZone: 'UTC',
      entry: ({ original, current }) => ({ before: original['balance'] ?? null, after: current['balance'] ?? null }),
      data: (_context, accounts) => ({ accounts: [...accounts] }),
    },
  },
});

let node: InProcessNode;
let receiver: Receiver;
let tenant: TestTenant;

beforeAll(async () => {
  [node, receiver] = await Promise.all([startNode({ products: [bank] }), startReceiver()]);
  tenant = await makeTenant(node, 'bank', { inbound: true });
  await tenant.webhook({ url: receiver.url });
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

/** Sends and reads JSON as text: nothing between the test and the server may change a digit. */
async function raw(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
  const url = path.startsWith('http') ? path : node.server.url + tenant.path + path;
  const headers = { authorization: `Bearer ${node.rootKey}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const response = await fetch(url, { method, headers, body: body ?? null });
  return { status: response.status, text: await response.text() };
}

async function bodyOf(eventId: string): Promise<string> {
  const { attempts } = await tenant.settled(eventId, 'delivered');
  return attempts[0]?.request.body ?? '';
}

const idIn = (text: string): string => /"id":"([^"]+)"/.exec(text)?.[1] ?? '';

const digits = fc.string({ unit: fc.constantFrom('0', '1', '9'), minLength: 1, maxLength: 20 });
const number = fc
  .tuple(fc.constantFrom('', '-'), digits, fc.option(digits), fc.option(fc.integer({ min: -330, max: 330 })))
  .map(([sign, whole, fraction, exponent]) => {
    const text = `${sign}${whole.replace(/^0+(?=\d)/, '')}${fraction === null ? '' : `.${fraction}`}`;
    return exponent === null ? text : `${text}e${exponent}`;
  });

test('numbers reach the delivered body and the API as they were sent; those that fit a double have its usual form', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 30 }), async (numbers) => {
      const data = `{"numbers":[${numbers.join()}]}`;
      const usual = JSON.stringify(parseJson(data));
      const single = await raw('POST', '/events', `{"type":"a.b","data":${data}}`);
      expect([single.status, numbers]).toEqual([202, numbers]);
      const batch = await raw('POST', '/events/batch', `{"events":[{"type":"a.b","data":${data},"sender":${data}}]}`);
      for (const id of [idIn(single.text), idIn(batch.text)]) {
        expect(await bodyOf(id)).toContain(usual.slice(1, -1));
        expect((await raw('GET', `/events/${id}`)).text).toContain(`"data":${usual}`);
      }
      const { sender } = parseJson((await raw('GET', `/events/${idIn(batch.text)}`)).text) as { sender: JsonObject };
      expect(valuesOf(sender)).toEqual(valuesOf(parseJson(data) as JsonObject));
    }),
    { numRuns: 40 },
  );
});

/** As PostgreSQL keeps a sender as jsonb, its numbers may be spelled otherwise. */
function valuesOf({ numbers }: JsonObject): number[] {
  return (numbers as (number | ExactNumber)[]).map((one) => Number(one) || 0);
}

describe('objects', () => {
  const put = (id: string, balance: string) => raw('PUT', `/objects/account/${id}`, `{"state":{"balance":${balance},"name":"A"}}`);

  test('a change beyond the precision of a double causes an event with both values', async () => {
    await put('a', NEAREST);
    const changed = await put('a', LOST);
    expect(changed.text).toContain(`"state":{"balance":${LOST},"name":"A"}`);
    const [event] = (JSON.parse(changed.text) as { events: { id: string }[] }).events;
    expect(await bodyOf(event?.id ?? '')).toContain(`"changed":{"balance":{"before":${NEAREST},"after":${LOST}}}`);
    expect((await raw('GET', '/objects/account/a')).text).toContain(`"balance":${LOST}`);
    expect((await raw('GET', '/objects/account')).text).toContain(`"balance":${LOST}`);
  });

  test('another spelling of the same number is not a change', async () => {
    await put('b', LOST);
    for (const same of ['9007199254740993', '9007199254740993.0', '9.007199254740993e15']) {
      expect(JSON.parse((await put('b', same)).text)).toMatchObject({ object: { version: 1 }, events: [] });
    }
  });

  test('a merge patch changes or preserves it', async () => {
    await put('c', LOST);
    const patched = await raw('PATCH', '/objects/account/c', `{"state":{"limit":{"most":${AMOUNT}}}}`);
    expect(patched.text).toContain(`"state":{"balance":${LOST},"name":"A","limit":{"most":${AMOUNT}}}`);
    const replaced = await raw('PATCH', '/objects/account/c', '{"state":{"balance":9007199254740993.5,"limit":null}}');
    expect(replaced.text).toContain('"state":{"balance":9007199254740993.5,"name":"A"}');
  });

  test('in bulk, and in a digest', async () => {
    const entry = (balance: string) => `{"kind":"account","id":"d","state":{"balance":${balance}}}`;
    for (const balance of [NEAREST, AMOUNT]) await raw('POST', '/objects/batch', `{"objects":[${entry(balance)}]}`);
    const { text } = await raw('POST', '/digests/daily/preview');
    expect(text).toContain(`{"before":${NEAREST},"after":${AMOUNT}}`);
    const run = await raw('POST', '/digests/daily/run');
    expect(run.text).toContain(`{"before":${NEAREST},"after":${AMOUNT}}`);
  });

  test('through inbound hooks: states and scores', async () => {
    const hook = async (target: object) => (await tenant.call<{ url: string }>('POST', '/inbound-hooks', { target })).url;
    const objects = await hook({ kind: 'objects', id: 'account' });
    expect((await raw('POST', objects, `[{"id":"in","balance":${AMOUNT}},{"id":${LOST.slice(0, 16)},"balance":1}]`)).status).toBe(201);
    expect((await raw('GET', '/objects/account/in')).text).toContain(`"balance":${AMOUNT}`);
    expect((await raw('GET', '/objects/account/9007199254740993')).text).toContain('"id":9007199254740993');
    await tenant.push('model/m', {});
    expect((await raw('POST', await hook({ kind: 'model', id: 'm' }), `{"id":"s","total":{"points":${AMOUNT}}}`)).status).toBe(201);
    expect((await raw('GET', '/objects/score/s?scope=model:m')).text).toContain(`{"points":${AMOUNT}}`);
  });
});

describe('schemas', () => {
  const emit = async (type: string, data: string): Promise<string[]> => {
    const { status, text } = await raw('POST', '/events', `{"type":"${type}","data":${data}}`);
    if (status === 202) return [];
    return (JSON.parse(text) as { errors: { path: string; rule: string }[] }).errors.map(({ path, rule }) => `${path} ${rule}`);
  };

  test.each([
    ['{"whole":9007199254740993.00}', []],
    ['{"whole":9007199254740993.5}', ['/data/whole type']],
    ['{"whole":9007199254740994.0000000000000000001}', ['/data/whole exclusiveMaximum', '/data/whole type']],
    ['{"whole":-1e400}', ['/data/whole minimum']],
    ['{"whole":1e400}', ['/data/whole exclusiveMaximum']],
    ['{"cents":12345678901234567890.12}', []],
    ['{"cents":12345678901234567890.125}', ['/data/cents multipleOf']],
    [`{"list":[${NEAREST},${LOST},"x",{"a":1,"b":2}]}`, []],
    [`{"list":[${LOST},9007199254740993]}`, ['/data/list uniqueItems']],
    [`{"list":[${LOST},{"a":1,"b":2},{"b":2,"a":1}]}`, ['/data/list uniqueItems']],
    [`{"status":${NEAREST},"more":${LOST}}`, []],
    [`{"status":${LOST}}`, ['/data/status enum']],
    [`{"one":${LOST}}`, ['/data/one const']],
    [`{"small":${LOST}}`, ['/data/small format']],
    ['{"either":4.99999999999999999999}', []],
    ['{"either":5.00000000000000000001}', ['/data/either anyOf', '/data/either maximum', '/data/either type']],
  ])('JSON Schema looks at the digits of %s', async (data, errors) => {
    expect((await emit('priced', data)).toSorted()).toEqual(errors);
  });

  test('a schema library gets the nearest double, and the event keeps its digits', async () => {
    expect(await emit('counted', '{"n":1e400}')).toEqual(['/data/n too_big']);
    const { text } = await raw('POST', '/events', '{"type":"counted","data":{"n":1.00000000000000000001}}');
    expect(await bodyOf(idIn(text))).toContain('"n":1.00000000000000000001');
  });

  test.each(['data', 'sender'])('a number is not accepted as the object %s', async (field) => {
    const fields = { type: '"a.b"', data: '{}', [field]: LOST };
    const body = `{${Object.entries(fields)
      .map(([name, value]) => `"${name}":${value}`)
      .join()}}`;
    const { status, text } = await raw('POST', '/events', body);
    expect([status, JSON.parse(text)]).toMatchObject([422, { errors: [{ path: `/${field}`, rule: 'type', message: 'must be object' }] }]);
    expect((await raw('POST', '/events/batch', `{"events":[${body}]}`)).text).toContain('must be object');
  });
});

test('a query string and a form carry the same digits', async () => {
  const other = await makeTenant(node, 'bank');
  await other.webhook({ url: `${receiver.url}/query`, method: 'GET' });
  await other.webhook({ url: `${receiver.url}/form`, contentType: 'application/x-www-form-urlencoded' });
  await other.emit('a.b', { amount: exact(AMOUNT), inside: { amount: exact('1e400') } });
  const arrived = (path: string) =>
    eventually(() => {
      const found = receiver.requests.find(({ target }) => target.startsWith(path));
      if (!found) throw new Error(`Nothing arrived at ${path}.`);
      return found;
    });
  const query = new URL((await arrived('/query')).target, receiver.url).searchParams;
  expect([query.get('amount'), query.get('inside')]).toEqual([AMOUNT, '{"amount":1e400}']);
  const form = new URLSearchParams((await arrived('/form')).text);
  expect(form.get('payload')).toBe(`{"type":"a.b","amount":${AMOUNT},"inside":{"amount":1e400}}`);
});

test('the client sends and reads exact numbers', async () => {
  const client = createClient<typeof bank>({ url: node.server.url, key: node.rootKey }).organization(tenant.id);
  const { id } = await client.emit('a.b', { amount: exact(AMOUNT) });
  expect((await client.events.get(id)).data).toEqual({ amount: exact(AMOUNT) });
  expect(await bodyOf(id)).toContain(`"amount":${AMOUNT}`);
});

/** Yields the value once per leaf, with that leaf replaced. */
function* replacements(value: Json, leaf: Json): Generator<Json> {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) {
    yield leaf;
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    for (const replaced of replacements(item, leaf)) {
      yield Array.isArray(value) ? value.with(Number(key), replaced) : { ...value, [key]: replaced };
    }
  }
}

describe.each(builtInProducts)('the product $name', (product) => {
  const leaf = exact(AMOUNT);
  type Outcome = { readonly code?: string };
  const outcomes = async (place: TestTenant, path: string, field: string, items: readonly object[]): Promise<Outcome[]> => {
    const results: Outcome[] = [];
    for (let from = 0; from < items.length; from += 200) {
      const body = { [field]: items.slice(from, from + 200) };
      results.push(...(await place.call<{ results: Outcome[] }>('POST', path, body)).results);
    }
    return results;
  };

  test('accepts an exact number anywhere in an event or a state, or refuses it with an expected error code', async () => {
    const place = await makeTenant(node, product.name);
    const events = Object.entries(product.events).flatMap(([type, { sample }]) =>
      [...replacements(sample, leaf)].map((data) => ({ type, data })),
    );
    expect(new Set((await outcomes(place, '/events/batch', 'events', events)).map(({ code }) => code))).toSatisfy(isOkOrNamed);
    const states = Object.entries(product.objects ?? {}).flatMap(([kind, { sample, scoped }]) =>
      [...replacements(sample ?? {}, leaf)].flatMap((state, index) =>
        [sample, state].map((one) => ({ kind, id: `o-${index}`, state: one, ...(scoped && { scope: 'model:m' }) })),
      ),
    );
    expect(new Set((await outcomes(place, '/objects/batch', 'objects', states)).map(({ code }) => code))).toSatisfy(isOkOrNamed);
    for (const digest of Object.keys(product.digests ?? {})) await place.call('POST', `/digests/${digest}/run`);
  });
});

function isOkOrNamed(codes: ReadonlySet<string | undefined>): boolean {
  return [...codes].every((code) => [undefined, 'invalid_data', 'invalid_state', 'invalid_request'].includes(code));
}
