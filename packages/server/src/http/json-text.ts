import { PosthornError } from '@posthorn/protocol';

const MAX_DEPTH = 100;
/** A number in the text may have lost digits; most bodies have no such thing and pay only for this look. */
const MAYBE_UNSAFE = /\d{16}|\d[eE]\+?\d{2}/;
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a JSON body so that nothing in it is lost in silence: bytes that are not UTF-8, keys that stand twice,
 * integers that a double cannot hold, keys that would reach a prototype, and nesting past a hundred levels are refused.
 * Throws `malformed_json`, `unsafe_number`, `invalid_request`.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PosthornError('malformed_json', error instanceof Error ? error.message : 'The body is not JSON.', { cause: error });
  }
  if (countKeys(value, 1) !== countKeysInText(text)) {
    throw new PosthornError('malformed_json', `The key ${JSON.stringify(findRepeatedKey(text))} stands twice in one object.`);
  }
  if (MAYBE_UNSAFE.test(text)) refuseUnsafeNumbers(text);
  if (text.includes('__proto__')) refusePrototypeKeys(value, '');
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new PosthornError('malformed_json', 'The body is not valid UTF-8.', { cause: error });
  }
}

function countKeys(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > MAX_DEPTH) throw new PosthornError('malformed_json', `The body is nested deeper than ${MAX_DEPTH} levels.`);
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item, depth + 1);
    return count;
  }
  for (const item of Object.values(value)) count += 1 + countKeys(item, depth + 1);
  return count;
}

/** Strings that a colon follows. The text is known to be JSON. */
function countKeysInText(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at)) {
    at = endOfString(text, at);
    if (colonAfter(text, at)) count++;
  }
  return count;
}

/** The position after the string that starts at `at`. */
function endOfString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
  return slashes % 2 === 1;
}

function colonAfter(text: string, at: number): boolean {
  let next = at;
  for (let code = text.charCodeAt(next); code === 0x20 || (code >= 0x09 && code <= 0x0d); code = text.charCodeAt(next)) next++;
  return text.charCodeAt(next) === 0x3a;
}

/** Only called where there is one. */
function findRepeatedKey(text: string): string {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; ) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      if (colonAfter(text, end)) {
        const key: unknown = JSON.parse(text.slice(at, end));
        const seen = open.at(-1);
        if (typeof key === 'string' && seen?.has(key)) return key;
        if (typeof key === 'string') seen?.add(key);
      }
      at = end;
      continue;
    }
    if (char === '{') open.push(new Set());
    if (char === '}') open.pop();
    at++;
  }
  return '';
}

function refuseUnsafeNumbers(text: string): void {
  const errors: { path: string; rule: string; message: string }[] = [];
  JSON.parse(text, (key, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    if (typeof value !== 'number' || source === undefined) return value;
    const isInteger = !/[.eE]/.test(source);
    if (Number.isFinite(value) && (!isInteger || Number.isSafeInteger(value))) return value;
    errors.push({ path: `…/${key}`, rule: 'safe_number', message: `${source.slice(0, 40)} cannot be kept exactly as a number; send it as a string` });
    return value;
  });
  if (errors.length > 0) throw new PosthornError('unsafe_number', errors[0]?.message ?? '', { errors });
}

function refusePrototypeKeys(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') {
      throw new PosthornError('invalid_request', 'The key "__proto__" is not accepted.', {
        errors: [{ path: `${path}/__proto__`, rule: 'key', message: 'this key is not accepted' }],
      });
    }
    refusePrototypeKeys(item, `${path}/${key}`);
  }
}
