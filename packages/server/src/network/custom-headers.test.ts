import { describe, expect, it } from 'vitest';
import { checkCustomHeaders } from './custom-headers.ts';

const check = (headers: Record<string, string>) => checkCustomHeaders(headers, ['X-RevOps-Content-Hmac']);
const rules = (headers: Record<string, string>) => check(headers).map(({ path, rule }) => [path, rule]);

describe('checkCustomHeaders', () => {
  it('accepts ordinary headers', () => {
    expect(check({ Authorization: 'Bearer abc', 'X-Api-Key': '1', Cookie: 'a=b; c=d', 'X-Empty': '' })).toEqual([]);
  });

  it.each([
    'Host',
    'content-length',
    'Content-Type',
    'CONNECTION',
    'Keep-Alive',
    'Transfer-Encoding',
    'TE',
    'Trailer',
    'Upgrade',
    'Expect',
    'Proxy-Authorization',
    'Accept-Encoding',
    'User-Agent',
  ])('refuses the reserved header %s', (name) => expect(rules({ [name]: 'x' })).toEqual([[`/headers/${name}`, 'reserved_header']]));

  it.each(['webhook-id', 'Webhook-Signature', 'webhook-anything', 'x-revops-content-hmac'])(
    'refuses %s, which carries a signature',
    (name) => {
      expect(rules({ [name]: 'x' })).toEqual([[`/headers/${name}`, 'reserved_header']]);
    },
  );

  it('refuses names that are not tokens, each with its path', () => {
    expect(rules({ 'X Y': '1', '': '2', 'a/b~c': '3', 'X:': '4', Ümlaut: '5', 'X\r\nY': '6' })).toEqual(
      ['X Y', '', 'a~1b~0c', 'X:', 'Ümlaut', 'X\r\nY'].map((name) => [`/headers/${name}`, 'header_name']),
    );
  });

  it('refuses values with control or non-ASCII characters, or surrounding spaces', () => {
    expect(rules({ A: 'x\r\nInjected: y', B: '\0', C: 'ü', D: ' x', E: 'x\t' }).map(([, rule]) => rule)).toEqual(
      Array(5).fill('header_value'),
    );
  });

  it('refuses the same name in another case', () => {
    expect(rules({ 'X-A': '1', 'x-a': '2' })).toEqual([['/headers/x-a', 'duplicate_header']]);
  });

  it('refuses too many headers and too many bytes', () => {
    expect(rules(Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`X-${index}`, 'x'])))).toEqual([
      ['/headers', 'max_properties'],
    ]);
    expect(rules({ 'X-A': 'a'.repeat(8_190) })).toEqual([['/headers', 'max_bytes']]);
  });
});
