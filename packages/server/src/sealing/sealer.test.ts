import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSealer } from './sealer.ts';

test('a sealed value opens again, and contains nothing readable', () => {
  const sealer = createSealer(['one']);
  fc.assert(
    fc.property(fc.string({ minLength: 8, unit: 'grapheme' }), (text) => {
      const sealed = sealer.seal(text, 'webhook 1');
      expect(sealer.open(sealed, 'webhook 1')).toBe(text);
      expect(sealed.includes(Buffer.from(text))).toBe(false);
    }),
  );
});

test('a value moved to another place, or changed by one bit, cannot be opened', () => {
  const sealer = createSealer(['one']);
  const sealed = sealer.seal('whsec_secret', 'webhook 1');
  expect(() => sealer.open(sealed, 'webhook 2')).toThrow(/unable to authenticate/i);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => sealer.open(changed, 'webhook 1')).toThrow(/unable to authenticate|not configured/i);
  }
});

test('after a key rotation old values can be opened and are outdated, and new ones use the new key', () => {
  const sealed = createSealer(['old']).seal('secret', 'p');
  const rotated = createSealer(['new', 'old']);
  expect(rotated.open(sealed, 'p')).toBe('secret');
  expect(rotated.isOutdated(sealed)).toBe(true);
  const again = rotated.seal('secret', 'p');
  expect(rotated.isOutdated(again)).toBe(false);
  expect(createSealer(['new']).open(again, 'p')).toBe('secret');
  expect(() => createSealer(['new']).open(sealed, 'p')).toThrow('a key that is not configured');
});
