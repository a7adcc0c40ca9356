import type { Attempt, HeaderList } from '@posthorn/protocol';

/** An attempt as it is stored: all but the request's body, which follows from the event. */
export type StoredAttempt = Omit<Attempt, 'request'> & { readonly request: Omit<Attempt['request'], 'body'> };

/** Names of request headers whose values are credentials of the endpoint’s owner. */
const SECRET_NAME = /auth|token|secret|passw|credential|cookie|session|jwt|bearer|(?:^|[-_])key$|api-?key/i;

/** Names are few, and used again and again: five look-ups an attempt. */
const judged = new Map<string, boolean>();
const MAX_JUDGED = 1_000;

/** What stands in the place of a secret value. */
export const MASK = '***';

/** Hides the values of headers that look like credentials. */
export function maskHeaders(headers: HeaderList): HeaderList {
  return headers.some(([name]) => isSecret(name))
    ? headers.map(([name, value]) => (isSecret(name) ? [name, MASK] : [name, value]))
    : headers;
}

function isSecret(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  if (judged.size >= MAX_JUDGED) judged.clear();
  const secret = SECRET_NAME.test(name);
  judged.set(name, secret);
  return secret;
}

/** An attempt as text; what is kept are its UTF-8 bytes. Credentials in its request headers are masked: they are needed to send, not to look up. */
export function encodeAttempt(attempt: StoredAttempt): string {
  const { request } = attempt;
  return JSON.stringify({ ...attempt, request: { ...request, headers: maskHeaders(request.headers) } });
}

/** The reverse of `encodeAttempt`, of the bytes. */
export function decodeAttempt(bytes: Uint8Array): StoredAttempt {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as StoredAttempt;
}
