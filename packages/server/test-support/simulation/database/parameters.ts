/** Decodes parameters that the store's functions encode. */

/** An array of JavaScript, or as encoded for PostgreSQL. Quoted elements contain no escapes (`nameArray`). */
export function list(value: unknown): (string | null)[] {
  if (Array.isArray(value)) return value.map((element) => (element === null ? null : text(element)));
  const inner = String(value).slice(1, -1);
  if (inner === '') return [];
  const elements = inner.match(/"[^"]*"|[^,]+/g) ?? [];
  return elements.map((element) => (element === 'NULL' ? null : element.startsWith('"') ? element.slice(1, -1) : element));
}

export function numbers(value: unknown): (number | null)[] {
  return list(value).map((element) => (element === null ? null : Number(element)));
}

export function present<Value>(values: readonly (Value | null)[]): Value[] {
  return values.filter((value) => value !== null);
}

/** A time in milliseconds; `infinity` is `Infinity`. */
export function moment(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.getTime();
  if (value === '-infinity') return Number.NEGATIVE_INFINITY;
  return value === 'infinity' ? Number.POSITIVE_INFINITY : Date.parse(text(value));
}

/** A time that must not be null. */
export function time(value: unknown): number {
  return moment(value) ?? Number.NaN;
}

function text(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
