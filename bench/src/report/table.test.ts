import { expect, test } from 'vitest';
import { mebibytes, milliseconds, table, whole } from './table.ts';

test('a table lines names up to the left and figures to the right', () => {
  expect(
    table([
      ['run', 'rate'],
      ['single', '9'],
      ['x', '12,000'],
    ]),
  ).toBe(['run       rate', 'single       9', 'x       12,000'].join('\n'));
});

test('figures are rounded to what can be trusted', () => {
  expect([whole(12_345.6), milliseconds(1_234), milliseconds(45_678), milliseconds(1_234_567), mebibytes(104_857_600)]).toEqual([
    '12,346',
    '1.23',
    '45.7',
    '1,235',
    '100',
  ]);
});
