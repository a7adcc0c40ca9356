import type { JsonObject } from '@posthorn/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergePatch } from './merge-patch.ts';

test.each<[JsonObject, JsonObject, JsonObject]>([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{ a: 'foo' }, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('%j patched with %j is %j', (state, patch, merged) => {
  expect(mergePatch(state, patch)).toEqual(merged);
});

test('fields keep their order and new ones are appended', () => {
  expect(Object.keys(mergePatch({ z: 1, a: 2, m: 3 }, { b: 4, a: 5, z: null }))).toEqual(['a', 'm', 'b']);
});

test('a patch is idempotent, and an empty patch changes nothing', () => {
  const object = fc.dictionary(fc.string({ maxLength: 2 }), fc.jsonValue({ maxDepth: 2 }), {
    noNullPrototype: true,
  }) as fc.Arbitrary<JsonObject>;
  fc.assert(
    fc.property(object, object, (state, patch) => {
      const once = mergePatch(state, patch);
      expect(mergePatch(once, patch)).toEqual(once);
      expect(mergePatch(state, {})).toEqual(state);
    }),
  );
});
