import { endOfString, PosthornError } from '@posthorn/protocol';

export const MAX_DEPTH = 100;
/** A key that no other object has takes 2 µs to parse: 640,000 of them blocked the event loop for four seconds. */
export const MAX_KEYS = 250_000;
/** Each takes about 60 bytes of memory once parsed, and as few as two characters of text. */
export const MAX_CONTAINERS = 250_000;
export const MAX_VALUES = 1_000_000;
/** Each number that a double cannot hold is an object, and slow to write. */
export const MAX_EXACT_NUMBERS = 100_000;
/** Shorter texts cannot have that many values, so they are not counted. `parseJsonBody` checks their depth. */
const COUNTED_LENGTH = 64 * 1024;

/**
 * Refuses a text that would take too much memory once parsed, in one pass before parsing. The text need not be JSON.
 * Throws `malformed_json` if it is nested deeper than 100 levels, `payload_too_large` if it has too many values.
 */
export function refuseCostlyJson(text: string): void {
  if (text.length < COUNTED_LENGTH) return;
  let depth = 0;
  let containers = 0;
  let values = 1;
  let keys = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: {
        const end = endOfString(text, at);
        // The string does not end: the parser reports that.
        if (end === 0) return;
        at = end - 1;
        break;
      }
      case 0x7b:
      case 0x5b:
        containers++;
        values++;
        depth++;
        if (depth > MAX_DEPTH) throw tooDeep();
        break;
      case 0x7d:
      case 0x5d:
        depth--;
        break;
      case 0x3a:
        keys++;
        break;
      case 0x2c:
        values++;
    }
    if (containers > MAX_CONTAINERS) throw tooMany(MAX_CONTAINERS, 'objects and arrays');
    if (keys > MAX_KEYS) throw tooMany(MAX_KEYS, 'keys');
    if (values > MAX_VALUES) throw tooMany(MAX_VALUES, 'values');
  }
}

export function tooDeep(): PosthornError {
  return new PosthornError('malformed_json', `The body is nested deeper than ${MAX_DEPTH} levels. Send flatter JSON.`);
}

export function tooMany(limit: number, what: string): PosthornError {
  return new PosthornError(
    'payload_too_large',
    `The body has more than ${limit.toLocaleString('en')} ${what}. Split it into several requests.`,
  );
}
