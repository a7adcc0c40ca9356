import { PosthornError } from '@posthorn/protocol';

const MAX_DEPTH = 100;
/** Numbers long enough to have lost digits, or with an exponent. A string may hold such a text too. */
const LONG_NUMBERS = /(?:^|[:,[])\s*(-?(?:\d[\d.]{15}[\d.eE+-]*|\d[\d.]*[eE][\d+-]*))/g;
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
  for (const [, source = ''] of text.matchAll(LONG_NUMBERS)) if (!isKeptExactly(source)) refuseUnsafeNumbers(text);
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
  for (let at = 0; at < text.length;) {
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

/** Decimals are doubles to every JSON reader and pass; an integer past 2^53 or a number past all bounds would be another one. */
function isKeptExactly(source: string): boolean {
  const value = Number(source);
  return Number.isFinite(value) && (/[.eE]/.test(source) || Number.isSafeInteger(value));
}

/** Looks precisely, with the source text of every number: five times slower than parsing. */
function refuseUnsafeNumbers(text: string): void {
  const errors: { path: string; rule: string; message: string }[] = [];
  JSON.parse(text, (key, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    if (typeof value !== 'number' || source === undefined) return value;
    if (isKeptExactly(source)) return value;
    errors.push({
      path: `…/${key}`,
      rule: 'safe_number',
      message: `${source.slice(0, 40)} cannot be kept exactly as a number; send it as a string`,
    });
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
