import type { Envelope, Json, JsonObject } from '@posthorn/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tenant } from '../tenancy/tenant.ts';
import { renderEvent } from './prepare-event.ts';

function render(envelope: Envelope, data: JsonObject) {
  const tenant = { organization: { key: 1, id: 'acme', name: 'Acme' }, product: { envelope } } as unknown as Tenant;
  const fixed = { id: 'e', time: new Date(0), type: 'a', scope: null, subject: null, externalId: null, sender: null, test: false };
  const { body, data: kept, dataStart, dataLength } = renderEvent(tenant, { ...fixed, data }, []);
  const text = Buffer.from(body).toString();
  const placed = kept ?? body.subarray(dataStart ?? -1, (dataStart ?? 0) + (dataLength ?? 0));
  return { text, data: Buffer.from(placed).toString(), isPlaced: kept === null };
}

const json = fc.jsonValue() as fc.Arbitrary<Json>;
const object = fc.dictionary(fc.string({ unit: 'grapheme' }), json) as fc.Arbitrary<JsonObject>;

test('the stored position covers exactly the data, regardless of the rest of the body', () => {
  fc.assert(
    fc.property(object, object, object, fc.string({ unit: 'grapheme' }), (before, data, after, key) => {
      const { text, ...placed } = render((event) => ({ ...before, [key]: event.data, ...after, [key]: event.data }), data);
      expect(text).toBe(JSON.stringify({ ...before, [key]: data, ...after, [key]: data }));
      expect(placed).toEqual({ data: JSON.stringify(data), isPlaced: true });
    }),
  );
});

test('nested data and data that is the whole body are found; transformed data is stored beside the body', () => {
  const data = { name: 'Größe', 'n"1': [1, null] };
  const text = JSON.stringify(data);
  expect(render((event) => ({ payload: { inner: event.data } }), data)).toMatchObject({ data: text, isPlaced: true });
  expect(render((event) => event.data, data)).toMatchObject({ text, data: text, isPlaced: true });
  expect(render((event) => ({ name: event.data['name'] ?? null }), data)).toMatchObject({ data: text, isPlaced: false });
});

test('an envelope with its own toJSON is respected, and its data is found in the result or stored separately', () => {
  const data = { a: 1 };
  const said =
    (answer: unknown): Envelope =>
    (event) =>
      ({ data: event.data, toJSON: () => answer }) as unknown as JsonObject;
  expect(render(said({ other: 2 }), data)).toEqual({ text: '{"other":2}', data: '{"a":1}', isPlaced: false });
  expect(render(said({ other: { a: 1 } }), data)).toEqual({ text: '{"other":{"a":1}}', data: '{"a":1}', isPlaced: true });
});
