import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HmacSha256 } from './hmac.ts';

test('is the HMAC-SHA256 of text and bytes, whatever their lengths and that of the key', () => {
  const key = fc.uint8Array({ maxLength: 200 });
  const text = fc.string({ unit: 'binary', maxLength: 100 });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.integer({ min: 15_000, max: 40_000 }).map((length) => new Uint8Array(length)),
  );
  fc.assert(
    fc.property(key, fc.array(fc.tuple(text, bytes), { minLength: 1, maxLength: 3 }), (secret, messages) => {
      const kept = new HmacSha256(secret);
      for (const [before, after] of messages) {
        expect(kept.sign(before, after)).toBe(createHmac('sha256', secret).update(before).update(after).digest('base64'));
      }
    }),
  );
});

/** https://datatracker.ietf.org/doc/html/rfc4231, cases 1, 2 and 6. */
test.each([
  { key: Buffer.alloc(20, 0x0b), text: 'Hi There', expected: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7' },
  {
    key: Buffer.from('Jefe'),
    text: 'what do ya want for nothing?',
    expected: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  },
  {
    key: Buffer.alloc(131, 0xaa),
    text: 'Test Using Larger Than Block-Size Key - Hash Key First',
    expected: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  },
])('gives the vectors of RFC 4231: $text', ({ key, text, expected }) => {
  expect(new HmacSha256(key).sign(text, new Uint8Array())).toBe(Buffer.from(expected, 'hex').toString('base64'));
});
