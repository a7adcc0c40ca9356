/** So many failing fields are named. A body of 1 MiB may hold a hundred thousand. */
export const MAX_ERRORS = 50;

const MAX_TOKEN = 200;

/** A key as it stands in a JSON Pointer (RFC 6901, section 3). Names past 200 characters are cut: they come back in errors. */
export function pointerToken(key: string): string {
  const short = key.length > MAX_TOKEN ? `${key.slice(0, MAX_TOKEN)}…` : key;
  return short.replaceAll('~', '~0').replaceAll('/', '~1');
}
