import { randomUUID } from 'node:crypto';

/**
 * V8 14.6 compares a key that it expects, because another object had it in that place, with the text of a key before the
 * escapes in it are read: after `{"\\":1}` it makes `{"\\":1}` of `{"\"":1}` and of `{"\n":1}` too, whoever sent the
 * first. What it makes so has a key with a backslash; such a text is parsed a second time, apart.
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('\\') && hasBackslashKey(value) ? parseApart(text) : value;
}

function hasBackslashKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasBackslashKey);
  return Object.entries(value).some(([key, item]) => key.includes('\\') || hasBackslashKey(item));
}

/** As `JSON.parse`, of a text that is known to be JSON. Each object gets a first key that none had before: after it nothing is expected. */
export function parseApart(text: string): unknown {
  const mark = randomUUID();
  let marked = '';
  let taken = 0;
  let objects = 0;
  for (let at = 0; at < text.length;) {
    const char = text[at];
    at = char === '"' ? endOfString(text, at) : at + 1;
    if (char !== '{' || text[afterSpaces(text, at)] === '}') continue;
    marked += `${text.slice(taken, at)}"${mark}${objects++}":0,`;
    taken = at;
  }
  const value: unknown = JSON.parse(marked + text.slice(taken));
  unmark(value, mark);
  return value;
}

function unmark(value: unknown, mark: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key.startsWith(mark)) Reflect.deleteProperty(value, key);
    else unmark(item, mark);
  }
}

/** The position after the string that starts at `at`, in a text that is known to be JSON. */
export function endOfString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
  return slashes % 2 === 1;
}

/** The position of what follows the white space. */
export function afterSpaces(text: string, at: number): number {
  let next = at;
  while (isSpace(text.charCodeAt(next))) next++;
  return next;
}

export function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
