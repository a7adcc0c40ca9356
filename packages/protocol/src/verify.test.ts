import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, test } from 'vitest';
import { hmacSignature, standardWebhooks } from './policy.ts';
import { createSigner, generateSecret, generateSigningKey, publicKeyOf } from './signing.ts';
import {
  verify,
  verifyHmac,
  WebhookVerificationError,
  type ReceivedBody,
  type ReceivedHeaders,
  type ReceivedWebhook,
  type VerificationCode,
} from './verify.ts';

const SECRET = generateSecret();
const SIGNING_KEY = generateSigningKey();
const PUBLIC_KEY = publicKeyOf(SIGNING_KEY);
const NOW = 1_800_000_000;
const BODY = '{"type":"user.created","data":{"name":"Ünïcode"}}';

const SCHEMES = [
  { header: 'X-RevOps-Content-Hmac', algorithm: 'sha256', encoding: 'hex' },
  { header: 'X-Virtuoso-Signature', algorithm: 'sha1', encoding: 'hex', prefix: 'sha1=' },
  { header: 'X-Shop', algorithm: 'sha512', encoding: 'base64' },
] as const;

type Headers3 = Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>;

function sign(body: string | Uint8Array, more: { secrets?: string[]; id?: string; seconds?: number } = {}): Headers3 {
  const bytes = Buffer.from(body);
  const { secrets = [SECRET], id = 'msg_1', seconds = NOW } = more;
  const headers = createSigner([standardWebhooks()], secrets).headers({ id, timestampSeconds: seconds, body: bytes, wire: bytes });
  return { 'webhook-id': '', 'webhook-timestamp': '', 'webhook-signature': '', ...Object.fromEntries(headers) };
}

function codeOf(check: () => unknown): VerificationCode | 'accepted' {
  try {
    check();
    return 'accepted';
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.code;
    throw error;
  }
}

function messageOf(check: () => unknown): string {
  try {
    check();
    return 'accepted';
  } catch (error) {
    return error instanceof WebhookVerificationError ? `${error.code}: ${error.message}` : `Not of its kind: ${String(error)}`;
  }
}

function outcome(headers: ReceivedHeaders, more: { body?: ReceivedBody; secret?: string; now?: number; toleranceSeconds?: number } = {}) {
  const { body = BODY, secret = SECRET, now = NOW * 1_000, ...options } = more;
  return codeOf(() => verify({ body, headers }, secret, { now, ...options }));
}

