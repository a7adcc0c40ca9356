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
 * Parses a JSON body so that nothing in it changes silently. A number that a double cannot hold becomes an ExactNumber. Refused are
 * bytes that are not UTF-8, repeated keys, keys that would reach a prototype, and what is too deep, too much, or too long a number.
 * Throws `malformed_json`, `payload_too_large`, `unsafe_number`, `invalid_request`.
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
    throw new PosthornError('malformed_json', error instanceof Error ? error.message : 'The body is not JSON.', { cause: error });
  }
}

function decodeJsonText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new PosthornError('malformed_json', 'The body is not valid UTF-8.', { cause: error });
  }
}

interface Survey {
  keys: number;
  /** The text has escapes at all. */
  readonly hasEscapes: boolean;
  /** There are keys with a backslash, which V8 may have misread: see `parseJson`. */
  doubtfulKeys: boolean;
  /** There is a key `__proto__`, in whatever spelling. */
  prototypeKeys: boolean;
  /** There are numbers past the limits. */
  unsafeNumbers: boolean;
}

/** One walk over what was parsed: it is on the way of every event. */
function survey(value: unknown, depth: number, found: Survey): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw tooDeep();
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

/**
 * Colons after a quote: at least as many as the text has keys. If there are more, a string holds one, or a key is repeated.
 * Walking from string to string takes four times as long.
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

/** Reads the text, which is known to be JSON, key by key and number by number. */
function readExactly(text: string, found: Survey): unknown {
  const onKey: JsonReaderOptions['onKey'] = (key, repeated) => {
    if (repeated) throw new PosthornError('malformed_json', `Duplicate key ${JSON.stringify(key)} in a JSON object.`);
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

/** Numbers that are compared digit by digit have an end. */
const MAX_NUMBER_LENGTH = 1_000;
const MAX_EXPONENT = 1_000;

/** Stands for a number that is refused once its place is known. */
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
    const message = `${value.source.slice(0, 40)} has more than ${MAX_NUMBER_LENGTH} digits, or an exponent past ${MAX_EXPONENT}; send it as a string`;
    errors.push({ path, rule: 'safe_number', message });
    return;
  }
  for (const [key, item] of Object.entries(value)) nameUnsafeNumbers(item, `${path}/${pointerToken(key)}`, errors);
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
