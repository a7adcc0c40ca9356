import { Big } from 'big.js';

/** Digits of a decimal without its exponent: more than any measure has, and few enough to be compared cheaply. */
export const MAX_DIGITS = 40;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,10}))?$/;

export type DecimalProblem = 'decimal' | 'digits';

/**
 * A decimal in its shortest form without an exponent, of whatever form it was written in: `1e-7` is `0.0000001`, `-0.50` is `-0.5`.
 * `decimal`: it is none; `digits`: it has more than MAX_DIGITS digits.
 */
export function readDecimal(text: string): { readonly decimal: string } | { readonly problem: DecimalProblem } {
  const match = text.length <= 1_000 ? DECIMAL.exec(text.trim()) : null;
  if (!match) return { problem: 'decimal' };
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  if (whole === '' && fraction === '') return { problem: 'decimal' };
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return { decimal: '0' };
  const significant = digits.replace(/0+$/, '');
  // Where the point stands, counted from the first digit that is not a zero.
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

/** Below zero: `one` is the smaller. */
export function compareDecimals(one: string, other: string): number {
  return one === other ? 0 : new Big(one).cmp(other);
}
