import { and, everyItem, field, once, present, type ObjectKindDefinition, type ProductDefinition } from '@posthorn/protocol';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { loadProduct } from './load-product.ts';

const order = z.object({
  status: z.enum(['open', 'paid']),
  address: z.object({ city: z.string() }).nullable(),
  lines: z.array(z.object({ sent: z.boolean(), carrier: z.literal(['post', 'bike']).optional() })),
  extra: z.record(z.string(), z.number()),
});
const event = { description: 'Happened.', sample: { any: 'thing' } };
const product = (kind: object, more: object = {}): ProductDefinition => ({
  name: 'shop',
  events: { 'order-paid': event, 'order-open': event },
  objects: { order: kind },
  ...more,
});

describe('a rule that names something unknown is refused with its place', () => {
  test.each<[string, object, string]>([
    ['an event', { created: 'order-made' }, 'objects.order.created names order-made, which is not an event of the product'],
    ['a once event', { deleted: once('x') }, 'objects.order.deleted names x, which is not an event'],
    ['an event of a value', { enters: { status: { paid: 'x' } } }, 'objects.order.enters.status.paid names x, which is not an event'],
    [
      'a field',
      { enters: { state: { paid: 'order-paid' } } },
      'objects.order.enters.state names the field state, which the schema does not',
    ],
    ['a field inside', { changes: { 'address.town': 'order-paid' } }, 'objects.order.changes.address.town names the field address.town'],
    [
      'a value',
      { enters: { status: { payed: 'order-paid' } } },
      "objects.order.enters.status.payed names a value that status can't have; its values are open, paid",
    ],
    [
      'a field of an item',
      { when: [{ becomes: everyItem('lines', field('send', true)), event: 'order-paid' }] },
      'objects.order.when.0.becomes.condition names the field send',
    ],
    [
      'a value of an item',
      { when: [{ becomes: everyItem('lines', field('carrier', 'car')), event: 'order-paid' }] },
      "objects.order.when.0.becomes.condition names a value that carrier can't have; its values are post, bike",
    ],
    [
      'a field in a part of a condition',
      { when: [{ becomes: and(present('status'), present('x')), event: 'order-paid' }] },
      'objects.order.when.0.becomes.conditions.1 names the field x',
    ],
    ['no condition', { when: [{ becomes: { kind: 'maybe' }, event: 'order-paid' }] }, 'objects.order.when.0.becomes'],
    ['a misspelt rule', { create: 'order-paid' }, 'objects.order.create is not a known field'],
    ['data that is no function', { data: {} }, 'objects.order.data must be a function'],
    ['a broken schema', { schema: { type: 'strange' } }, 'objects.order.schema'],
    ['a sample that does not fit', { sample: { status: 'x' } }, 'objects.order.sample.status'],
  ])('%s', async (_, kind, message) => {
    await expect(loadProduct(product({ schema: order, ...kind }))).rejects.toThrow(message);
  });

  test('all problems are reported at once', async () => {
    const wrong = product({ schema: order, created: 'x', enters: { status: { y: 'z' } } });
    await expect(loadProduct(wrong)).rejects.toThrow(/created names x[^]*status\.y names a value[^]*status\.y names z/);
  });
});

test('rules may name fields that the schema leaves open', async () => {
  const kind = {
    schema: order,
    enters: { 'address.city': { Paris: 'order-paid' }, 'extra.anything': { 1: 'order-paid' }, status: { paid: 'order-paid' } },
    changes: { lines: 'order-open', address: 'order-open' },
    when: [{ becomes: everyItem('lines', and(field('sent', true), field('carrier', 'post'))), event: once('order-paid') }],
  };
  expect((await loadProduct(product(kind))).objectKinds.listed.get('order')?.rules.enters).toHaveLength(3);
  const open = await loadProduct(product({ enters: { whatever: { x: 'order-paid' } } }));
  expect(open.objectKinds.find('order')?.jsonSchema).toBeNull();
  expect(open.objectKinds.find('other')).toBeUndefined();
});

test('references and alternatives of a JSON Schema are resolved', async () => {
  const schema = {
    $defs: { status: { enum: ['a', 'b'] } },
    allOf: [{ properties: { status: { $ref: '#/$defs/status' } } }, { properties: { kind: { oneOf: [{ const: 1 }, { const: 2 }] } } }],
  };
  const load = (enters: object) => loadProduct(product({ schema, enters }));
  await expect(load({ status: { c: 'order-paid' } })).rejects.toThrow('its values are a, b');
  await expect(load({ kind: { 3: 'order-paid' } })).rejects.toThrow('its values are 1, 2');
  await expect(load({ kind: { 2: 'order-paid' }, status: { a: 'order-open' } })).resolves.toMatchObject({ name: 'shop' });
});

test('with a sample, a failing or invalid data function is found when the definition is loaded', async () => {
  const events = { made: { description: 'Made.', sample: { id: 1 }, schema: { type: 'object', required: ['id'] } } };
  const load = (data: unknown) =>
    loadProduct({ name: 'shop', events, objects: { order: { created: 'made', sample: {}, data } as ObjectKindDefinition } });
  await expect(load(() => ({}))).rejects.toThrow('objects.order.data.id is required (as data of made)');
  await expect(
    load(() => {
      throw new Error('boom');
    }),
  ).rejects.toThrow('objects.order.data fails for made: boom');
  await expect(load(() => ({ id: 2 }))).resolves.toMatchObject({ name: 'shop' });
});

test('anyObject requires anyEvent', async () => {
  await expect(loadProduct({ name: 'shop', events: {}, anyObject: true })).rejects.toThrow('anyObject requires anyEvent');
  const open = await loadProduct({ name: 'shop', events: {}, anyObject: true, anyEvent: true });
  expect(open.objectKinds.find('invoice')?.rules.created?.type.name).toBe('invoice.created');
  for (const name of ['', 'a b', 'a:b', '../x', 'ü', 'x'.repeat(65)]) expect(open.objectKinds.find(name)).toBeUndefined();
});
