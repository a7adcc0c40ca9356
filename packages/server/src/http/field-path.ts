/** The most failing fields that an error names. A body of 1 MiB may have a hundred thousand. */
export const MAX_ERRORS = 50;

const MAX_TOKEN = 200;

/** Escapes a key for a JSON Pointer (RFC 6901). Cuts names at 200 characters, because errors repeat them. */
export function pointerToken(key: string): string {
  const short = key.length > MAX_TOKEN ? `${key.slice(0, MAX_TOKEN)}…` : key;
  return short.replaceAll('~', '~0').replaceAll('/', '~1');
}
