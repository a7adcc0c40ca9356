import { hmacSignature, standardWebhooks } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { loadProduct } from '../catalog/load-product.ts';
import { MASK, maskText, NO_MASK } from '../sealing/attempt-mask.ts';
import { createMask, productHeaderNames } from './webhook-mask.ts';

test.each([
  ['the whole value', { 'X-A': 'value-of-a' }, '<value-of-a>'],
  ['the token of a scheme', { Authorization: 'Bearer token-of-a' }, '{"token":"token-of-a"}'],
  [
    'the credentials of Basic',
    { Authorization: `Basic ${Buffer.from('user:password1').toString('base64')}` },
    'password1 for user:password1',
  ],
  ['a cookie', { Cookie: 'a=1; session=session-of-a' }, 'session session-of-a'],
  ['a quoted parameter', { 'X-A': 'key="key-number-1", n=1' }, 'key-number-1'],
  ['a value as JSON shows it', { 'X-A': 'say "aye" \\o/' }, JSON.stringify('say "aye" \\o/')],
  ['a value as PHP shows it', { 'X-A': 'https://a/b' }, '"https:\\/\\/a\\/b"'],
  ['a value in a URL', { 'X-A': 'a value & more' }, `/?q=${encodeURIComponent('a value & more')}`],
])('%s is hidden if the endpoint repeats it', (_, headers, answer) => {
  const masked = maskText(answer, createMask(headers, []));
  expect(masked).toContain(MASK);
  for (const part of ['value', 'token-of', 'password1', 'session-of', 'key-number', 'aye', 'a/b', 'a\\/b'])
    expect(masked).not.toContain(part);
});

test('a signing secret is hidden with and without its prefix', () => {
  const mask = createMask({}, ['whsec_AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH', 'plain secret']);
  expect(maskText('whsec_AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH plain secret', mask)).toBe(
    `whsec_${MASK} ${MASK} ${MASK}`,
  );
});

test('short values and those of public headers are not masked in texts, but their headers are hidden', () => {
  const mask = createMask({ 'X-Env': 'staging', Accept: 'application/json' }, []);
  expect(maskText('staging application/json', mask)).toBe('staging application/json');
  expect(mask.headerNames).toEqual(new Set(['x-env', 'accept']));
});

test('longer texts are masked first, so that no part of them remains', () => {
  const mask = createMask({ 'X-A': 'abcdefgh', 'X-B': 'abcdefghijklmnop' }, []);
  expect(maskText('abcdefghijklmnop abcdefgh', mask)).toBe(`${MASK} ${MASK}`);
});

test('webhooks with nothing to hide share one mask', () => {
  expect(createMask({}, [])).toBe(NO_MASK);
});

test('headers that Posthorn and the product send are not a webhook’s own', async () => {
  const product = await loadProduct({
    name: 'shop',
    anyEvent: true,
    events: {},
    delivery: {
      headers: { 'X-Shop': '1' },
      signatures: [standardWebhooks(), hmacSignature({ header: 'X-Hmac', algorithm: 'sha256', encoding: 'hex' })],
    },
  });
  expect([...productHeaderNames(product)].toSorted()).toEqual([
    'content-type',
    'user-agent',
    'webhook-id',
    'webhook-signature',
    'webhook-timestamp',
    'x-hmac',
    'x-shop',
  ]);
});