describe('verify takes what was signed', () => {
  test.each([
    ['a whsec_ secret', SECRET, SECRET],
    ['a secret of text', 'just-some-text', 'just-some-text'],
    ['an ed25519 key', SIGNING_KEY, PUBLIC_KEY],
  ])('with %s, whatever the id, time and bytes', (_what, signing, verifying) => {
    const id = fc.stringMatching(/^[\x21-\x2d\x2f-\x7e]{1,60}$/);
    fc.assert(
      fc.property(id, fc.nat(4_000_000_000), fc.uint8Array({ maxLength: 200 }), (one, seconds, body) => {
        const headers = sign(body, { secrets: [signing], id: one, seconds });
        const verified = verify({ body, headers }, verifying, { now: seconds * 1_000 });
        expect(verified).toEqual({ id: one, timestamp: new Date(seconds * 1_000) });
      }),
      { numRuns: 50 },
    );
  });

  test('as text or as bytes', () => {
    expect(outcome(sign(BODY), { body: BODY })).toBe('accepted');
    expect(outcome(sign(BODY), { body: new TextEncoder().encode(BODY) })).toBe('accepted');
  });

  test('with headers as fetch, node, and any spelling gives them', () => {
    const headers = sign(BODY);
    const spelled = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
    const distinct = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
    const map = new Map(Object.entries(spelled));
    const titled = new Map(Object.entries(headers).map(([name, value]) => [name.replaceAll(/\b\w/g, (c) => c.toUpperCase()), value]));
    const several = new Map(Object.entries(distinct));
    const onlyGet = { get: (name: string) => new Headers(headers).get(name) };
    const getsNothing = { get: (name: string) => (name in headers ? headers[name as keyof Headers3] : undefined) };
    for (const given of [new Headers(headers), map, titled, several, [...titled], spelled, distinct, onlyGet, getsNothing]) {
      expect(outcome(given)).toBe('accepted');
    }
  });

  test('with a body in any of the forms that bytes have', () => {
    const bytes = new TextEncoder().encode(BODY);
    const padded = new Uint8Array(bytes.length + 8);
    padded.set(bytes, 4);
    const view = new DataView(padded.buffer, 4, bytes.length) as unknown as Uint8Array;
    const foreign = runInNewContext('new Uint8Array(bytes).buffer', { bytes: [...bytes] }) as ArrayBuffer;
    for (const body of [bytes.buffer, foreign, Buffer.from(BODY), padded.subarray(4, 4 + bytes.length), view]) {
      expect(outcome(sign(BODY), { body })).toBe('accepted');
    }
  });

  test.each([
    ['a version yet to come', 'v2,abc-_:1'],
    ['a long one', `v1b,${'A'.repeat(4_412)}`],
    ['one without a value', 'v9'],
    ['something else', 'sha256=abc'],
  ])('beside a signature of a scheme that it does not know: %s', (_what, other) => {
    const headers = sign(BODY);
    const signature = headers['webhook-signature'];
    for (const both of [`${other} ${signature}`, `${signature} ${other}`, `${other} ${signature} ${other}`]) {
      expect(outcome({ ...headers, 'webhook-signature': both })).toBe('accepted');
      expect(outcome({ ...headers, 'webhook-signature': both }, { secret: generateSecret() })).toBe('no_matching_signature');
    }
  });

  test('any of several signatures counts, and those of unknown versions are ignored', () => {
    const headers = sign(BODY, { secrets: [generateSecret(), SIGNING_KEY, SECRET] });
    const withUnknown = { ...headers, 'webhook-signature': `v2,abcd= ${headers['webhook-signature']}` };
    expect(outcome(withUnknown)).toBe('accepted');
    expect(outcome(withUnknown, { secret: PUBLIC_KEY })).toBe('accepted');
    expect(outcome(withUnknown, { secret: generateSecret() })).toBe('no_matching_signature');
  });

  test('by standardwebhooks and by svix', () => {
    const at = new Date(NOW * 1_000);
    for (const signer of [new StandardWebhook(SECRET), new SvixWebhook(SECRET)]) {
      expect(outcome({ ...sign(BODY), 'webhook-signature': signer.sign('msg_1', at, BODY) })).toBe('accepted');
      expect(outcome({ ...sign(BODY), 'webhook-signature': signer.sign('msg_2', at, BODY) })).toBe('no_matching_signature');
    }
  });
});

