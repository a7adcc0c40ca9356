import type { HeaderList } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { decodeAttempt, encodeAttempt, MASK, maskHeaders, type StoredAttempt } from './attempt-record.ts';

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
  failure: { code: 'status', message: 'The endpoint answered 500.' },
  nextAttemptAt: null,
};

test('an attempt is read as it was recorded', () => {
  expect(decodeAttempt(Buffer.from(encodeAttempt(attempt)))).toEqual(attempt);
  const part = Buffer.from(`xx${encodeAttempt(attempt)}`).subarray(2);
  expect(decodeAttempt(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))).toEqual(attempt);
});

test('credentials of the endpoint are not recorded; signatures and ordinary headers are', () => {
  const shown: HeaderList = [
    ['webhook-id', '1'],
    ['webhook-signature', 'v1,abc'],
    ['X-RevOps-Content-Hmac', 'abc'],
    ['content-type', 'application/json'],
    ['X-Monkey-Business', 'b'],
  ];
  const hidden = [
    'Authorization',
    'X-Auth',
    'x-api-key',
    'X-ApiKey',
    'X-Access-Key',
    'Cookie',
    'X-Secret',
    'my-token',
    'Password',
    'X-Session-Id',
  ];
  const headers: HeaderList = [...shown, ...hidden.map((name): [string, string] => [name, 'let-me-in'])];
  const recorded = decodeAttempt(Buffer.from(encodeAttempt({ ...attempt, request: { ...attempt.request, headers } })));
  expect(recorded.request.headers).toEqual([...shown, ...hidden.map((name) => [name, MASK])]);
  expect(maskHeaders(shown)).toBe(shown);
});
