import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeBody } from './decode-body.ts';

const TEXT = 'RevOps API Event Received';
const PHRASE = Buffer.from(TEXT);
const answer = (encoding: string, body: Buffer) => ({
  response: { status: 200, headers: [['Content-Encoding', encoding]] as const, body, truncated: false },
});

describe('decodeBody', () => {
  it.each([
    ['gzip', gzipSync(PHRASE)],
    ['x-gzip', gzipSync(PHRASE)],
    ['deflate', deflateSync(PHRASE)],
    ['deflate', deflateRawSync(PHRASE)],
    ['br', brotliCompressSync(PHRASE)],
    ['zstd', zstdCompressSync(PHRASE)],
    ['GZIP', gzipSync(PHRASE)],
    ['identity', PHRASE],
  ])('reads %s', async (encoding, body) => {
    expect(String(await decodeBody(answer(encoding, body), 1_000))).toBe(TEXT);
  });

  it('returns synchronously if nothing is compressed', () => {
    expect(decodeBody({ response: { status: 200, headers: [['content-type', 'text/plain']], body: PHRASE, truncated: false } }, 6)).toEqual(
      Buffer.from('RevOps'),
    );
    expect(decodeBody({ response: null }, 6)).toEqual(Buffer.alloc(0));
  });

  it.each([
    ['gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['br', brotliCompressSync(Buffer.alloc(50_000_000))],
  ])('stops a %s bomb at the cap', async (encoding, bomb) => {
    expect(bomb.length).toBeLessThan(65_536);
    expect(await decodeBody(answer(encoding, bomb), 16_384)).toHaveLength(16_384);
  });

  it('returns what can be read of a truncated body', async () => {
    const text = Buffer.from(`${TEXT} ${Array.from({ length: 20_000 }, (_, index) => index).join()}`);
    for (const [encoding, body] of [
      ['gzip', gzipSync(text)],
      ['br', brotliCompressSync(text)],
    ] as const) {
      const decoded = String(await decodeBody(answer(encoding, body.subarray(0, body.length / 2)), 65_536));
      expect(decoded.startsWith(TEXT)).toBe(true);
    }
  });

  it('returns nothing of a body that does not match its encoding', async () => {
    expect(await decodeBody(answer('gzip', PHRASE), 100)).toHaveLength(0);
  });

  it('returns unknown and stacked encodings unchanged', async () => {
    expect(await decodeBody(answer('gzip, gzip', PHRASE), 100)).toEqual(PHRASE);
    expect(await decodeBody(answer('compress', PHRASE), 100)).toEqual(PHRASE);
  });
});
