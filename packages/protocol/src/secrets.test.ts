import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSecret, secretProblem } from './secrets.ts';
import { generateSecret, generateSigningKey, publicKeyOf } from './signing.ts';

const base64 = (length: number): string => Buffer.alloc(length, 7).toString('base64');

describe('secrets', () => {
  test('24 to 64 bytes may follow whsec_', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (key) => {
        const secret = `whsec_${Buffer.from(key).toString('base64')}`;
        expect(parseSecret(secret)).toEqual({ kind: 'symmetric', key });
        expect(secretProblem(secret)).toBeNull();
      }),
    );
  });

  test('padding may be left out', () => {
    expect(parseSecret(`whsec_${base64(25).replaceAll('=', '')}`)).toMatchObject({ kind: 'symmetric' });
  });

  test.each([
    `whsec_${base64(23)}`,
    `whsec_${base64(65)}`,
    'whsec_',
    'whsec_not base64',
    `whsec_${base64(24)}\n`,
    'whsec_-_-_'.padEnd(40, '_'),
  ])('%j is malformed', (secret) => {
    expect(parseSecret(secret).kind).toBe('malformed');
    expect(secretProblem(secret)).toContain('whsec_');
  });

  test('a signing key is 32 bytes, or 64 with its public key behind', () => {
    expect(parseSecret(`whsk_${base64(32)}`)).toEqual({ kind: 'private', seed: new Uint8Array(32).fill(7) });
    expect(parseSecret(`whsk_${base64(64)}`)).toEqual({ kind: 'private', seed: new Uint8Array(32).fill(7) });
    expect(secretProblem(`whsk_${base64(32)}`)).toBeNull();
    expect(secretProblem(`whsk_${base64(33)}`)).toContain('32 or 64 bytes');
  });

  test('a public key is 32 bytes, and is none to sign with', () => {
    expect(parseSecret(`whpk_${base64(32)}`)).toMatchObject({ kind: 'public' });
    expect(parseSecret(`whpk_${base64(31)}`)).toMatchObject({ kind: 'malformed' });
    expect(secretProblem(`whpk_${base64(32)}`)).toContain('cannot sign');
  });

  test('any other text of 8 to 256 characters is a secret, its bytes the key', () => {
    expect(parseSecret('schlüssel')).toEqual({ kind: 'text', key: new Uint8Array(Buffer.from('schlüssel')) });
    expect(secretProblem('revops-verification-key')).toBeNull();
    for (const secret of ['', 'short', 'x'.repeat(257)]) expect(secretProblem(secret)).toBe('must have 8 to 256 characters');
    expect(secretProblem('line\nline')).toBe('must not contain control characters');
    expect(secretProblem('half \ud83d of a pair')).toBe('must not contain half of a surrogate pair');
  });

  test('an error message never shows the secret', () => {
    fc.assert(
      fc.property(fc.constantFrom('whsec_', 'whsk_', 'whpk_', ''), fc.stringMatching(/^[QZ]{12,20}$/), (prefix, text) => {
        expect(secretProblem(prefix + text) ?? '').not.toContain(text.slice(0, 6));
      }),
    );
  });

  test('generated secrets can sign', () => {
    expect(secretProblem(generateSecret())).toBeNull();
    expect(generateSecret()).not.toBe(generateSecret());
    expect(generateSecret((count) => Buffer.alloc(count, 7))).toBe(`whsec_${base64(24)}`);
    const signingKey = generateSigningKey();
    expect(secretProblem(signingKey)).toBeNull();
    expect(parseSecret(publicKeyOf(signingKey)).kind).toBe('public');
  });

  test('the public key of RFC 8032, section 7.1, test 1', () => {
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    const key = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex');
    expect(publicKeyOf(`whsk_${seed.toString('base64')}`)).toBe(`whpk_${key.toString('base64')}`);
    expect(publicKeyOf(`whsk_${Buffer.concat([seed, key]).toString('base64')}`)).toBe(`whpk_${key.toString('base64')}`);
    expect(() => publicKeyOf(generateSecret())).toThrow(RangeError);
  });
});
