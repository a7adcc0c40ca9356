import type { Attempt } from '@posthorn/protocol';

/** A stored attempt: everything but the request's body, which follows from the event. Secrets are masked. */
export type StoredAttempt = Omit<Attempt, 'request'> & { readonly request: Omit<Attempt['request'], 'body'> };

/** Encodes an attempt as text. Its UTF-8 bytes are stored. */
export function encodeAttempt(attempt: StoredAttempt): string {
  return JSON.stringify(attempt);
}

/** Decodes the bytes of `encodeAttempt`. */
export function decodeAttempt(bytes: Uint8Array): StoredAttempt {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as StoredAttempt;
}
