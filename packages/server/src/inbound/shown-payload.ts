/** The part of a body that is stored, in characters. */
export const KEPT_CHARACTERS = 4_096;
/** The part of a body that is searched for credentials. */
const SEARCHED_BYTES = 16_384;
const MASK = '***';

const NAMES =
  'pass(?:word|phrase|wd)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|authorization|credentials?|signature|session|cookie';
const MAYBE = new RegExp(NAMES, 'i');
/** A JSON member with such a name and its value: a possibly truncated string, a scalar, or a whole object or array. */
const MEMBER = new RegExp(`("[^"]{0,64}(?:${NAMES})[^"]{0,64}"\\s*:\\s*)("(?:[^"\\\\]|\\\\.)*(?:"|$)|[[{][^]*|[^\\s,}\\]]+)`, 'gi');
const FIELD = new RegExp(`((?:^|&)[^=&]{0,64}(?:${NAMES})[^=&]{0,64}=)[^&]*`, 'gi');

/** Returns the start of a body. Masks values whose names suggest credentials, and all occurrences of the URL's key. */
export function shownPayload(body: Uint8Array, key: string): string {
  let text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, SEARCHED_BYTES)).toString('utf8');
  if (text.includes('\u0000')) text = text.replaceAll('\u0000', '\uFFFD');
  if (MAYBE.test(text)) text = text.replace(MEMBER, `$1"${MASK}"`).replace(FIELD, `$1${MASK}`);
  if (key.length >= 8 && text.includes(key)) text = text.replaceAll(key, MASK);
  return text.length > KEPT_CHARACTERS ? `${text.slice(0, KEPT_CHARACTERS)}…` : text;
}