describe('verify refuses', () => {
  test.each([
    ['v1', SECRET, SECRET],
    ['v1a', SIGNING_KEY, PUBLIC_KEY],
  ])('%s: a body with any bit flipped', (_version, signing, verifying) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), fc.nat(7), (body, place, bit) => {
        const headers = sign(body, { secrets: [signing] });
        const turned = Uint8Array.from(body);
        const at = place % body.length;
        turned[at] = (turned[at] ?? 0) ^ (1 << bit);
        expect(outcome(headers, { body: turned, secret: verifying })).toBe('no_matching_signature');
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['v1', SECRET, SECRET],
    ['v1a', SIGNING_KEY, PUBLIC_KEY],
  ])('%s: a header with any character changed', (_version, signing, verifying) => {
    const headers = sign(BODY, { secrets: [signing] });
    fc.assert(
      fc.property(
        fc.constantFrom('webhook-id', 'webhook-timestamp', 'webhook-signature'),
        fc.nat(),
        fc.stringMatching(/^[\x20-\x7e]$/),
        (name: keyof Headers3, place, character) => {
          const value = headers[name];
          const at = place % value.length;
          fc.pre(value[at] !== character);
          const changed = { ...headers, [name]: value.slice(0, at) + character + value.slice(at + 1) };
          expect(outcome(changed, { secret: verifying })).not.toBe('accepted');
        },
      ),
    );
  });

  test('other spellings of the same signature bytes', () => {
    const headers = sign(BODY);
    const loose = headers['webhook-signature'].replace(/=$/, '');
    expect(outcome({ ...headers, 'webhook-signature': loose })).toBe('no_matching_signature');
    const asymmetric = sign(BODY, { secrets: [SIGNING_KEY] });
    const unpadded = asymmetric['webhook-signature'].replace(/=+$/, '');
    expect(outcome({ ...asymmetric, 'webhook-signature': unpadded }, { secret: PUBLIC_KEY })).toBe('no_matching_signature');
  });

  test('a v1 signature offered as v1a, and the reverse', () => {
    const [symmetric, asymmetric] = [sign(BODY), sign(BODY, { secrets: [SIGNING_KEY] })];
    const swap = (headers: Headers3, from: string, to: string) => ({
      ...headers,
      'webhook-signature': headers['webhook-signature'].replace(from, to),
    });
    expect(outcome(swap(symmetric, 'v1,', 'v1a,'))).toBe('no_matching_signature');
    expect(outcome(swap(asymmetric, 'v1a,', 'v1,'), { secret: PUBLIC_KEY })).toBe('no_matching_signature');
  });

  test.each([
    [0, 'accepted'],
    [-300, 'accepted'],
    [300, 'accepted'],
    [-301, 'timestamp_too_old'],
    [301, 'timestamp_too_new'],
  ])('a timestamp %i seconds off: %s', (offset, expected) => {
    expect(outcome(sign(BODY, { seconds: NOW + offset }))).toBe(expected);
  });

  test('every timestamp, if tolerance or clock is NaN', () => {
    expect(outcome(sign(BODY), { toleranceSeconds: Number.NaN })).toBe('timestamp_too_old');
    expect(outcome(sign(BODY), { now: Number.NaN })).toBe('timestamp_too_old');
  });

  test.each(['1.5', '1e9', '-5', '+5', ' 5', '5 ', '0x10', '05', '', '9'.repeat(20), 'now', '١٢٣'])('the timestamp %j', (timestamp) => {
    const code = timestamp === '' ? 'missing_header' : 'malformed_header';
    expect(outcome({ ...sign(BODY), 'webhook-timestamp': timestamp })).toBe(code);
  });

  test.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const)('a request without %s', (name) => {
    const { [name]: _left, ...rest } = sign(BODY);
    expect(outcome(rest)).toBe('missing_header');
    expect(outcome({ ...rest, [name]: '' })).toBe('missing_header');
    expect(outcome(new Headers(rest))).toBe('missing_header');
  });

  test.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const)('%s twice', (name) => {
    const headers = sign(BODY);
    expect(outcome({ ...headers, [name]: [headers[name], headers[name]] })).toBe('malformed_header');
    expect(outcome({ ...headers, [name.toUpperCase()]: headers[name] })).toBe('malformed_header');
    const fetched = new Headers(headers);
    fetched.append(name, headers[name]);
    expect(outcome(fetched)).toBe('malformed_header');
  });

  test.each([
    'v1',
    'abc',
    'v1,',
    ',abc=',
    'v1:abc=',
    'v1,abc=,',
    'v1,a~ c=',
    'sha256=abc',
    'x1,abc=',
    'v1,abc====',
    'v1,é',
    ' v1,abc=',
    'v1,abc=  v1,abc=',
  ])('the signature header %j', (signature) => {
    expect(outcome({ ...sign(BODY), 'webhook-signature': signature })).toBe('malformed_header');
  });

  test('too many signatures, even if the right one is among them', () => {
    const headers = sign(BODY);
    const many = (count: number) => ({
      ...headers,
      'webhook-signature': [...Array.from({ length: count - 1 }, () => 'v1,abcd'), headers['webhook-signature']].join(' '),
    });
    expect(outcome(many(20))).toBe('accepted');
    expect(outcome(many(21))).toBe('malformed_header');
    expect(outcome({ ...headers, 'webhook-signature': `v1,${'a'.repeat(5_000_000)}` })).toBe('malformed_header');
    expect(outcome({ ...headers, 'webhook-id': 'x'.repeat(257) })).toBe('malformed_header');
    expect(outcome({ ...headers, 'webhook-id': 'msg.1' })).toBe('malformed_header');
  });

  test.each([
    ['an empty secret', ''],
    ['an empty key', 'whsec_'],
    ['a short key', 'whsec_AAAA'],
    ['a signing key', SIGNING_KEY],
    ['a broken public key', 'whpk_AAAA'],
  ])('everything, where the receiver holds %s', (_what, secret) => {
    expect(outcome(sign(BODY), { secret })).toBe('invalid_secret');
  });

  test('a Map that holds a header in two spellings', () => {
    const headers = sign(BODY);
    expect(outcome(new Map([...Object.entries(headers), ['Webhook-Id', 'msg_2']]))).toBe('malformed_header');
  });

  test.each<[string, unknown]>([
    ['a parsed body', { type: 'a' }],
    ['what a parser leaves of another content type', {}],
    ['an array', []],
    ['a number', 7],
    ['no body', undefined],
    ['null', null],
    ['a stream', new Blob([BODY]).stream()],
  ])('%s, and says how to get the raw bytes', (_what, body) => {
    const message = messageOf(() => verify({ body: body as string, headers: sign(BODY) }, SECRET, { now: NOW * 1_000 }));
    expect(message).toMatch(/^invalid_body: The body is .* Pass the raw bytes of the body/);
  });

  test.each([undefined, null, BODY, 7])('something that is not a request: %j', (received) => {
    const check = () => verify(received as unknown as ReceivedWebhook, SECRET);
    expect(messageOf(check)).toMatch(/^invalid_body: The body is missing\. Pass the raw bytes/);
  });

  test('an empty body, and says what may have read it', () => {
    expect(messageOf(() => verify({ body: '', headers: sign(BODY) }, SECRET, { now: NOW * 1_000 }))).toMatch(
      /^no_matching_signature: .*The body is empty\. Check that no body parser/,
    );
  });

  test.each<[unknown, string]>([
    [undefined, 'it is missing'],
    [null, 'it is missing'],
    ['', 'it is empty'],
    [7, 'it is not text but of type number'],
    [[SECRET], 'it is not text but of type object'],
  ])('everything if the secret is %j, and says so', (secret, problem) => {
    const [scheme] = SCHEMES;
    for (const check of [
      () => verify({ body: BODY, headers: sign(BODY) }, secret as string, { now: NOW * 1_000 }),
      () => verifyHmac({ body: BODY, headers: { [scheme.header]: 'x' } }, secret as string, scheme),
    ]) {
      expect(messageOf(check)).toContain(`invalid_secret: The secret cannot verify: ${problem}`);
    }
  });

  test('any other input, with a WebhookVerificationError', () => {
    const [scheme] = SCHEMES;
    const headers = fc.oneof(fc.anything(), fc.constant(sign(BODY)));
    const secret = fc.oneof(fc.anything(), fc.constant(SECRET), fc.constant(PUBLIC_KEY));
    fc.assert(
      fc.property(fc.anything(), headers, secret, (body, given, key) => {
        const request = { body, headers: given } as { body: string; headers: ReceivedHeaders };
        expect(codeOf(() => verify(request, key as string))).not.toBe('accepted');
        expect(codeOf(() => verifyHmac(request, key as string, scheme))).not.toBe('accepted');
      }),
      { numRuns: 1_000 },
    );
  });

  test('a name that every object inherits as a header', () => {
    expect(outcome({ ...sign(BODY), toString: 'x' })).toBe('accepted');
    expect(
      codeOf(() => verifyHmac({ body: BODY, headers: {} }, SECRET, { header: 'constructor', algorithm: 'sha1', encoding: 'hex' })),
    ).toBe('missing_header');
  });
});

describe('verifyHmac', () => {
  test.each(SCHEMES)('accepts $header over the exact bytes only', (scheme) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.string({ minLength: 1 }), (body, secret) => {
        const signer = createSigner([hmacSignature(scheme)], [secret]);
        const headers = Object.fromEntries(signer.headers({ id: 'e', timestampSeconds: 1, body, wire: body }));
        expect(codeOf(() => verifyHmac({ body, headers }, secret, scheme))).toBe('accepted');
        expect(codeOf(() => verifyHmac({ body: body.subarray(1), headers }, secret, scheme))).toBe('no_matching_signature');
        expect(codeOf(() => verifyHmac({ body, headers }, `${secret}x`, scheme))).toBe('no_matching_signature');
      }),
      { numRuns: 30 },
    );
  });

  test('a missing header, an empty secret', () => {
    const [scheme] = SCHEMES;
    expect(codeOf(() => verifyHmac({ body: BODY, headers: {} }, 'secret', scheme))).toBe('missing_header');
    expect(codeOf(() => verifyHmac({ body: BODY, headers: {} }, '', scheme))).toBe('invalid_secret');
  });
});
