import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress, constants } from 'node:zlib';
import type { Transform } from 'node:stream';
import type { Exchange } from './exchange.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Returns the body without its `Content-Encoding` (gzip, deflate, br, zstd), at most `cap` bytes, where decompression
 * stops. A broken body gives what could be read; unknown or multiple encodings give the bytes as received. Synchronous
 * if there is nothing to decompress.
 */
export function decodeBody(exchange: Pick<Exchange, 'response'>, cap: number): Buffer | Promise<Buffer> {
  const { response } = exchange;
  if (response === null) return EMPTY;
  let encoding = '';
  for (const [name, value] of response.headers) {
    if (name.length === 16 && name.toLowerCase() === 'content-encoding') encoding += encoding === '' ? value : `,${value}`;
  }
  const decoder = encoding === '' || response.body.length === 0 ? null : decoderFor(encoding.trim().toLowerCase(), response.body);
  return decoder === null ? response.body.subarray(0, cap) : readUpTo(decoder, response.body, cap);
}

function decoderFor(encoding: string, body: Buffer): Transform | null {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
    case 'deflate': {
      // Some servers send the raw format of RFC 1951 instead of the zlib format that `deflate` means; zlib begins with
      // 0x_8.
      const zlib = ((body[0] ?? 0) & 0x0f) === 0x08;
      return zlib ? createInflate({ finishFlush: constants.Z_SYNC_FLUSH }) : createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });
    }
    case 'br':
      return createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH });
    case 'zstd':
      return createZstdDecompress({ finishFlush: constants.ZSTD_e_flush });
    default:
      return null;
  }
}

async function readUpTo(decoder: Transform, body: Buffer, cap: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  decoder.end(body);
  try {
    for await (const chunk of decoder) {
      if (!Buffer.isBuffer(chunk)) break;
      chunks.push(chunk);
      length += chunk.length;
      if (length >= cap) break;
    }
  } catch {
    // Broken or cut off: the output so far counts.
  }
  return Buffer.concat(chunks).subarray(0, cap);
}
