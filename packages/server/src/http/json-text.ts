import {
  decimalOf,
  ExactNumber,
  mayHaveExactNumbers,
  numberOf,
  PosthornError,
  readJson,
  type FieldError,
  type JsonReaderOptions,
} from '@posthorn/protocol';
import { MAX_ERRORS, pointerToken } from './field-path.ts';
import { MAX_DEPTH, MAX_EXACT_NUMBERS, refuseCostlyJson, tooDeep, tooMany } from './json-limits.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a JSON body so that no value changes silently: a number that a double cannot hold becomes an ExactNumber.
 * Throws `malformed_json` (also for duplicate keys and invalid UTF-8), `payload_too_large`, `unsafe_number`, and
 * `invalid_request` for the key `__proto__`.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  const text = decodeJsonText(bytes);
  refuseCostlyJson(text);
  const native = parseNatively(text);
  const found: Survey = { keys: 0, hasEscapes: text.includes('\\'), doubtfulKeys: false, prototypeKeys: false, unsafeNumbers: false };
  survey(native, 1, found);
  const repeats = countQuotedColons(text) !== found.keys;
  const value = repeats || found.doubtfulKeys || mayHaveExactNumbers(text) ? readExactly(text, found) : native;
  if (found.unsafeNumbers) refuseUnsafeNumbers(value);
  if (found.prototypeKeys) refusePrototypeKeys(value, '');
  return value;
}

function parseNatively(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PosthornError('malformed_json', error instanceof Error ? error.message : 'The body is not valid JSON.', { cause: error });
  }
}

function decodeJsonText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new PosthornError('malformed_json', 'The body is not valid UTF-8. Encode it as UTF-8.', { cause: error });
  }
}

interface Survey {
  keys: number;
  /** Whether the text has any escapes. */
  readonly hasEscapes: boolean;
  /** Whether a key has a backslash: V8 may have misread it, see `parseJson`. */
  doubtfulKeys: boolean;
  /** Whether a key is `__proto__`, in any spelling. */
  prototypeKeys: boolean;
  /** Whether a number exceeds the limits. */
  unsafeNumbers: boolean;
}

/** Collects what needs further checks, in one walk: every event passes here. */
function survey(value: unknown, depth: number, found: Survey): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw tooDeep();
  if (Array.isArray(value)) {
    for (const item of value) survey(item, depth + 1, found);
    return;
  }
  const object = value as Readonly<Record<string, unknown>>;
  // Parsed JSON inherits nothing enumerable, so for-in is safe and needs no list of values.
  for (const key in object) {
    found.keys++;
    if (key === '__proto__') found.prototypeKeys = true;
    if (found.hasEscapes && key.includes('\\')) found.doubtfulKeys = true;
    survey(object[key], depth + 1, found);
  }
}

/**
 * Counts colons after a quote. If there are more than keys, a string contains one, or a key is repeated. A walk from
 * string to string would take four times as long.
 */
function countQuotedColons(text: string): number {
  let count = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    let before = at - 1;
    while (isSpace(text.charCodeAt(before))) before--;
    if (text.charCodeAt(before) === 0x22) count++;
  }
  return count;
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** Parses the text, which is known to be valid JSON, with a check of every key and number. */
function readExactly(text: string, found: Survey): unknown {
  const onKey: JsonReaderOptions['onKey'] = (key, repeated) => {
    if (repeated) throw new PosthornError('malformed_json', `Duplicate key ${JSON.stringify(key)} in a JSON object. Send each key once.`);
    if (key === '__proto__') found.prototypeKeys = true;
  };
  let exactNumbers = 0;
  const number = (source: string): unknown => {
    const value = boundedNumber(source);
    if (typeof value === 'object' && ++exactNumbers > MAX_EXACT_NUMBERS)
      throw tooMany(MAX_EXACT_NUMBERS, 'numbers that a double cannot hold');
    if (value instanceof UnsafeNumber) found.unsafeNumbers = true;
    return value;
  };
  return readJson(text, { number, onKey });
}

/** Bounds the time that comparing numbers digit by digit takes. */
const MAX_NUMBER_LENGTH = 1_000;
const MAX_EXPONENT = 1_000;

/** A placeholder for a number that is refused once its path is known. */
class UnsafeNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

function boundedNumber(source: string): number | ExactNumber | UnsafeNumber {
  if (source.length > MAX_NUMBER_LENGTH) return new UnsafeNumber(source);
  const value = numberOf(source);
  if (typeof value === 'number' || !/[eE]/.test(source)) return value;
  const { digits, exponent } = decimalOf(source);
  return Math.abs(digits.length + exponent - 1) > MAX_EXPONENT ? new UnsafeNumber(source) : value;
}

function refuseUnsafeNumbers(value: unknown): void {
  const errors: FieldError[] = [];
  nameUnsafeNumbers(value, '', errors);
  const [first] = errors;
  if (first) throw new PosthornError('unsafe_number', `${first.path === '' ? 'The body' : first.path}: ${first.message}.`, { errors });
}

function nameUnsafeNumbers(value: unknown, path: string, errors: FieldError[]): void {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber || errors.length >= MAX_ERRORS) return;
  if (value instanceof UnsafeNumber) {
    const message = `${value.source.slice(0, 40)} has more than ${MAX_NUMBER_LENGTH} characters or an exponent beyond ${MAX_EXPONENT}. Send it as a string`;
    errors.push({ path, rule: 'safe_number', message });
    return;
  }
  for (const [key, item] of Object.entries(value)) nameUnsafeNumbers(item, `${path}/${pointerToken(key)}`, errors);
}

function refusePrototypeKeys(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') {
      throw new PosthornError('invalid_request', 'The key "__proto__" is not accepted. Rename it.', {
        errors: [{ path: `${path}/__proto__`, rule: 'key', message: 'is not accepted as a key. Rename it' }],
      });
    }
    refusePrototypeKeys(item, `${path}/${pointerToken(key)}`);
  }
}
