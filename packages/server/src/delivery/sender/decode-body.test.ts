import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeBody, MAX_DECODED_BYTES } from './decode-body.ts';

const TEXT = 'RevOps API Event Received';
const PHRASE = Buffer.from(TEXT);
const text = (decoded: Uint8Array | null) => (decoded === null ? null : Buffer.from(decoded).toString());

describe('decodeBody', () => {
  it.each([
    ['gzip', gzipSync(PHRASE)],
    ['x-gzip', gzipSync(PHRASE)],
    ['deflate', deflateSync(PHRASE)],
    ['deflate', deflateRawSync(PHRASE)],
    ['br', brotliCompressSync(PHRASE)],
    ['zstd', zstdCompressSync(PHRASE)],
    [' GZIP', gzipSync(PHRASE)],
    ['identity', PHRASE],
    ['', PHRASE],
  ])('reads “%s”', (encoding, body) => {
    expect(text(decodeBody(body, encoding))).toBe(TEXT);
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('gives the beginning of a %s bomb, and no more than its cap', (encoding, compress) => {
    const noise = Array.from({ length: 5_000 }, (_, index) => (index * 7_919) % 9_973).join();
    const bomb = compress(Buffer.concat([PHRASE, Buffer.from(noise), Buffer.alloc(50_000_000)])).subarray(0, 65_536);
    const decoded = decodeBody(bomb, encoding);
    expect(decoded?.length ?? 0).toBeLessThanOrEqual(MAX_DECODED_BYTES);
    expect((text(decoded) ?? TEXT).slice(0, TEXT.length)).toBe(TEXT);
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const)('gives what can be read of a %s body that was cut off', (encoding, compress) => {
    const whole = compress(Buffer.from(`${TEXT} ${Array.from({ length: 10_000 }, (_, index) => (index * 7_919) % 9_973).join()}`));
    expect(text(decodeBody(whole.subarray(0, whole.length / 2), encoding))?.startsWith(TEXT)).toBe(true);
  });

  it('is null for bytes that are not what they say, and for unknown and stacked encodings', () => {
    expect(['gzip', 'deflate', 'br', 'zstd', 'compress', 'gzip, gzip'].map((encoding) => decodeBody(PHRASE, encoding))).toEqual(
      Array(6).fill(null),
    );
    expect(decodeBody(new Uint8Array(0), 'gzip')).toBeNull();
  });
});
