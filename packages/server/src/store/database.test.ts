import { expect, test } from 'vitest';
import { isRolledBack } from './database.ts';

test.each([
  { code: '22P02', rolledBack: true },
  { code: '23514', rolledBack: true },
  { code: '40001', rolledBack: true },
  { code: 'P0001', rolledBack: true },
  { code: '08006', rolledBack: false },
  { code: '57P01', rolledBack: false },
  { code: 'XX000', rolledBack: false },
  { code: 'EPIPE', rolledBack: false },
  { code: 'ECONNRESET', rolledBack: false },
  { code: undefined, rolledBack: false },
])('after $code it is certain that nothing was stored: $rolledBack', ({ code, rolledBack }) => {
  expect(isRolledBack(Object.assign(new Error('failed'), { code }))).toBe(rolledBack);
});
