import { Type } from 'typebox';

/** Text that PostgreSQL can store: no NUL, no half of a surrogate pair. Compiled with the flag u. */
export const TEXT_PATTERN = '^[^\\u0000\\ud800-\\udfff]*$';

/** Returns a schema for text that is stored or searched for. A bad character would fail a shared statement. */
export function storedText(options: { minLength?: number; maxLength?: number; description?: string } = {}) {
  return Type.String({ ...options, pattern: TEXT_PATTERN });
}

/** Ids that need no escaping in a URL. `.` and `..` would be read as path segments (RFC 3986, section 5.2.4). */
const OWN_ID_PATTERN = '^(?!\\.{1,2}$)[A-Za-z0-9._:-]{1,128}$';

/** Ids that are signed: `.` separates the id from the timestamp (https://www.standardwebhooks.com). */
const EVENT_ID_PATTERN = '^[\\x21-\\x2d\\x2f-\\x7e]{1,255}$';

/** The error for text that does not match a pattern, instead of the pattern itself. */
export const PATTERN_ERRORS: ReadonlyMap<unknown, { readonly rule: string; readonly message: string }> = new Map([
  [TEXT_PATTERN, { rule: 'text', message: 'must not contain NUL or half of a surrogate pair' }],
  [OWN_ID_PATTERN, { rule: 'pattern', message: 'must be 1 to 128 letters, digits or . _ : -, and neither . nor ..' }],
  [EVENT_ID_PATTERN, { rule: 'pattern', message: 'must be 1 to 255 visible ASCII characters without a full stop' }],
]);

/** Returns a schema for an id that the caller may choose. */
export function ownId() {
  return Type.String({ pattern: OWN_ID_PATTERN, description: 'Your own id: letters, digits and . _ : -. Default: a UUIDv7.' });
}

/** Returns a schema for an event id that the caller may choose. */
export function eventId() {
  return Type.String({
    pattern: EVENT_ID_PATTERN,
    description: 'Your own id, without full stops. A repeat with the same id returns the first response and delivers nothing.',
  });
}

/** The escapes that JSON.stringify writes for NUL and for half of a surrogate pair. */
const UNSTORABLE_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** Whether PostgreSQL can store the value as jsonb: no text in it has NUL or half of a surrogate pair. */
export function isStorable(value: object): boolean {
  const text = JSON.stringify(value);
  return !text.includes('\\u') || !UNSTORABLE_ESCAPE.test(text);
}
