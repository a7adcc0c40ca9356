import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffFields, sameJson } from './diff.ts';
import type { Json, JsonObject } from './json.ts';

const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
const object = fc.dictionary(fc.string({ maxLength: 3 }), json, { maxKeys: 5, noNullPrototype: true }) as fc.Arbitrary<JsonObject>;

/** Returns the same value with its keys in another order. */
function reordered(value: Json): Json {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, inner]) => [key, reordered(inner)]),
  );
}

describe('diffFields', () => {
  test('returns the changed fields with whole values, in the order of the new state; removed fields follow', () => {
    const before = { id: 1, status: { value: 'planned' }, gone: null, tags: ['a'] };
    const after = { completed: null, tags: ['a', 'b'], status: { value: 'done' }, id: 1 };
    const changes = diffFields(before, after);
    expect(Object.keys(changes)).toEqual(['completed', 'tags', 'status', 'gone']);
    expect(changes).toEqual({
      completed: { before: undefined, after: null },
      tags: { before: ['a'], after: ['a', 'b'] },
      status: { before: { value: 'planned' }, after: { value: 'done' } },
      gone: { before: null, after: undefined },
    });
  });

  test('applied to the old state, the changes give the new one', () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        const applied = new Map(Object.entries(before));
        for (const [name, change] of Object.entries(diffFields(before, after))) {
          expect(sameJson(change.before, change.after)).toBe(false);
          if (change.after === undefined) applied.delete(name);
          else applied.set(name, change.after);
        }
        expect(sameJson(Object.fromEntries(applied), after)).toBe(true);
      }),
    );
  });

  test('is empty exactly if the states are equal', () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        expect(Object.keys(diffFields(before, after)).length === 0).toBe(sameJson(before, after));
        expect(diffFields(before, reordered(before) as JsonObject)).toEqual({});
      }),
    );
  });

  test('fields named like methods of Object are ordinary fields', () => {
    expect(diffFields({}, { toString: 'a', constructor: null })).toEqual({
      toString: { before: undefined, after: 'a' },
      constructor: { before: undefined, after: null },
    });
  });
});

test.each<[Json | undefined, Json | undefined, boolean]>([
  [null, undefined, false],
  [0, -0, true],
  [1, '1', false],
  [[], {}, false],
  [[1, 2], [2, 1], false],
  [{ a: 1 }, { a: 1, b: null }, false],
  [{ a: [{ b: 1, c: 2 }] }, { a: [{ c: 2, b: 1 }] }, true],
])('sameJson(%j, %j) is %s', (a, b, same) => {
  expect(sameJson(a, b)).toBe(same);
  expect(sameJson(b, a)).toBe(same);
});
