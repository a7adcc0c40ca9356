import { everyItem, field, once, type JsonObject, type ProductDefinition } from '@posthorn/protocol';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { defineProduct, type EventData, type EventName } from './define-product.ts';

interface Order {
  readonly id: string;
  readonly total: string;
}

/** A schema without a library: the compiler and the server only need Standard Schema. */
const Order: StandardSchemaV1<Order> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => (typeof value === 'object' && value !== null && 'id' in value ? { value: value as Order } : { issues: [] }),
  },
};

const shop = defineProduct({
  name: 'shop',
  events: {
    'order-placed': { group: 'Orders', description: 'Placed.', schema: Order, sample: { id: 'o-1', total: '19.90' } },
    'stock-low': { description: 'Low.', schema: { type: 'object' }, sample: { left: 3 } },
    note: { description: 'Anything.', sample: { text: 'hello' } },
  },
  ping: { type: 'note', data: () => ({ text: 'ping' }) },
});

const open = defineProduct({
  name: 'open',
  anyEvent: true,
  events: { known: { description: 'Known.', schema: Order, sample: { id: 'o-1', total: '1' } } },
});

describe('a definition', () => {
  test('is returned unchanged', () => {
    const events = { note: { description: 'Anything.', sample: {} } };
    const definition = { name: 'plain', events } as const;
    expect(defineProduct(definition)).toBe(definition);
  });

  test('is a ProductDefinition that the server loads', () => {
    expectTypeOf(shop).toExtend<ProductDefinition>();
    expectTypeOf(open).toExtend<ProductDefinition>();
  });

  test('keeps its literal names', () => {
    expectTypeOf(shop.name).toEqualTypeOf<'shop'>();
    expectTypeOf<keyof typeof shop.events>().toEqualTypeOf<'order-placed' | 'stock-low' | 'note'>();
    expectTypeOf<EventName<typeof shop>>().toEqualTypeOf<'order-placed' | 'stock-low' | 'note'>();
  });

  test('keeps the data of each event', () => {
    expectTypeOf<EventData<typeof shop, 'order-placed'>>().toEqualTypeOf<Order>();
    expectTypeOf<EventData<typeof shop, 'stock-low'>>().toEqualTypeOf<JsonObject>();
    expectTypeOf<EventData<typeof shop, 'note'>>().toEqualTypeOf<JsonObject>();
  });

  test('that accepts any event accepts any name, and checks the declared ones against their schema', () => {
    expectTypeOf<string>().toExtend<EventName<typeof open>>();
    expectTypeOf<EventData<typeof open, 'known'>>().toEqualTypeOf<Order>();
    expectTypeOf<EventData<typeof open, 'made-up'>>().toEqualTypeOf<JsonObject>();
  });

  test('of unknown type accepts any name and any object', () => {
    expectTypeOf<EventName<ProductDefinition>>().toEqualTypeOf<string>();
    expectTypeOf<EventData<ProductDefinition, 'made-up'>>().toEqualTypeOf<JsonObject>();
  });
});

/** The compiler checks each `@ts-expect-error`. At run time, a definition is returned unchecked. */
describe('the compiler refuses', () => {
  const event = { description: 'Placed.', schema: Order } as const;

  test('a sample that does not satisfy its schema', () => {
    const sample = { id: 'o-1', total: 19.9 };
    // @ts-expect-error -- total must be a string
    expect(defineProduct({ name: 'shop', events: { 'order-placed': { ...event, sample } } })).toHaveProperty('events');
  });

  test('a sample in which a field is missing', () => {
    // @ts-expect-error -- total is missing
    expect(defineProduct({ name: 'shop', events: { placed: { ...event, sample: { id: 'o-1' } } } })).toHaveProperty('events');
  });

  test('a sample that is missing or not a JSON object', () => {
    // @ts-expect-error -- there is no sample
    expect(defineProduct({ name: 'shop', events: { 'order-placed': event } })).toHaveProperty('events');
    const note = { description: 'Anything.', sample: { at: new Date(0) } };
    // @ts-expect-error -- a date is no JSON
    expect(defineProduct({ name: 'shop', events: { note } })).toHaveProperty('events');
  });

  test('something that is not a schema', () => {
    const note = { description: 'Anything.', schema: 'string', sample: {} };
    // @ts-expect-error -- a schema is an object
    expect(defineProduct({ name: 'shop', events: { note } })).toHaveProperty('events');
  });

  test('a ping whose type the product does not have', () => {
    const events = { note: { description: 'Anything.', sample: {} } };
    // @ts-expect-error -- there is no event pong
    expect(defineProduct({ name: 'shop', events, ping: { type: 'pong', data: () => ({}) } })).toHaveProperty('ping');
    expect(defineProduct({ name: 'shop', events, ping: { type: 'note', data: () => ({}) } })).toHaveProperty('ping');
    expect(defineProduct({ name: 'shop', events, anyEvent: true, ping: { type: 'pong', data: () => ({}) } })).toHaveProperty('ping');
  });

  test('an impossible policy', () => {
    // @ts-expect-error -- there is no method PUT
    expect(defineProduct({ name: 'shop', events: {}, delivery: { methods: ['PUT'] } })).toHaveProperty('delivery');
    // @ts-expect-error -- there is no such setting
    expect(defineProduct({ name: 'shop', events: {}, delivery: { timeOut: 5 } })).toHaveProperty('delivery');
  });
});

describe('object kinds', () => {
  test('name events of the product, and know the state by its schema', () => {
    const product = defineProduct({
      name: 'shop',
      events: { 'order-placed': { description: 'Placed.', schema: Order, sample: { id: 'o-1', total: '1' } } },
      objects: {
        order: {
          schema: Order,
          sample: { id: 'o-1', total: '1' },
          created: once('order-placed'),
          when: [{ becomes: everyItem('lines', field('sent', true)), event: 'order-placed' }],
          data: ({ state, previous }) => {
            expectTypeOf(state).toEqualTypeOf<Order>();
            expectTypeOf(previous).toEqualTypeOf<Order | null>();
            return { ...state };
          },
        },
        note: { updated: 'order-placed', data: ({ state }) => ({ text: state['text'] ?? null }) },
      },
    });
    expectTypeOf(product).toExtend<ProductDefinition>();
    expect(Object.keys(product.objects ?? {})).toEqual(['order', 'note']);
  });

  test('with an event that the product does not have do not compile', () => {
    const events = { 'order-placed': { description: 'Placed.', sample: {} } };
    // @ts-expect-error -- no such event
    defineProduct({ name: 'shop', events, objects: { order: { updated: 'order-updated' } } });
    // @ts-expect-error -- no such event
    defineProduct({ name: 'shop', events, objects: { order: { created: once('order-made') } } });
    // @ts-expect-error -- no such event
    defineProduct({ name: 'shop', events, objects: { order: { enters: { status: { paid: 'order-paid' } } } } });
    const digest = { at: '07:00', timeZone: 'UTC', entry: () => null, data: () => ({}) };
    const objects = { order: { created: 'order-placed' as const } };
    // @ts-expect-error -- no such kind
    defineProduct({ name: 'shop', events, objects, digests: { daily: { ...digest, event: 'order-placed', kind: 'orders' } } });
    // @ts-expect-error -- no such event
    defineProduct({ name: 'shop', events, objects, digests: { daily: { ...digest, event: 'order-lost', kind: 'order' } } });
    expect(
      defineProduct({ name: 'shop', events, objects, digests: { daily: { ...digest, event: 'order-placed', kind: 'order' } } }).name,
    ).toBe('shop');
  });
});
