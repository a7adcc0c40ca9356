import type { FieldError } from '@posthorn/protocol';

/** Maximum number of headers that a webhook may add. */
export const MAX_CUSTOM_HEADERS = 20;
/** Maximum size of a webhook's header names and values together, in bytes. */
export const MAX_CUSTOM_HEADER_BYTES = 8_192;

/** Headers that the connection or Posthorn sets. */
const RESERVED: ReadonlySet<string> = new Set([
  // Hop-by-hop headers (RFC 9110, section 7.6.1) and message framing.
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
  // Set by Posthorn, partly from the webhook's settings. Accept-Encoding would make endpoints compress responses.
  'content-type',
  'content-encoding',
  'accept-encoding',
  'user-agent',
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PRINTABLE = /^[\u0020-\u007e]*$/;

/**
 * Checks a webhook's own headers and returns all errors. Names must be tokens (RFC 9110, section 5.6.2), not reserved,
 * and unique regardless of case. Values must be printable ASCII.
 *
 * @param signatureHeaders names of the product's signature headers
 */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>, signatureHeaders: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const entries = Object.entries(headers);
  if (entries.length > MAX_CUSTOM_HEADERS) {
    errors.push({
      path: '/headers',
      rule: 'max_properties',
      message: `A webhook may have at most ${MAX_CUSTOM_HEADERS} custom headers.`,
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
    errors.push({ path: '/headers', rule: 'max_bytes', message: `The headers together are larger than ${MAX_CUSTOM_HEADER_BYTES} bytes.` });
  }
  return errors;
}

type Problem = { readonly rule: string; readonly message: string };

function nameProblem(name: string, names: { taken: ReadonlySet<string>; seen: ReadonlySet<string> }): Problem | null {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name))
    return { rule: 'header_name', message: 'A header name may contain letters, digits and signs such as - . _ but no spaces.' };
  if (RESERVED.has(lower)) return { rule: 'reserved_header', message: `${name} is reserved: Posthorn or the connection sets it.` };
  if (lower.startsWith('webhook-') || names.taken.has(lower))
    return { rule: 'reserved_header', message: `${name} is reserved for signatures.` };
  if (names.seen.has(lower)) return { rule: 'duplicate_header', message: `${name} occurs twice. Header names are case-insensitive.` };
  return null;
}

function valueProblem(value: string): Problem | null {
  if (!PRINTABLE.test(value))
    return { rule: 'header_value', message: 'A header value may contain only printable ASCII characters, without line breaks.' };
  if (value !== value.trim()) return { rule: 'header_value', message: 'A header value must not start or end with a space.' };
  return null;
}

/** Escapes a name for a JSON Pointer (RFC 6901). */
function pointerSegment(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
