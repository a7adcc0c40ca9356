import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareNumbers, isMultipleOf } from './decimal.ts';

const digits = fc.string({ unit: fc.constantFrom('0', '1', '5', '9'), minLength: 1, maxLength: 22 });
const number = fc
  .tuple(fc.boolean(), digits, digits, fc.integer({ min: -25, max: 25 }))
  .map(([negative, whole, fraction, exponent]) => `${negative ? '-' : ''}${whole.replace(/^0+(?=\d)/, '')}.${fraction}e${exponent}`);

/** Returns the number as a multiple of the smallest unit that these numbers have. */
function asInteger(source: string): bigint {
  const [, sign, whole = '', fraction = '', exponent] = /^(-?)(\d+)\.(\d+)e(-?\d+)$/.exec(source) ?? [];
  return BigInt(`${sign}${whole}${fraction}`) * 10n ** BigInt(50 + Number(exponent) - fraction.length);
}

const order = (one: bigint, other: bigint): number => (one === other ? 0 : one < other ? -1 : 1);

test('numbers are ordered as decimals, however they are written', () => {
  fc.assert(
    fc.property(number, number, (one, other) => {
      expect(Math.sign(compareNumbers(one, other))).toBe(order(asInteger(one), asInteger(other)));
      expect(compareNumbers(one, one.replace('e', '000e'))).toBe(0);
    }),
    { numRuns: 5_000 },
  );
});

test('multiples are determined exactly', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: -9, max: 9 }),
      (times, part, scale) => {
        expect(isMultipleOf(`${times * BigInt(part)}e${scale}`, `${part}e${scale}`)).toBe(true);
        expect(isMultipleOf(`${times * BigInt(part) * 10n + 1n}e${scale - 1}`, `${part}e${scale}`)).toBe(false);
      },
    ),
  );
  expect(isMultipleOf('12345678901234567890.12', '0.01')).toBe(true);
  expect(isMultipleOf('12345678901234567890.123', '0.01')).toBe(false);
  expect(isMultipleOf('1', '0')).toBe(false);
});
