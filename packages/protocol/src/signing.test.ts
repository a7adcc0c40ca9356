import { verify as verifyGithub } from '@octokit/webhooks-methods';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, test } from 'vitest';
import accountUpdated from '../fixtures/revops-account-updated.json' with { type: 'json' };
import dealSigned from '../fixtures/revops-deal-signed.json' with { type: 'json' };
import vectorList from '../fixtures/signatures.json' with { type: 'json' };
import executionFinished from '../fixtures/virtuoso-execution-finished.json' with { type: 'json' };
import virtuosoPing from '../fixtures/virtuoso-ping.json' with { type: 'json' };
import { encodeContent } from './encoding.ts';
import { hmacSignature, standardWebhooks } from './policy.ts';
import type { SignatureScheme } from './product.ts';
import { createSigner, generateSecret, generateSigningKey, publicKeyOf, type SignedContent } from './signing.ts';

interface Vector {
  readonly fixture?: string;
  readonly text?: string;
  readonly encoding?: string;
  readonly algorithm: string;
  readonly header: string;
  readonly key: string;
  readonly bytes?: number;
  readonly id?: string;
  readonly timestamp?: string;
  readonly value: string;
}

const vectors: readonly Vector[] = vectorList;
const fixtures: ReadonlyMap<string, object> = new Map<string, object>([
  ['revops-account-updated.json', accountUpdated],
  ['revops-deal-signed.json', dealSigned],
  ['virtuoso-execution-finished.json', executionFinished],
  ['virtuoso-ping.json', virtuosoPing],
]);

function content(text: string, more: Partial<SignedContent> = {}): SignedContent {
  const body = Buffer.from(text);
  return { id: 'msg_1', timestampSeconds: Math.floor(Date.now() / 1_000), body, wire: body, ...more };
}

function signed(schemes: SignatureScheme[], secrets: string[], what: SignedContent): Record<string, string> {
  return Object.fromEntries(createSigner(schemes, secrets).headers(what));
}

const revopsHmac = hmacSignature({ header: 'X-RevOps-Content-Hmac', algorithm: 'sha256', encoding: 'hex' });
const virtuosoHmac = hmacSignature({ header: 'X-Virtuoso-Signature', algorithm: 'sha1', encoding: 'hex', prefix: 'sha1=' });

describe('known signatures', () => {
  const legacy = vectors.filter(({ fixture }) => fixture !== undefined);

  test.each(legacy)('RVP-12, VIR-04: $header of $fixture, $encoding', ({ fixture = '', encoding, header, key, bytes, value }) => {
    const json = Buffer.from(JSON.stringify(fixtures.get(fixture)));
    const { body, signed: wire } = encodeContent(json, {
      url: 'https://example.com/',
      method: 'POST',
      contentType: encoding?.startsWith('form') ? 'application/x-www-form-urlencoded' : 'application/json',
      formParameter: 'payload',
    });
    expect(body).toHaveLength(bytes ?? 0);
    const scheme = header === 'X-Virtuoso-Signature' ? virtuosoHmac : revopsHmac;
    expect(signed([scheme], [key], { id: 'e', timestampSeconds: 0, body: json, wire })[header]).toBe(value);
  });

  test('Standard Webhooks v1', () => {
    const vector = vectors.find(({ algorithm }) => algorithm === 'Standard Webhooks v1');
    const what = content(vector?.text ?? '', { id: vector?.id ?? '', timestampSeconds: Number(vector?.timestamp) });
    expect(createSigner([standardWebhooks()], [vector?.key ?? '']).headers(what)).toEqual([
      ['webhook-id', vector?.id],
      ['webhook-timestamp', vector?.timestamp],
      ['webhook-signature', vector?.value],
    ]);
  });
});

