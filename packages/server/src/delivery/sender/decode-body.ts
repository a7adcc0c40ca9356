import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';

/** How much is decompressed at most. */
export const MAX_DECODED_BYTES = 65_536;

type Decompress = (body: Uint8Array) => Buffer;

// Flushing instead of finishing lets a body that was cut off at the sender's cap give what it holds.
const deflateOptions = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_DECODED_BYTES };

const DECOMPRESS: ReadonlyMap<string, Decompress> = new Map<string, Decompress>([
  ['gzip', (body) => gunzipSync(body, deflateOptions)],
  ['x-gzip', (body) => gunzipSync(body, deflateOptions)],
  // Some servers send the bare format of RFC 1951 for the zlib format that the word means; that one begins with 0x_8.
  ['deflate', (body) => (((body[0] ?? 0) & 0x0f) === 0x08 ? inflateSync(body, deflateOptions) : inflateRawSync(body, deflateOptions))],
  ['br', (body) => brotliDecompressSync(body, { finishFlush: constants.BROTLI_OPERATION_FLUSH, maxOutputLength: MAX_DECODED_BYTES })],
  ['zstd', (body) => zstdDecompressSync(body, { finishFlush: constants.ZSTD_e_flush, maxOutputLength: MAX_DECODED_BYTES })],
]);

/**
 * A response's body without its `Content-Encoding` (gzip, deflate, br, zstd), or as much of its beginning as gives no more than 64 KiB.
 * Synchronous, as the caller decides on it at once; the work is bounded, for a bomb too.
 * null: the encoding is not known, or several are stacked, or the bytes are not what it says.
 */
export function decodeBody(body: Uint8Array, contentEncoding: string): Uint8Array | null {
  const encoding = contentEncoding.trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return body;
  const decompress = DECOMPRESS.get(encoding);
  if (decompress === undefined) return null;
  // zlib gives nothing of an output that is too long, but of half the input it gives the beginning: at most 17 tries of 64 KiB each.
  for (let length = body.length; length > 0; length >>= 1) {
    try {
      return decompress(body.subarray(0, length));
    } catch (error) {
      if (!tooLarge(error)) return null;
    }
  }
  return null;
}

function tooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}
