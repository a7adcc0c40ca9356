import type { FieldError } from '@posthorn/protocol';

/** How many headers a webhook may add. */
export const MAX_CUSTOM_HEADERS = 20;
/** Names and values of a webhook's headers together, in bytes. */
export const MAX_CUSTOM_HEADER_BYTES = 8_192;

/** Headers that belong to the connection or to Posthorn: what they say is settled elsewhere. */
const RESERVED: ReadonlySet<string> = new Set([
  // Hop by hop (RFC 9110, section 7.6.1), and the framing of the message.
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-length',
  // Set from the webhook, or by Posthorn; an encoding that is asked for would have to be undone.
  'content-type',
  'content-encoding',
  'accept-encoding',
  'user-agent',
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PRINTABLE = /^[\u0020-\u007e]*$/;

/**
 * Checks the headers that a customer adds to a webhook. Names must be tokens (RFC 9110, section 5.6.2) that are free to be set, once each
 * whatever their case; values printable ASCII. Answers every breach, with its path below `/headers`.
 *
 * @param signatureHeaders names that the product's signatures use
 */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>, signatureHeaders: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const entries = Object.entries(headers);
  if (entries.length > MAX_CUSTOM_HEADERS) {
    errors.push({
      path: '/headers',
      rule: 'max_properties',
      message: `A webhook may have at most ${MAX_CUSTOM_HEADERS} headers of its own.`,
    });
    return errors;
  }
  const taken = new Set(signatureHeaders.map((name) => name.toLowerCase()));
  const seen = new Set<string>();
  let bytes = 0;
  for (const [name, value] of entries) {
    bytes += name.length + Buffer.byteLength(value);
    const problem = nameProblem(name, { taken, seen }) ?? valueProblem(value);
    if (problem !== null) errors.push({ path: `/headers/${pointerSegment(name)}`, ...problem });
    seen.add(name.toLowerCase());
  }
  if (bytes > MAX_CUSTOM_HEADER_BYTES) {
    errors.push({ path: '/headers', rule: 'max_bytes', message: `The headers are larger than ${MAX_CUSTOM_HEADER_BYTES} bytes together.` });
  }
  return errors;
}

type Problem = { readonly rule: string; readonly message: string };

function nameProblem(name: string, names: { taken: ReadonlySet<string>; seen: ReadonlySet<string> }): Problem | null {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name))
    return { rule: 'header_name', message: 'A header name consists of letters, digits and - . _ and a few other signs, without spaces.' };
  if (RESERVED.has(lower)) return { rule: 'reserved_header', message: `${name} is set by Posthorn or by the connection.` };
  if (lower.startsWith('webhook-') || names.taken.has(lower))
    return { rule: 'reserved_header', message: `${name} proves who sent the request.` };
  if (names.seen.has(lower)) return { rule: 'duplicate_header', message: `${name} is given twice.` };
  return null;
}

function valueProblem(value: string): Problem | null {
  if (!PRINTABLE.test(value))
    return { rule: 'header_value', message: 'A header value consists of printable ASCII characters, without line breaks.' };
  if (value !== value.trim()) return { rule: 'header_value', message: 'A header value does not begin or end with a space.' };
  return null;
}

/** RFC 6901. */
function pointerSegment(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
