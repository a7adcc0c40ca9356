import type { HeaderList } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { MASK, maskBody, maskHeaders, maskRequestHeaders, maskResponseHeaders, maskText, NO_MASK } from './attempt-mask.ts';

const SECRET = 'a-secret-of-24-letters..';
const mask = { headerNames: new Set(['x-pin-code']), texts: [SECRET] };

test('credentials are masked by header name; signatures and ordinary headers are not', () => {
  const shown: HeaderList = [
    ['webhook-id', '1'],
    ['webhook-signature', 'v1,abc'],
    ['X-RevOps-Content-Hmac', 'abc'],
    ['content-type', 'application/json'],
    ['X-Monkey-Business', 'b'],
    ['X-Shopping', 'b'],
  ];
  const hidden = [
    'Authorization',
    'X-Auth',
    'x-api-key',
    'X-ApiKey',
    'X-Access-Key',
    'X-Access',
    'Cookie',
    'X-Secret',
    'my-token',
    'Password',
    'X-Pwd',
    'X-Hook-Pin',
    'X-Session-Id',
  ];
  const headers: HeaderList = [...shown, ...hidden.map((name): [string, string] => [name, 'let-me-in'])];
  expect(maskHeaders(headers)).toEqual([...shown, ...hidden.map((name) => [name, MASK])]);
  expect(maskHeaders(shown)).toBe(shown);
});

test('a webhook’s own headers are masked whatever their names and case', () => {
  const headers: HeaderList = [
    ['X-PIN-Code', '1'],
    ['Authorization', '2'],
    ['user-agent', '3'],
  ];
  expect(maskRequestHeaders(headers, mask).map(([, value]) => value)).toEqual([MASK, MASK, '3']);
  expect(maskRequestHeaders(headers, NO_MASK).map(([, value]) => value)).toEqual(['1', MASK, '3']);
});

test('secrets that an endpoint echoes are masked in response headers and text, wherever they are', () => {
  const headers: HeaderList = [
    ['x-echo', `you sent ${SECRET}, ${SECRET}`],
    ['date', 'today'],
  ];
  expect(maskResponseHeaders(headers, mask)).toEqual([
    ['x-echo', `you sent ${MASK}, ${MASK}`],
    ['date', 'today'],
  ]);
  expect(maskResponseHeaders(headers, NO_MASK)).toBe(headers);
  expect(maskText('nothing to hide', mask)).toBe('nothing to hide');
});

test('a body is masked before it is cut, so no secret is cut in two', () => {
  const body = Buffer.from(`ü${'.'.repeat(30)}${SECRET}…and more`);
  for (let maxBytes = 0; maxBytes <= body.length; maxBytes++) {
    const kept = maskBody(body, maxBytes, mask);
    expect(kept).not.toContain(SECRET.slice(0, 4));
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(maxBytes + 2);
  }
  expect(maskBody(body, body.length, mask)).toBe(`ü${'.'.repeat(30)}${MASK}…and more`);
  expect(maskBody(body, 10, NO_MASK)).toBe('ü........');
});
