import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isStorable, TEXT_PATTERN } from './text-schema.ts';

const hasUnstorable = (text: string): boolean => text.includes('\0') || !text.isWellFormed();

test('text with NUL or half of a surrogate pair is distinguished from all other text', () => {
  const pattern = new RegExp(TEXT_PATTERN, 'u');
  const text = fc.string({ unit: fc.constantFrom('\0', '\ud83d', '\ude00', '😀', '\\', 'u', '0000', 'd800', '"', '\n', 'é', '\u2028') });
  fc.assert(
    fc.property(text, (one) => {
      expect(pattern.test(one)).toBe(!hasUnstorable(one));
      expect(isStorable({ deep: [{ [one]: 1 }] })).toBe(!hasUnstorable(one));
      expect(isStorable({ deep: [one] })).toBe(!hasUnstorable(one));
    }),
  );
});
