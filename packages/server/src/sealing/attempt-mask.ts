import type { HeaderList } from '@posthorn/protocol';

/** Replaces a secret value. */
export const MASK = '***';

/** The secrets that must not appear in a webhook's attempts. */
export interface AttemptMask {
  /** Lower-case names of the request headers that the webhook's owner set. */
  readonly headerNames: ReadonlySet<string>;
  /** Secret values that an endpoint may echo, in each of their spellings, longest first. */
  readonly texts: readonly string[];
}

export const NO_MASK: AttemptMask = { headerNames: new Set(), texts: [] };

/** Header names whose values are credentials of the endpoint's owner. */
const SECRET_NAME = /auth|token|secret|passw|pwd|credential|cookie|session|jwt|bearer|access|(?:^|[-_])(?:key|pin)$|api-?key/i;

/** Caches results by name: there are few names, and an attempt has about five. */
const judged = new Map<string, boolean>();
const MAX_JUDGED = 1_000;

/** Masks the values of headers that look like credentials. */
export function maskHeaders(headers: HeaderList): HeaderList {
  return maskHeadersThat(headers, looksSecret);
}

/** Masks a webhook's own headers, and others that look like credentials. */
export function maskRequestHeaders(headers: HeaderList, { headerNames }: AttemptMask): HeaderList {
  return headerNames.size === 0
    ? maskHeaders(headers)
    : maskHeadersThat(headers, (name) => headerNames.has(name.toLowerCase()) || looksSecret(name));
}

/** Masks the values of headers whose name matches. */
export function maskHeadersThat(headers: HeaderList, matches: (name: string) => boolean): HeaderList {
  return headers.some(([name]) => matches(name)) ? headers.map(([name, value]) => (matches(name) ? [name, MASK] : [name, value])) : headers;
}

/** Masks secrets that an endpoint echoes in its response headers. */
export function maskResponseHeaders(headers: HeaderList, mask: AttemptMask): HeaderList {
  return headers.some(([, value]) => maskText(value, mask) !== value)
    ? headers.map(([name, value]) => [name, maskText(value, mask)])
    : headers;
}

/** Masks a webhook's secret values in a text. */
export function maskText(text: string, { texts }: AttemptMask): string {
  let masked = text;
  for (const secret of texts) {
    if (masked.length >= secret.length && masked.includes(secret)) masked = masked.replaceAll(secret, MASK);
  }
  return masked;
}

/** Returns the first bytes of a response body as text. Secrets are masked before the cut, so none is cut in two. */
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
