/** So much of a body is kept, in characters. */
export const KEPT_CHARACTERS = 4_096;
/** So much is looked through for credentials. */
const SEARCHED_BYTES = 16_384;
const MASK = '***';

const NAMES =
  'pass(?:word|phrase|wd)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|authorization|credentials?|signature|session|cookie';
const MAYBE = new RegExp(NAMES, 'i');
/** A member of that name and its value: text that may be cut off, a scalar, or an object or array of which nothing is shown. */
const MEMBER = new RegExp(`("[^"]{0,64}(?:${NAMES})[^"]{0,64}"\\s*:\\s*)("(?:[^"\\\\]|\\\\.)*(?:"|$)|[[{][^]*|[^\\s,}\\]]+)`, 'gi');
const FIELD = new RegExp(`((?:^|&)[^=&]{0,64}(?:${NAMES})[^=&]{0,64}=)[^&]*`, 'gi');

/** The beginning of a body, fit to be shown: values of names that sound like credentials are masked, and the URL's key where it stands. */
export function shownPayload(body: Uint8Array, key: string): string {
  let text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, SEARCHED_BYTES)).toString('utf8');
  if (text.includes('\u0000')) text = text.replaceAll('\u0000', '\uFFFD');
  if (MAYBE.test(text)) text = text.replace(MEMBER, `$1"${MASK}"`).replace(FIELD, `$1${MASK}`);
  if (key.length >= 8 && text.includes(key)) text = text.replaceAll(key, MASK);
  return text.length > KEPT_CHARACTERS ? `${text.slice(0, KEPT_CHARACTERS)}…` : text;
}