describe('libraries of others', () => {
  const text = '{"type":"user.créated","data":{"name":"Ünïcode 🎺"}}';

  test('standardwebhooks and svix verify a v1 signature, and refuse another body', () => {
    const secret = generateSecret();
    const headers = signed([standardWebhooks()], [secret], content(text));
    for (const verifier of [new StandardWebhook(secret), new SvixWebhook(secret)]) {
      expect(() => verifier.verify(text, headers)).not.toThrow();
      expect(() => verifier.verify(`${text} `, headers)).toThrow('No matching signature found');
    }
  });

  test('they verify with the old and the new secret during a rotation', () => {
    const [current, previous] = [generateSecret(), generateSecret()];
    const headers = signed([standardWebhooks()], [current, previous], content(text));
    for (const secret of [current, previous]) expect(() => new StandardWebhook(secret).verify(text, headers)).not.toThrow();
    expect(() => new StandardWebhook(generateSecret()).verify(text, headers)).toThrow('No matching signature found');
  });

  test('GitHub’s library verifies an HMAC header in its form', async () => {
    const scheme = hmacSignature({ header: 'X-Hub-Signature-256', algorithm: 'sha256', encoding: 'hex', prefix: 'sha256=' });
    const header = signed([scheme], ['a-secret-of-text'], content(text))['X-Hub-Signature-256'] ?? '';
    expect(await verifyGithub('a-secret-of-text', text, header)).toBe(true);
    expect(await verifyGithub('another-secret', text, header)).toBe(false);
  });

  test('WebCrypto verifies a v1a signature', async () => {
    const secret = generateSigningKey();
    const what = content(text);
    const [version, signature = ''] = (signed([standardWebhooks()], [secret], what)['webhook-signature'] ?? '').split(',');
    expect(version).toBe('v1a');
    const raw = Buffer.from(publicKeyOf(secret).slice('whpk_'.length), 'base64');
    const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify']);
    const data = Buffer.from(`${what.id}.${what.timestampSeconds}.${text}`);
    expect(await crypto.subtle.verify('Ed25519', key, Buffer.from(signature, 'base64'), data)).toBe(true);
  });
});

describe('headers of a signer', () => {
  test('id and timestamp are always sent, a signature only if there is a secret', () => {
    const headers = createSigner([standardWebhooks(), virtuosoHmac], []).headers(content('{}', { timestampSeconds: 5 }));
    expect(headers).toEqual([
      ['webhook-id', 'msg_1'],
      ['webhook-timestamp', '5'],
    ]);
  });

  test('secrets of both kinds sign side by side, separated by a space', () => {
    const signature = signed([standardWebhooks()], [generateSigningKey(), generateSecret()], content('{}'))['webhook-signature'];
    expect(signature).toMatch(/^v1a,[A-Za-z0-9+/]{86}== v1,[A-Za-z0-9+/]{43}=$/);
  });

  test('a legacy header has the current secret’s signature only', () => {
    const what = content('{}');
    const both = signed([revopsHmac], ['current-secret', 'previous-secret'], what);
    expect(both).toEqual(signed([revopsHmac], ['current-secret'], what));
  });

  test('a legacy HMAC is keyed with the characters of the secret, prefix included', () => {
    const secret = generateSecret();
    const asBytes = Buffer.from(secret.slice('whsec_'.length), 'base64').toString('latin1');
    const header = signed([revopsHmac], [secret], content('{}'))['X-RevOps-Content-Hmac'];
    expect(header).not.toBe(signed([revopsHmac], [asBytes], content('{}'))['X-RevOps-Content-Hmac']);
  });

  test('RVP-06: for GET the legacy HMAC covers the added query, the Standard Webhooks signature the body of POST', () => {
    const secret = generateSecret();
    const posted = content('{"event":1}');
    const got = { ...posted, wire: 'event=1' };
    const [onPost, onGet] = [posted, got].map((what) => signed([standardWebhooks(), revopsHmac], [secret], what));
    expect(onGet?.['webhook-signature']).toBe(onPost?.['webhook-signature']);
    expect(onGet?.['X-RevOps-Content-Hmac']).toBe(signed([revopsHmac], [secret], content('event=1'))['X-RevOps-Content-Hmac']);
  });

  test.each(['', 'whsec_short', `whpk_${Buffer.alloc(32).toString('base64')}`, 'whsk_short'])('the secret %j cannot sign', (secret) => {
    expect(() => createSigner([standardWebhooks()], [secret])).toThrow(RangeError);
  });

  test('an empty secret cannot create a legacy signature either', () => {
    expect(() => createSigner([revopsHmac], [''])).toThrow(RangeError);
  });
});
