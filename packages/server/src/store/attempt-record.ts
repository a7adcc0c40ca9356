import type { Attempt } from '@posthorn/protocol';

/** An attempt as it is stored: all but the request's body, which follows from the event. Secrets are masked: they are needed to send, not to look up. */
export type StoredAttempt = Omit<Attempt, 'request'> & { readonly request: Omit<Attempt['request'], 'body'> };

/** An attempt as text; its UTF-8 bytes are stored. */
export function encodeAttempt(attempt: StoredAttempt): string {
  return JSON.stringify(attempt);
}

/** The reverse of `encodeAttempt`, of the bytes. */
export function decodeAttempt(bytes: Uint8Array): StoredAttempt {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as StoredAttempt;
}
