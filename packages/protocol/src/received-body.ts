import { isAnyArrayBuffer } from 'node:util/types';

/** The raw bytes of a request, as frameworks give them. */
export type ReceivedBody = string | Uint8Array | ArrayBuffer;

export type ReadBody =
  | { readonly kind: 'raw'; readonly body: string | Uint8Array }
  /** Nothing that a signature could be checked against; `problem` says what to do. */
  | { readonly kind: 'unusable'; readonly problem: string };

const HOW =
  "Pass the raw bytes of the body, as they came: in Express `express.raw({ type: () => true })`, in Fastify a content type parser with `parseAs: 'buffer'`, with fetch `await request.arrayBuffer()`.";

/** Tells raw bytes from what else a framework may leave in `request.body`. */
export function readBody(body: unknown): ReadBody {
  if (typeof body === 'string') return { kind: 'raw', body };
  if (ArrayBuffer.isView(body)) return { kind: 'raw', body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength) };
  // Not `instanceof`: test runners and other contexts have an ArrayBuffer of their own.
  if (isAnyArrayBuffer(body)) return { kind: 'raw', body: new Uint8Array(body) };
  if (body === undefined || body === null) return { kind: 'unusable', problem: `The body is missing. ${HOW}` };
  const what = typeof body === 'object' ? 'an object: it was parsed already, or is a stream' : `a ${typeof body}`;
  return {
    kind: 'unusable',
    problem: `The body is ${what}. Printed again, its bytes would no longer be those that were signed. ${HOW}`,
  };
}
