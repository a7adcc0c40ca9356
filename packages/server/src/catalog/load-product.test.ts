import type { DeliveryPolicy, EventTypeDefinition, ProductDefinition } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { Catalog } from './catalog.ts';
import { loadProduct, patternMatchesProduct } from './load-product.ts';

const event = (more: object = {}): EventTypeDefinition => ({ description: 'Something happened.', sample: { id: '1' }, ...more });
const product = (more: object = {}): ProductDefinition => ({ name: 'shop', events: { 'order-paid': event() }, ...more });
const withDelivery = (delivery: object): ProductDefinition => product({ delivery: delivery as Partial<DeliveryPolicy> });

test('a minimal definition gets the default policy, envelope and ping', async () => {
  const loaded = await loadProduct(product());
  expect(loaded).toMatchObject({
    name: 'shop',
    title: 'shop',
    anyEvent: false,
    policy: { methods: ['POST'], url: 'https', timeoutMs: 20_000, secret: 'generated' },
    ping: { type: 'ping', onCreate: false },
  });
  expect(loaded.eventType('order-paid')).toMatchObject({ group: null, jsonSchema: null, sample: { id: '1' } });
  expect(loaded.eventType('order-unpaid')).toBeUndefined();
});

test('an event is found by its aliases', async () => {
  const loaded = await loadProduct(product({ events: { 'order-paid': event({ aliases: ['order_paid', 'ORDER.PAID'] }) } }));
  expect(loaded.eventType('order_paid')?.name).toBe('order-paid');
  expect(loaded.eventType('ORDER.PAID')?.name).toBe('order-paid');
  expect([...loaded.eventTypes.keys()]).toEqual(['order-paid']);
});

test('a product that accepts any event has an event type for every valid name', async () => {
  const loaded = await loadProduct(product({ anyEvent: true }));
  expect(loaded.eventType('anything.at:all/really')).toMatchObject({ name: 'anything.at:all/really', jsonSchema: null });
  for (const name of ['', 'with space', 'ünïcode', 'a'.repeat(129), '-dash', 'a\0']) expect(loaded.eventType(name)).toBeUndefined();
});

test.each<[string, ProductDefinition, string]>([
  ['a bad name', product({ name: 'Shop!' }), 'name must match'],
  ['no name', product({ name: undefined }), 'name is required'],
  ['a bad event name', product({ events: { 'order paid': event() } }), 'events.order paid is not a known field'],
  ['an event without description', product({ events: { a: { sample: {} } } }), 'events.a.description is required'],
  ['an event without sample', product({ events: { a: { description: '' } } }), 'events.a.sample is required'],
  ['an unusable alias', product({ events: { a: event({ aliases: ['*'] }) } }), 'events.a.aliases.0 must match'],
  [
    'an alias that is a name',
    product({ events: { a: event({ aliases: ['b'] }), b: event() } }),
    'events.a.aliases: b already names another event',
  ],
  [
    'an alias twice',
    product({ events: { a: event({ aliases: ['x'] }), b: event({ aliases: ['x'] }) } }),
    'events.b.aliases: x already names another',
  ],
  ['an envelope that is no function', product({ envelope: {} }), 'envelope must be a function'],
  ['a ping without data', product({ ping: { type: 'ping' } }), 'ping.data must be a function'],
  ['no methods', withDelivery({ methods: [] }), 'delivery.methods must NOT have fewer than 1 items'],
  ['an unknown method', withDelivery({ methods: ['PUT'] }), 'delivery.methods.0 must be one of POST, GET'],
  ['a misspelt setting', withDelivery({ timeout: 1 }), 'delivery.timeout is not a known field'],
  ['too long a timeout', withDelivery({ timeoutMs: 60_001 }), 'delivery.timeoutMs must be <= 60000'],
  ['a status that is none', withDelivery({ success: { status: [42], bodyContains: null } }), 'delivery.success.status.0 must be >= 100'],
  ['too many retries', withDelivery({ retry: { kind: 'fixed', delayMs: 1, retries: 101 } }), 'delivery.retry.retries must be <= 100'],
  ['a retry plan of another kind', withDelivery({ retry: { kind: 'fixed', delaysMs: [1] } }), 'delivery.retry.delayMs is required'],
  ['an unknown retry plan', withDelivery({ retry: { kind: 'forever' } }), 'delivery.retry value of tag "kind" must be in oneOf'],
  [
    'an unknown algorithm',
    withDelivery({ signatures: [{ kind: 'hmac', header: 'X-A', algorithm: 'md5', encoding: 'hex' }] }),
    'algorithm must be one of',
  ],
  ['a reserved header', withDelivery({ headers: { Host: 'x' } }), 'delivery.headers.Host Host is reserved'],
])('%s is refused with product and place', async (_, definition, message) => {
  await expect(loadProduct(definition)).rejects.toThrow(message);
  await expect(loadProduct(definition)).rejects.toMatchObject({ name: 'DefinitionError', message: expect.stringMatching(/^product /) });
});

test('a sample that does not match its schema is refused with the field', async () => {
  const schema = { type: 'object', properties: { id: { type: 'integer' } } };
  await expect(loadProduct(product({ events: { a: event({ schema }) } }))).rejects.toThrow(
    'product shop: events.a.sample/id does not match the schema: must be integer',
  );
});

test('an invalid schema is refused with its place', async () => {
  await expect(loadProduct(product({ events: { a: event({ schema: { type: 'strange' } }) } }))).rejects.toThrow(
    'product shop: events.a.schema:',
  );
});

test('an envelope that fails or returns no JSON is found with the samples', async () => {
  const failing = product({
    envelope: () => {
      throw new Error('boom');
    },
  });
  await expect(loadProduct(failing)).rejects.toThrow('product shop: envelope fails for the sample of order-paid: boom');
  await expect(loadProduct(product({ envelope: () => undefined }))).rejects.toThrow('returns no JSON');
});

test('of two products with the same name the later one is used, so that a folder can replace a built-in one', async () => {
  const catalog = await Catalog.load([product(), product({ title: 'Mine' })]);
  expect(catalog.products().map(({ title }) => title)).toEqual(['Mine', 'Posthorn operations']);
  expect(catalog.product('shop')?.title).toBe('Mine');
  await expect(Catalog.load([])).rejects.toThrow('no product is defined');
  await expect(Catalog.load([product({ name: 'posthorn' })])).rejects.toThrow('product posthorn: the name is reserved for Posthorn’s own');
});

test.each([
  ['*', true],
  ['order-*', true],
  ['order-paid', true],
  ['*-paid', true],
  ['order_paid', true],
  ['invoice-*', false],
  ['order', false],
  ['', false],
])('a subscription to %s can match the product’s events: %s', async (pattern, matches) => {
  const loaded = await loadProduct(product({ events: { 'order-paid': event({ aliases: ['order_paid'] }) } }));
  expect(patternMatchesProduct(loaded, pattern)).toBe(matches);
});
