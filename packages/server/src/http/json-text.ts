import { PosthornError, type FieldError } from '@posthorn/protocol';
import { afterSpaces, endOfString, isSpace, parseApart } from '../json/parse-json.ts';
import { MAX_ERRORS, pointerToken } from './field-path.ts';

const MAX_DEPTH = 100;
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a JSON body so that nothing in it is lost in silence: bytes that are not UTF-8, keys that stand twice,
 * integers that a double cannot hold, keys that would reach a prototype, and nesting past a hundred levels are refused.
 * Throws `malformed_json`, `unsafe_number`, `invalid_request`.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  const text = decodeJsonText(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PosthornError('malformed_json', error instanceof Error ? error.message : 'The body is not JSON.', { cause: error });
  }
  let found = surveyOf(value, text);
  if (found.doubtfulKeys) {
    value = parseApart(text);
    found = surveyOf(value, text);
  }
  refuseRepeatedKeys(text, found.keys);
  if (found.doubtfulNumbers) refuseUnsafeNumbers(text);
  if (found.prototypeKeys) refusePrototypeKeys(value, '');
  return value;
}

/** Throws `malformed_json` unless the text has no more keys than were kept of it. The text is known to be JSON. */
export function refuseRepeatedKeys(text: string, keptKeys: number): void {
  if (!hasRepeatedKey(text, keptKeys)) return;
  throw new PosthornError('malformed_json', `The key ${JSON.stringify(findRepeatedKey(text))} stands twice in one object.`);
}

/** Throws `malformed_json` where the bytes are not UTF-8. */
export function decodeJsonText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new PosthornError('malformed_json', 'The body is not valid UTF-8.', { cause: error });
  }
}

interface Survey {
  keys: number;
  /** Where the text has escapes at all. */
  readonly hasEscapes: boolean;
  /** There are keys that the text may have had otherwise: see `parseApart`. */
  doubtfulKeys: boolean;
  /** There are numbers that the text may have had otherwise. */
  doubtfulNumbers: boolean;
  /** There is a key `__proto__`, in whatever spelling. */
  prototypeKeys: boolean;
}

function surveyOf(value: unknown, text: string): Survey {
  const found = { keys: 0, hasEscapes: text.includes('\\'), doubtfulKeys: false, doubtfulNumbers: false, prototypeKeys: false };
  survey(value, 1, found);
  return found;
}

/** One walk over what was parsed: it is on the way of every event. */
function survey(value: unknown, depth: number, found: Survey): void {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) && (Number.isInteger(value) || !Number.isFinite(value))) found.doubtfulNumbers = true;
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw new PosthornError('malformed_json', `The body is nested deeper than ${MAX_DEPTH} levels.`);
  if (Array.isArray(value)) {
    for (const item of value) survey(item, depth + 1, found);
    return;
  }
  const object = value as Readonly<Record<string, unknown>>;
  // Parsed JSON inherits nothing enumerable; a list of its values would be made only to be walked.
  for (const key in object) {
    found.keys++;
    if (key === '__proto__') found.prototypeKeys = true;
    if (found.hasEscapes && key.includes('\\')) found.doubtfulKeys = true;
    survey(object[key], depth + 1, found);
  }
}

/** Whether the text has more keys than were kept of it. The text is known to be JSON. */
function hasRepeatedKey(text: string, keptKeys: number): boolean {
  // There are at most as many keys as colons after a quote. Walking from string to string takes four times as long.
  return countQuotedColons(text) !== keptKeys && countKeysInText(text) !== keptKeys;
}

function countQuotedColons(text: string): number {
  let count = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    let before = at - 1;
    while (isSpace(text.charCodeAt(before))) before--;
    if (text.charCodeAt(before) === 0x22) count++;
  }
  return count;
}

/** Strings that a colon follows. */
function countKeysInText(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at)) {
    at = endOfString(text, at);
    if (colonAfter(text, at)) count++;
  }
  return count;
}

function colonAfter(text: string, at: number): boolean {
  return text.charCodeAt(afterSpaces(text, at)) === 0x3a;
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

/** A number of the text that would be another one. */
class LostNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Looks precisely, with the source text of every number: five times slower than parsing. */
function refuseUnsafeNumbers(text: string): void {
  const value: unknown = JSON.parse(text, (_key, one: unknown, context?: { source?: string }) => {
    const source = context?.source;
    return typeof one === 'number' && source !== undefined && !isKeptExactly(source) ? new LostNumber(source) : one;
  });
  const errors: FieldError[] = [];
  nameLostNumbers(value, '', errors);
  const [first] = errors;
  if (first) throw new PosthornError('unsafe_number', `${first.path === '' ? 'The body' : first.path}: ${first.message}.`, { errors });
}

function nameLostNumbers(value: unknown, path: string, errors: FieldError[]): void {
  if (typeof value !== 'object' || value === null || errors.length >= MAX_ERRORS) return;
  if (value instanceof LostNumber) {
    const message = `${value.source.slice(0, 40)} cannot be kept exactly as a number; send it as a string`;
    errors.push({ path, rule: 'safe_number', message });
    return;
  }
  for (const [key, item] of Object.entries(value)) nameLostNumbers(item, `${path}/${pointerToken(key)}`, errors);
}

function refusePrototypeKeys(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') {
      throw new PosthornError('invalid_request', 'The key "__proto__" is not accepted.', {
        errors: [{ path: `${path}/__proto__`, rule: 'key', message: 'this key is not accepted' }],
      });
    }
    refusePrototypeKeys(item, `${path}/${pointerToken(key)}`);
  }
}
