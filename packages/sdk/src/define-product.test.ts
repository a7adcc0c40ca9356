import type { JsonObject, ProductDefinition } from '@posthorn/protocol';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { defineProduct, type EventData, type EventName } from './define-product.ts';

interface Order {
  readonly id: string;
  readonly total: string;
}

/** A schema of no library: what the compiler and the server need is Standard Schema alone. */
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
  test('is returned as it was given', () => {
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

  test('that takes any event takes any name, and holds the declared ones to their schema', () => {
    expectTypeOf<string>().toExtend<EventName<typeof open>>();
    expectTypeOf<EventData<typeof open, 'known'>>().toEqualTypeOf<Order>();
    expectTypeOf<EventData<typeof open, 'made-up'>>().toEqualTypeOf<JsonObject>();
  });

  test('of unknown type takes any name and any object', () => {
    expectTypeOf<EventName<ProductDefinition>>().toEqualTypeOf<string>();
    expectTypeOf<EventData<ProductDefinition, 'made-up'>>().toEqualTypeOf<JsonObject>();
  });
});

describe('the compiler refuses', () => {
  const event = { description: 'Placed.', schema: Order } as const;

  test('a sample that is not what its schema says', () => {
    defineProduct({
      name: 'shop',
      // @ts-expect-error -- total must be a string
      events: { 'order-placed': { ...event, sample: { id: 'o-1', total: 19.9 } } },
    });
  });

  test('a sample in which a field is missing', () => {
    defineProduct({
      name: 'shop',
      // @ts-expect-error -- total is missing
      events: { 'order-placed': { ...event, sample: { id: 'o-1' } } },
    });
  });

  test('a sample that is missing, or no JSON object', () => {
    // @ts-expect-error -- there is no sample
    defineProduct({ name: 'shop', events: { 'order-placed': event } });
    // @ts-expect-error -- a date is no JSON
    defineProduct({ name: 'shop', events: { note: { description: 'Anything.', sample: { at: new Date(0) } } } });
  });

  test('a schema that is none', () => {
    // @ts-expect-error -- a schema is an object
    defineProduct({ name: 'shop', events: { note: { description: 'Anything.', schema: 'string', sample: {} } } });
  });

  test('a ping whose type the product does not have', () => {
    defineProduct({
      name: 'shop',
      events: { 'order-placed': { ...event, sample: { id: 'o-1', total: '1' } } },
      // @ts-expect-error -- there is no event pong
      ping: { type: 'pong', data: () => ({}) },
    });
  });

  test('a policy that cannot be', () => {
    // @ts-expect-error -- there is no method PUT
    defineProduct({ name: 'shop', events: {}, delivery: { methods: ['PUT'] } });
    // @ts-expect-error -- there is no such setting
    defineProduct({ name: 'shop', events: {}, delivery: { timeOut: 5 } });
  });
});
