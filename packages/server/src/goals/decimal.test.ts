import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareDecimals, MAX_DIGITS, readDecimal } from './decimal.ts';

function kept(text: string): string {
  const read = readDecimal(text);
  return 'decimal' in read ? read.decimal : read.problem;
}

describe('RES-03: decimals', () => {
  test.each([
    ['0.01', '0.01'],
    ['500000', '500000'],
    ['-10', '-10'],
    ['0', '0'],
    ['-0', '0'],
    ['+5', '5'],
    ['1e-7', '0.0000001'],
    ['1E3', '1000'],
    ['-1.50e1', '-15'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['007', '7'],
    ['0.500', '0.5'],
    [' 3 ', '3'],
    ['123456789012345678.123456789', '123456789012345678.123456789'],
    ['0e999999999', '0'],
    ['9'.repeat(MAX_DIGITS), '9'.repeat(MAX_DIGITS)],
    ['1e39', `1${'0'.repeat(39)}`],
  ])('%s is normalized to %s', (text, decimal) => {
    expect(kept(text)).toBe(decimal);
  });

  test.each(['', '.', '-', 'e5', '1,000', '0x10', 'NaN', 'Infinity', '1 2', '--1', '1e', '1e5.5', '١', '1_000'])(
    '%j is not a decimal',
    (text) => {
      expect(kept(text)).toBe('decimal');
    },
  );

  test.each(['9'.repeat(MAX_DIGITS + 1), '1e40', '1e-41', '1e999999999', '1e-999999999', `0.${'1'.repeat(41)}`])(
    '%s has too many digits',
    (text) => {
      expect(kept(text)).toBe('digits');
    },
  );

  const decimals = fc
    .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 15 }))
    .map(([digits, scale]) => ({ digits, scale, text: `${digits}e-${scale}` }));

  test('reading a result again returns the same decimal, with exactly the written digits', () => {
    fc.assert(
      fc.property(decimals, ({ digits, scale, text }) => {
        const decimal = kept(text);
        expect(kept(decimal)).toBe(decimal);
        const [whole = '', fraction = ''] = decimal.split('.');
        expect(BigInt(whole + fraction.padEnd(scale, '0')) * (decimal.startsWith('-0') && BigInt(whole + fraction) > 0n ? -1n : 1n)).toBe(
          digits,
        );
      }),
    );
  });

  test('decimals are ordered like their numbers', () => {
    fc.assert(
      fc.property(decimals, decimals, (one, other) => {
        const [left, right] = [one.digits * 10n ** BigInt(15 - one.scale), other.digits * 10n ** BigInt(15 - other.scale)];
        expect(Math.sign(compareDecimals(kept(one.text), kept(other.text)))).toBe(left < right ? -1 : left > right ? 1 : 0);
      }),
    );
  });
});
