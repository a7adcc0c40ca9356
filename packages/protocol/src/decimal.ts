/** A number as `digits` × 10 to the power of `exponent`. Digits neither start nor end with zeros; '' is zero. */
export interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

/** Parses a JSON number. Two numbers are equal if their parts are equal. */
export function decimalOf(source: string): Decimal {
  const negative = source.startsWith('-');
  const exponentAt = source.search(/[eE]/);
  const mantissa = source.slice(negative ? 1 : 0, exponentAt === -1 ? undefined : exponentAt);
  const point = mantissa.indexOf('.');
  const fraction = point === -1 ? '' : mantissa.slice(point + 1);
  const all = (point === -1 ? mantissa : mantissa.slice(0, point)) + fraction;
  const [start, end] = significant(all);
  if (start === end) return { negative: false, digits: '', exponent: 0 };
  const written = exponentAt === -1 ? 0 : Number(source.slice(exponentAt + 1));
  return { negative, digits: all.slice(start, end), exponent: written - fraction.length + (all.length - end) };
}

/** Finds the digits without leading and trailing zeros. Not with a regular expression: `/0+$/` takes quadratic time. */
function significant(digits: string): [start: number, end: number] {
  let start = 0;
  while (digits.charCodeAt(start) === 0x30) start++;
  let end = digits.length;
  while (end > start && digits.charCodeAt(end - 1) === 0x30) end--;
  return [start, end];
}

/** Whether a double holds the number: the nearest double, as JSON writes it, has the same value. */
export function isHeldByDouble(source: string): boolean {
  const value = Number(source);
  const written = String(value);
  if (written === source) return true;
  return Number.isFinite(value) && sameDecimal(decimalOf(source), decimalOf(written));
}

export function sameDecimal(one: Decimal, other: Decimal): boolean {
  return one.negative === other.negative && one.digits === other.digits && one.exponent === other.exponent;
}

/** Compares two numbers by value, however they are written. Negative if `one` is smaller. */
export function compareNumbers(one: string, other: string): number {
  const [a, b] = [decimalOf(one), decimalOf(other)];
  const [signOfA, signOfB] = [signOf(a), signOf(b)];
  if (signOfA !== signOfB) return signOfA - signOfB;
  return signOfA < 0 ? compareSizes(b, a) : compareSizes(a, b);
}

function signOf({ digits, negative }: Decimal): number {
  return digits === '' ? 0 : negative ? -1 : 1;
}

/** Compares absolute values: by the place of the first digit, then digit by digit. */
function compareSizes(a: Decimal, b: Decimal): number {
  const places = a.digits.length + a.exponent - (b.digits.length + b.exponent);
  if (places !== 0) return places;
  return a.digits === b.digits ? 0 : a.digits < b.digits ? -1 : 1;
}

/** Whether a number is a whole multiple of another. Both are written out, so exponents must be small. */
export function isMultipleOf(source: string, divisor: string): boolean {
  const [number, part] = [decimalOf(source), decimalOf(divisor)];
  if (part.digits === '') return false;
  const lowest = Math.min(number.exponent, part.exponent);
  return scaled(number, lowest) % scaled(part, lowest) === 0n;
}

function scaled({ digits, exponent }: Decimal, lowest: number): bigint {
  return digits === '' ? 0n : BigInt(digits) * 10n ** BigInt(exponent - lowest);
}
