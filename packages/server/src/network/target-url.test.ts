import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_ALLOWED_TARGETS, parseTargets } from './target-address.ts';
import { checkTargetUrl } from './target-url.ts';

const loopback = parseTargets('127.0.0.0/8').targets;
const check = (url: string, allowed = NO_ALLOWED_TARGETS) => checkTargetUrl(url, { url: 'https' }, allowed);
const rule = (url: string, allowed = NO_ALLOWED_TARGETS) => {
  const result = check(url, allowed);
  return result.ok ? 'ok' : result.rule;
};

describe('checkTargetUrl', () => {
  it.each([
    'https://example.com',
    'https://example.com:8443/x?y=1&z=%20',
    'HTTPS://EXAMPLE.com/x',
    'https://münchen.example/',
    'https://1.1.1.1/',
    'https://[2606:4700::1111]/x',
  ])('accepts %s', (url) => expect(check(url)).toEqual({ ok: true, warnings: [] }));

  it.each([
    [
      'protocol_missing',
      'example.com/x',
      '',
      '/x',
      '//example.com',
      'example.com:8080/x',
      'localhost:3000',
      'https:example.com',
      'https:/example.com',
      'https:///example.com',
      'https:\\\\example.com',
    ],
    ['protocol', 'ftp://example.com', 'file://host/etc/passwd', 'gopher://example.com', 'ws://example.com'],
    [
      'malformed',
      'https://',
      'https://?x',
      'https://exa mple.com'.replace(' ', '%00'),
      'https://example.com:99999',
      'https://[::1',
      'https://1.2.3.4.5',
      'https://256.1.1.1',
    ],
    ['credentials', 'https://user:secret@example.com', 'https://user@example.com', 'https://@example.com', 'https://:@example.com'],
    ['fragment', 'https://example.com/#x', 'https://example.com/x#'],
    ['port', 'https://example.com:0/'],
    [
      'control_characters',
      'https://example.com/a b',
      ' https://example.com',
      'https://example.com/\r\nX: y',
      'https://exam\tple.com',
      'https://example.com/\u0000',
    ],
    ['too_long', `https://example.com/${'a'.repeat(2_048)}`],
    ['insecure_url', 'http://example.com/x'],
  ])('refuses with the rule %s', (expected, ...urls) => {
    expect(urls.map((url) => [url, rule(url)])).toEqual(urls.map((url) => [url, expected]));
  });

  it.each([
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::a00:1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://0/',
    'https://10.0.0.1./',
    'https://1②7.0.0.1/',
    'https://localhost/',
    'https://LOCALHOST./',
    'https://api.localhost:3000/',
    'http://127.0.0.1/',
  ])('refuses %s as blocked', (url) => expect(rule(url)).toBe('blocked_url'));

  it('accepts allowed targets, also over http, with a warning that http is insecure', () => {
    expect(check('https://127.0.0.1:8080/', loopback)).toEqual({ ok: true, warnings: [] });
    expect(check('http://127.0.0.1:8080/', loopback)).toEqual({ ok: true, warnings: ['insecure_url'] });
    expect(check('http://localhost:8080/', loopback)).toEqual({ ok: true, warnings: ['insecure_url'] });
    expect(rule('http://10.0.0.1/', loopback)).toBe('blocked_url');
    expect(rule('http://example.com/', loopback)).toBe('insecure_url');
  });

  it('accepts an allowed target only at its allowed port', () => {
    const { targets } = parseTargets('127.0.0.1/32:8025, [::1]/128:443, 10.0.0.1:80');
    const urls = ['http://127.0.0.1:8025/', 'http://localhost:8025/', 'https://[::1]/', 'https://localhost/', 'http://10.0.0.1/'];
    expect(urls.filter((url) => rule(url, targets) === 'blocked_url')).toEqual([]);
    const others = ['http://127.0.0.1/', 'http://127.0.0.1:8026/', 'http://localhost/', 'https://[::1]:8025/', 'https://10.0.0.1/'];
    expect(others.filter((url) => rule(url, targets) !== 'blocked_url')).toEqual([]);
  });

  it('accepts http with a warning if the product does', () => {
    expect(checkTargetUrl('http://example.com/x', { url: 'http-or-https' }, NO_ALLOWED_TARGETS)).toEqual({
      ok: true,
      warnings: ['insecure_url'],
    });
  });

  it('says what is missing in “example.com/x”', () => {
    expect(check('example.com/x')).toMatchObject({ message: 'The URL must be complete and start with its protocol, https://.' });
  });

  it('never throws, and accepts only http and https URLs', () => {
    const urls = fc.oneof(
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc.string(),
      fc.string().map((text) => `https://${text}`),
    );
    const holds = fc.check(fc.property(urls, (url) => !check(url).ok || /^https?:$/.test(URL.parse(url)?.protocol ?? '')));
    expect(holds).toMatchObject({ failed: false });
  });
});
