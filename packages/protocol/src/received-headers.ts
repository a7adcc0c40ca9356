/** Headers as servers and `fetch` give them. Names are looked up in any case. */
export type ReceivedHeaders = { get(name: string): string | null } | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Every value that stands under a name. `Headers` joins repeated ones into one value with commas. */
export function headerValues(headers: ReceivedHeaders, name: string): readonly string[] {
  const wanted = name.toLowerCase();
  if (isFetchHeaders(headers)) {
    const value = headers.get(wanted);
    return value === null ? [] : [value];
  }
  return Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === wanted && value !== undefined ? value : []));
}

function isFetchHeaders(headers: ReceivedHeaders): headers is { get(name: string): string | null } {
  return typeof headers.get === 'function';
}
