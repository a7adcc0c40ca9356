import { isAnyArrayBuffer } from 'node:util/types';

/** The raw bytes of a request, as frameworks give them. */
export type ReceivedBody = string | Uint8Array | ArrayBuffer;

export type ReadBody =
  | { readonly kind: 'raw'; readonly body: string | Uint8Array }
  /** The signature cannot be checked against it. `problem` says what to do. */
  | { readonly kind: 'unusable'; readonly problem: string };

const HOW =
  "Pass the raw bytes of the body: in Express `express.raw({ type: () => true })`, in Fastify a content type parser with `parseAs: 'buffer'`, with fetch `await request.arrayBuffer()`.";

/** Returns the raw body, or what is wrong if a framework left something else in `request.body`. */
export function readBody(body: unknown): ReadBody {
  if (typeof body === 'string') return { kind: 'raw', body };
  if (ArrayBuffer.isView(body)) return { kind: 'raw', body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength) };
  // Not `instanceof`: other realms, such as those of test runners, have an ArrayBuffer of their own.
  if (isAnyArrayBuffer(body)) return { kind: 'raw', body: new Uint8Array(body) };
  if (body === undefined || body === null) return { kind: 'unusable', problem: `The body is missing. ${HOW}` };
  const what = typeof body === 'object' ? 'an object, so it was parsed already or is a stream' : `a ${typeof body}`;
  return {
    kind: 'unusable',
    problem: `The body is ${what}. The signature covers the raw bytes only. ${HOW}`,
  };
}
