import type { HeaderList } from '@posthorn/protocol';

/** Stands in the place of a secret value. */
export const MASK = '***';

/** What must not be readable in a webhook's attempts. */
export interface AttemptMask {
  /** Names of the request headers that its owner set, in lower case. */
  readonly headerNames: ReadonlySet<string>;
  /** Values that an endpoint may repeat, in each of their spellings. The longest come first. */
  readonly texts: readonly string[];
}

export const NO_MASK: AttemptMask = { headerNames: new Set(), texts: [] };

/** Names of headers whose values are credentials of the endpoint's owner. */
const SECRET_NAME = /auth|token|secret|passw|pwd|credential|cookie|session|jwt|bearer|access|(?:^|[-_])(?:key|pin)$|api-?key/i;

/** Names are few, and used again and again: five look-ups an attempt. */
const judged = new Map<string, boolean>();
const MAX_JUDGED = 1_000;

/** Hides the values of headers that look like credentials. */
export function maskHeaders(headers: HeaderList): HeaderList {
  return maskHeadersThat(headers, looksSecret);
}

/** Hides a webhook's own headers, and what else looks like credentials. */
export function maskRequestHeaders(headers: HeaderList, { headerNames }: AttemptMask): HeaderList {
  return headerNames.size === 0
    ? maskHeaders(headers)
    : maskHeadersThat(headers, (name) => headerNames.has(name.toLowerCase()) || looksSecret(name));
}

/** Hides the values of headers that match by name. */
export function maskHeadersThat(headers: HeaderList, matches: (name: string) => boolean): HeaderList {
  return headers.some(([name]) => matches(name)) ? headers.map(([name, value]) => (matches(name) ? [name, MASK] : [name, value])) : headers;
}

/** Hides what an endpoint repeats in its response headers. */
export function maskResponseHeaders(headers: HeaderList, mask: AttemptMask): HeaderList {
  return headers.some(([, value]) => maskText(value, mask) !== value)
    ? headers.map(([name, value]) => [name, maskText(value, mask)])
    : headers;
}

/** Hides a webhook's secret values in a text. */
export function maskText(text: string, { texts }: AttemptMask): string {
  let masked = text;
  for (const secret of texts) {
    if (masked.length >= secret.length && masked.includes(secret)) masked = masked.replaceAll(secret, MASK);
  }
  return masked;
}

/** The first bytes of a response body as text. What would be cut in the middle is hidden before the cut. */
export function maskBody(body: Buffer, maxBytes: number, mask: AttemptMask): string {
  if (mask.texts.length === 0) return body.toString('utf8', 0, maxBytes);
  const longest = mask.texts[0]?.length ?? 0;
  const text = body.toString('utf8', 0, maxBytes + longest);
  const masked = maskText(text, mask);
  return body.length <= maxBytes ? masked : Buffer.from(masked).toString('utf8', 0, maxBytes);
}

function looksSecret(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  if (judged.size >= MAX_JUDGED) judged.clear();
  const secret = SECRET_NAME.test(name);
  judged.set(name, secret);
  return secret;
}
