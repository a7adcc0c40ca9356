/**
 * Encodes an array of values that need no quotes: numbers, booleans, UUIDs, times. The driver escapes every element,
 * even numbers: with 20 columns of 500 rows that took 6 % of the server's time.
 */
export function plainArray(values: readonly (string | number | boolean | null)[]): string {
  const known = values.includes(null) ? values.map((value) => value ?? 'NULL') : values;
  return `{${known.join(',')}}`;
}

/** Like `plainArray`, for names without quotes and backslashes. Quoted, as a name may be NULL or look like an array. */
export function nameArray(names: readonly (string | null)[]): string {
  return plainArray(names.map((name) => (name === null ? null : `"${name}"`)));
}

/** Like `plainArray`, for any text: the driver escapes it, unless all elements are null. */
export function textArray(texts: readonly (string | null)[]): string | readonly (string | null)[] {
  return texts.every((text) => text === null) ? plainArray(texts) : texts;
}
