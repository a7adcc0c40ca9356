import { compareNumbers, ExactNumber, numberOf, type Json, type JsonObject } from '@posthorn/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileSchema } from './data-schema.ts';
import { holdsExactNumber } from './exact-schema.ts';

const EXACT = new ExactNumber('12345678901234567890.12');
const check = (schema: JsonObject, data: JsonObject): string[] => {
  const errors = compileSchema({ type: 'object', ...schema }).check(data);
  if (errors instanceof Promise) throw new Error('A JSON Schema is checked at once.');
  // Ajv doesn't compare items of a wrong type with each other; the exact keyword does. The list is refused either way.
  const wrongItems = new Set(errors.flatMap(({ path, rule }) => (rule === 'type' ? path.replace(/\/[^/]*$/, '') : [])));
  return errors
    .filter(({ path, rule }) => rule !== 'uniqueItems' || !wrongItems.has(path))
    .map(({ path, rule }) => `${path} ${rule}`)
    .toSorted();
};

const scalar = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom<Json>(null, true, '', 'a', 1.5, 'ab'));
const list = fc.array(scalar, { maxLength: 4 });
const value: fc.Arbitrary<Json> = fc.oneof(
  scalar,
  list,
  fc.dictionary(fc.constantFrom('a', 'b', 'a/b~c'), fc.oneof(scalar, list), { noNullPrototype: true }),
);

/** Schemas that look at numbers directly, in lists, in objects, and through combinations. */
const rules = fc.record(
  {
    type: fc.constantFrom('integer', 'number', 'array', 'object', 'string'),
    minimum: fc.integer({ min: -9, max: 9 }),
    maximum: fc.integer({ min: -9, max: 9 }),
    exclusiveMinimum: fc.integer({ min: -9, max: 9 }),
    exclusiveMaximum: fc.integer({ min: -9, max: 9 }),
    multipleOf: fc.integer({ min: 1, max: 4 }),
    enum: fc.array(value, { minLength: 1, maxLength: 4 }),
    const: value,
    uniqueItems: fc.boolean(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;
const schema = fc.tuple(rules, rules).map(([one, other]): JsonObject => ({
  ...one,
  items: other,
  additionalProperties: { anyOf: [other, { items: one }] },
  contains: other,
  minContains: 0,
}));

test('an exact number does not change how the rest is checked', () => {
  fc.assert(
    fc.property(schema, value, (one, given) => {
      const properties = { given: one };
      expect(check({ properties }, { given, other: EXACT })).toEqual(check({ properties }, { given }));
    }),
    {
      numRuns: 200,
      examples: [[{ uniqueItems: true, items: { type: 'string' } }, [-6, -6]]],
    },
  );
});

const digits = fc.string({ unit: fc.constantFrom('0', '1', '9'), minLength: 1, maxLength: 20 });
const number = fc
  .tuple(fc.constantFrom('', '-'), digits, digits)
  .map(([sign, whole, fraction]) => `${sign}${whole.replace(/^0+(?=\d)/, '')}.${fraction}`);

test('limits are compared digit by digit', () => {
  fc.assert(
    fc.property(number, fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e21, max: 1e21 }), (source, limit) => {
      const given = numberOf(source);
      const order = compareNumbers(source, String(limit));
      const broken = {
        minimum: order < 0,
        maximum: order > 0,
        exclusiveMinimum: order <= 0,
        exclusiveMaximum: order >= 0,
        const: order !== 0,
      };
      const limits = Object.fromEntries(Object.keys(broken).map((keyword) => [keyword, limit]));
      const expected = Object.entries(broken).flatMap(([keyword, isBroken]) => (isBroken ? `/n ${keyword}` : []));
      expect(check({ properties: { n: limits } }, { n: given })).toEqual(expected.toSorted());
    }),
    { numRuns: 200 },
  );
});

test('draft-07 and references are supported', () => {
  const $schema = 'http://json-schema.org/draft-07/schema#';
  const definitions = {
    small: { maximum: 5 },
    tree: { properties: { n: { $ref: '#/definitions/small' }, next: { $ref: '#/definitions/tree' } } },
  };
  const data = { next: { next: { n: EXACT } } };
  expect(check({ $schema, definitions, allOf: [{ $ref: '#/definitions/tree' }] }, data)).toEqual(['/next/next/n maximum']);
});

test('an exact number is found at any depth', () => {
  expect([{ a: [{ b: EXACT }] }, [EXACT], EXACT].map(holdsExactNumber)).toEqual([true, true, true]);
  expect([{ a: [{ b: 1 }] }, [], null, 'x'].map(holdsExactNumber)).toEqual([false, false, false, false]);
});
