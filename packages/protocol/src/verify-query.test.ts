import { expect, test } from 'vitest';
import { standardWebhooks } from './policy.ts';
import { createSigner, generateSecret } from './signing.ts';
import { verify, verifyQuery, WebhookVerificationError } from './verify.ts';

const SECRET = generateSecret();
const NOW = 1_800_000_000;
const now = NOW * 1_000;
const JSON_BODY = '{"event":{"id":1}}';
const ADDED = 'event=%7B%22id%22%3A1%7D';
const SENT = `own=1&${ADDED}`;

const signer = createSigner([standardWebhooks()], [SECRET, generateSecret()]);
const headers = Object.fromEntries(
  signer.headers({ id: 'msg_1', timestampSeconds: NOW, body: Buffer.from(JSON_BODY), wire: ADDED, sent: Buffer.from(SENT) }),
);

function failureOf(check: () => unknown): string {
  try {
    check();
    return 'accepted';
  } catch (error) {
    return error instanceof WebhookVerificationError ? `${error.code}: ${error.message}` : `Not of its kind: ${String(error)}`;
  }
}

test.each([`/hook?${SENT}`, `https://example.com/hook?${SENT}`, new URL(`https://example.com/?${SENT}`), `?${SENT}#part`])(
  'the query of %s is accepted',
  (url) => {
    expect(verifyQuery({ url, headers }, SECRET, { now })).toEqual({ id: 'msg_1', timestamp: new Date(now) });
  },
);

test('the query and the JSON body are signed with each secret', () => {
  expect(headers['webhook-signature']?.split(' ')).toHaveLength(4);
  for (const body of [SENT, JSON_BODY]) expect(() => verify({ body, headers }, SECRET, { now })).not.toThrow();
  expect(failureOf(() => verify({ body: ADDED, headers }, SECRET, { now }))).toContain('no_matching_signature');
});

test.each([`/hook?${SENT}&more=1`, `/hook?${ADDED}`, '/hook?'])('%s is refused', (url) => {
  expect(failureOf(() => verifyQuery({ url, headers }, SECRET, { now }))).toContain('no_matching_signature');
});

test.each([undefined, null, 5, '', '/hook', '/hook#?a=1', {}])('for the URL %j the error says what to do', (url) => {
  expect(failureOf(() => verifyQuery({ url: url as never, headers }, SECRET))).toMatch(/^invalid_body: The URL has no query string\. Pass/);
});

test('without a request, the error says what to do', () => {
  expect(failureOf(() => verifyQuery(undefined as never, SECRET))).toMatch(/^invalid_body: The URL has no query string\. Pass/);
});
