/** Headers as servers and `fetch` provide them: an object, a Map, pairs, or something with `get`. Names: any case. */
export type ReceivedHeaders =
  | { get(name: string): string | null | undefined }
  | Iterable<readonly [name: string, value: string | readonly string[]]>
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Returns every value of a header, of any type. `Headers` joins repeated headers into one value with commas. */
export function headerValues(headers: unknown, name: string): readonly unknown[] {
  if (typeof headers !== 'object' || headers === null) return [];
  const wanted = name.toLowerCase();
  // Iterates before it tries `get`: `get` of a Map is case-sensitive.
  if (isIterable(headers)) return [...headers].flatMap((entry) => (isNamed(entry, wanted) ? entry[1] : []));
  if (hasGet(headers)) {
    const value = headers.get(wanted);
    return value === null || value === undefined ? [] : [value];
  }
  const entries: [string, unknown][] = Object.entries(headers);
  return entries.flatMap((entry) => (isNamed(entry, wanted) && entry[1] !== undefined ? entry[1] : []));
}

function isNamed(entry: unknown, wanted: string): entry is readonly [string, unknown] {
  return Array.isArray(entry) && typeof entry[0] === 'string' && entry[0].toLowerCase() === wanted;
}

function isIterable(headers: object): headers is Iterable<unknown> {
  return Symbol.iterator in headers && typeof headers[Symbol.iterator] === 'function';
}

function hasGet(headers: object): headers is { get(name: string): unknown } {
  return 'get' in headers && typeof headers.get === 'function';
}
