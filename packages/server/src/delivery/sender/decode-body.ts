import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress, constants } from 'node:zlib';
import type { Transform } from 'node:stream';
import type { Exchange } from './exchange.ts';

const EMPTY = Buffer.alloc(0);

/**
 * The body of an exchange without its `Content-Encoding` (gzip, deflate, br, zstd), at most `cap` bytes of it; decompression stops there,
 * so a bomb costs no more than its cap. A body that breaks off, or is not what it says, gives what could be read;
 * an encoding that is not known, or several at once, give the bytes as received. Answers at once where there is nothing to decompress.
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
      // Some servers send the bare format of RFC 1951 instead of the zlib format that the word means; that one begins with 0x_8.
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
    // Broken or cut off: what came out before counts.
  }
  return Buffer.concat(chunks).subarray(0, cap);
}
