import { PosthornError } from '@posthorn/protocol';
import { ExactNumber } from '../../inbound/decimal.ts';
import { decodeJsonText, refuseRepeatedKeys } from '../json-text.ts';

const MAX_DEPTH = 100;

/**
 * Parses JSON with every number as it was written (https://github.com/tc39/proposal-json-parse-with-source).
 * Throws `malformed_json` for what is no JSON, not UTF-8, nested past a hundred levels, or has a key twice in one object.
 */
export function parseExactJson(bytes: Uint8Array): unknown {
  const text = decodeJsonText(bytes);
  if (nesting(text) > MAX_DEPTH) throw new PosthornError('malformed_json', `The body is nested deeper than ${MAX_DEPTH} levels.`);
  // The last call is for the holder of the whole, whose key '' no object of the text has.
  let keys = -1;
  const value = parse(text, function withSource(this: unknown, ...[, one, context]: RevivedValue): unknown {
    if (!Array.isArray(this)) keys++;
    return typeof one === 'number' && context?.source !== undefined ? new ExactNumber(context.source) : one;
  });
  refuseRepeatedKeys(text, keys);
  return value;
}

/** What a reviver is given: a value with its key and, of a number, how it was written. */
type RevivedValue = [key: string, value: unknown, context?: { source?: string }];

function parse(text: string, reviver: (this: unknown, ...revived: RevivedValue) => unknown): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch (error) {
    throw new PosthornError('malformed_json', error instanceof Error ? error.message : 'The body is not JSON.', { cause: error });
  }
}

/** At most how deep: brackets within strings count too. Reviving is recursive, and the stack has an end. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) {
      depth++;
      if (depth > deepest) deepest = depth;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return deepest;
}
