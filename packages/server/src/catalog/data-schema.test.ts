import type { DataSchema, JsonObject } from '@posthorn/protocol';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { compileSchema } from './data-schema.ts';

const check = async (schema: DataSchema | undefined, data: JsonObject) => compileSchema(schema).check(data);

test('without a schema any object is valid', async () => {
  expect(compileSchema(undefined).jsonSchema).toBeNull();
  expect(await check(undefined, { anything: [1] })).toEqual([]);
});

describe('Standard Schema', () => {
  const order = z.object({ id: z.string().trim(), lines: z.array(z.object({ 'a/b~c': z.number() })), note: z.string().default('none') });

  test('each error has its JSON Pointer, rule and message', async () => {
    expect(await check(order, { id: 7, lines: [{ 'a/b~c': 1 }, { 'a/b~c': 'x' }] })).toMatchObject([
      { path: '/id', rule: 'invalid_type', message: expect.stringContaining('expected string') },
      { path: '/lines/1/a~1b~0c', rule: 'invalid_type' },
    ]);
  });

  test('checking does not change the data, even if the schema transforms it', async () => {
    const data = { id: ' padded ', lines: [], unknown: { stays: true } };
    const before = structuredClone(data);
    expect(await check(order, data)).toEqual([]);
    expect(data).toEqual(before);
  });

  test('it is shown as the JSON Schema of its input, or null if that cannot be expressed', () => {
    expect(compileSchema(order).jsonSchema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      properties: { id: { type: 'string' } },
      required: ['id', 'lines'],
    });
    expect(compileSchema(z.object({ at: z.date() })).jsonSchema).toBeNull();
  });

  test('an asynchronous schema is awaited', async () => {
    const taken = z.object({ id: z.string() }).refine(async ({ id }) => id !== 'taken', { path: ['id'], message: 'is taken' });
    expect(await check(taken, { id: 'taken' })).toMatchObject([{ path: '/id', message: 'is taken' }]);
    expect(await check(taken, { id: 'free' })).toEqual([]);
  });
});

describe('JSON Schema', () => {
  const schema = {
    type: 'object',
    properties: {
      id: { type: 'string', format: 'uuid' },
      'a/b': { type: 'integer', default: 3 },
      state: { enum: ['on', 'off'] },
      'x~y': true,
    },
    required: ['id', 'x~y'],
    additionalProperties: false,
  };

  test('every error is reported, a missing or unknown field at its own path', async () => {
    const errors = await check(schema, { id: 'no', 'a/b': '3', state: 'broken', more: 1 });
    expect(errors).toEqual(
      expect.arrayContaining([
        { path: '/x~0y', rule: 'required', message: 'is required' },
        { path: '/more', rule: 'additionalProperties', message: 'is not a known field' },
        { path: '/id', rule: 'format', message: 'must match format "uuid"' },
        { path: '/a~1b', rule: 'type', message: 'must be integer' },
        { path: '/state', rule: 'enum', message: 'must be one of on, off' },
      ]),
    );
    expect(errors).toHaveLength(5);
  });

  test('checking neither fills in defaults nor coerces types', async () => {
    const data = { id: '0b8f6f5e-6a39-4d1c-9d2a-6f0f5f3a1c11', 'x~y': true };
    const before = structuredClone(data);
    expect(await check(schema, data)).toEqual([]);
    expect(data).toEqual(before);
  });

  test('schemas are 2020-12, or draft-07 if $schema says so', async () => {
    const tuple = { properties: { pair: { type: 'array', prefixItems: [{ type: 'string' }], items: false } } };
    expect(await check(tuple, { pair: ['a', 1] })).toHaveLength(1);
    const old = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      definitions: { name: { type: 'string' } },
      properties: { pair: { type: 'array', items: [{ $ref: '#/definitions/name' }], additionalItems: false } },
    };
    expect(await check(old, { pair: ['a'] })).toEqual([]);
    expect(await check(old, { pair: ['a', 1] })).toHaveLength(1);
  });

  test('two event types may have schemas with the same $id', () => {
    const named = { $id: 'https://example.com/order', type: 'object' };
    compileSchema(named);
    expect(() => compileSchema({ ...named }).check({})).not.toThrow();
  });

  test('an invalid or asynchronous schema is refused', () => {
    expect(() => compileSchema({ type: 'strange' })).toThrow('schema is invalid');
    expect(() => compileSchema({ $ref: '#/nowhere' })).toThrow('reference');
    expect(() => compileSchema({ $async: true, type: 'object' })).toThrow('$async');
  });
});
