import { Big } from 'big.js';

/** Maximum digits of a decimal without its exponent: more than any measure has, and cheap to compare. */
export const MAX_DIGITS = 40;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,10}))?$/;

export type DecimalProblem = 'decimal' | 'digits';

/**
 * Normalizes a decimal to its shortest form without an exponent: `1e-7` becomes `0.0000001`, and `-0.50` becomes
 * `-0.5`. Problems: `decimal` (not a decimal) and `digits` (more than MAX_DIGITS digits).
 */
export function readDecimal(text: string): { readonly decimal: string } | { readonly problem: DecimalProblem } {
  const match = text.length <= 1_000 ? DECIMAL.exec(text.trim()) : null;
  if (!match) return { problem: 'decimal' };
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  if (whole === '' && fraction === '') return { problem: 'decimal' };
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return { decimal: '0' };
  const significant = digits.replace(/0+$/, '');
  // The position of the decimal point, counted from the first nonzero digit.
  const point = digits.length - fraction.length + Number(exponentText);
  if (Math.max(point, significant.length) - Math.min(point, 0) > MAX_DIGITS) return { problem: 'digits' };
  const plain = placePoint(significant, point);
  return { decimal: sign === '-' ? `-${plain}` : plain };
}

function placePoint(digits: string, point: number): string {
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return digits + '0'.repeat(point - digits.length);
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Returns a number below zero if `one` is smaller, 0 if both are equal. */
export function compareDecimals(one: string, other: string): number {
  return one === other ? 0 : new Big(one).cmp(other);
}
