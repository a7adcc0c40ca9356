import { expect, test } from 'vitest';
import { decodeAttempt, encodeAttempt, type StoredAttempt } from './attempt-record.ts';

const attempt: StoredAttempt = {
  id: '01900000-0000-7000-8000-000000000001',
  number: 2,
  at: '2026-01-01T00:00:00.000Z',
  durationMs: 12.5,
  request: { url: 'https://example.com/?a=ü', method: 'POST', headers: [['X-A', 'b']] },
  response: {
    status: 500,
    headers: [
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ],
    body: 'ü\0😀',
    truncated: true,
  },
  failure: { code: 'status', message: 'The endpoint responded with 500.' },
  nextAttemptAt: null,
};

test('an attempt is read as it was recorded', () => {
  expect(decodeAttempt(Buffer.from(encodeAttempt(attempt)))).toEqual(attempt);
  const part = Buffer.from(`xx${encodeAttempt(attempt)}`).subarray(2);
  expect(decodeAttempt(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))).toEqual(attempt);
});
