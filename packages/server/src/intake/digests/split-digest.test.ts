import type { Json, JsonObject } from '@posthorn/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitDigest } from './split-digest.ts';

const data = (changes: readonly Json[]): JsonObject => ({ changes: [...changes] });
const bodyBytes = (value: JsonObject): number => Buffer.byteLength(JSON.stringify({ type: 'x', ...value }));

test('no entries result in no event', () => {
  expect(splitDigest({ entries: [], data, bodyBytes, maxBodyBytes: 100 })).toEqual([]);
});

test('RVS-04 the parts contain every entry once, in order, and only a single entry may exceed the limit', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 60 }), { maxLength: 50 }), fc.integer({ min: 40, max: 400 }), (entries, maxBodyBytes) => {
      const parts = splitDigest({ entries, data, bodyBytes, maxBodyBytes });
      expect(parts.flatMap((part) => part['changes'])).toEqual(entries);
      for (const part of parts) {
        const count = Array.isArray(part['changes']) ? part['changes'].length : 0;
        expect(count).toBeGreaterThan(0);
        if (count > 1) expect(bodyBytes(part)).toBeLessThanOrEqual(maxBodyBytes);
      }
    }),
  );
});

test('an envelope that repeats its entries is split too', () => {
  const doubled = (changes: readonly Json[]): JsonObject => ({ changes: [...changes], again: [...changes] });
  const entries = Array.from({ length: 20 }, (_, index) => `entry ${index}`);
  const parts = splitDigest({ entries, data: doubled, bodyBytes, maxBodyBytes: 200 });
  expect(parts.flatMap((part) => part['changes'])).toEqual(entries);
  for (const part of parts) expect(bodyBytes(part)).toBeLessThanOrEqual(200);
});
