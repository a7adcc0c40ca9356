import { Type } from 'typebox';

/** What PostgreSQL keeps as text: everything but NUL and halves of surrogate pairs. Read with the flag u. */
export const TEXT_PATTERN = '^[^\\u0000\\ud800-\\udfff]*$';

/** Text that is stored, or looked for in what is stored. One character too many would fail a statement that others share. */
export function storedText(options: { minLength?: number; maxLength?: number; description?: string } = {}) {
  return Type.String({ ...options, pattern: TEXT_PATTERN });
}

/** Ids that stand in a URL as they are: `.` and `..` would be taken for steps of its path (RFC 3986, section 5.2.4). */
const OWN_ID_PATTERN = '^(?!\\.{1,2}$)[A-Za-z0-9._:-]{1,128}$';

/** Ids that are signed: `.` separates them from what follows (https://www.standardwebhooks.com, signature scheme). */
const EVENT_ID_PATTERN = '^[\\x21-\\x2d\\x2f-\\x7e]{1,255}$';

/** What a text that does not match is told, instead of the expression. */
export const PATTERN_ERRORS: ReadonlyMap<unknown, { readonly rule: string; readonly message: string }> = new Map([
  [TEXT_PATTERN, { rule: 'text', message: 'must not contain NUL or half of a surrogate pair' }],
  [OWN_ID_PATTERN, { rule: 'pattern', message: 'must be 1 to 128 letters, digits and . _ : -, and neither . nor ..' }],
  [EVENT_ID_PATTERN, { rule: 'pattern', message: 'must be 1 to 255 visible ASCII characters, none of them a full stop' }],
]);

/** An id that the caller may choose. */
export function ownId() {
  return Type.String({ pattern: OWN_ID_PATTERN, description: 'Your own id for it: letters, digits and . _ : -. Default: a UUIDv7.' });
}

/** An event's id, as a caller may bring it. */
export function eventId() {
  return Type.String({
    pattern: EVENT_ID_PATTERN,
    description: 'Your own id, without full stops: repeated, it gets the first answer again and no second delivery.',
  });
}

/** NUL, or half of a surrogate pair, as JSON.stringify writes them. */
const UNSTORABLE_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** Whether PostgreSQL takes the value as jsonb: no text in it holds NUL or half of a surrogate pair. */
export function isStorable(value: object): boolean {
  const text = JSON.stringify(value);
  return !text.includes('\\u') || !UNSTORABLE_ESCAPE.test(text);
}
