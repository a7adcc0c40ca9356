import { encodeContent, resolvePolicy, type EnvelopeEvent, type JsonObject, type WebhookMethod } from '@posthorn/protocol';
import { createSigner, generateSecret } from '@posthorn/protocol/signing';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, test } from 'vitest';
import accountUpdated from './fixtures/revops-account-updated.json' with { type: 'json' };
import dealSigned from './fixtures/revops-deal-signed.json' with { type: 'json' };
import { revops } from './product.ts';
import { account, deal } from './schemas.ts';

const policy = resolvePolicy(revops);

function render({ event, data }: { event: { id: string; time: string; type: string }; data: JsonObject }): string {
  const given: EnvelopeEvent = {
    id: event.id,
    type: event.type,
    time: new Date(Number(event.time) * 1_000 + 999),
    data,
    scope: null,
    subject: null,
    sender: null,
    organization: { id: 'pigeon-labs', name: 'Pigeon Labs' },
  };
  return JSON.stringify(revops.envelope?.(given));
}

function encode(body: string, method: WebhookMethod) {
  const url = 'https://example.com/revops?source=posthorn';
  return encodeContent(Buffer.from(body), { url, method, contentType: 'application/json', formParameter: policy.formParameter });
}

function signatures(body: string, method: WebhookMethod, secret: string): Record<string, string> {
  const { signed: wire } = encode(body, method);
  const content = { id: dealSigned.event.id, timestampSeconds: Math.floor(Date.now() / 1_000), body: Buffer.from(body), wire };
  return Object.fromEntries(createSigner(policy.signatures, [secret]).headers(content));
}

describe('events', () => {
  test('RVP-01: four of deals and three of accounts, each with a group, a description and a sample', () => {
    expect(Object.entries(revops.events).map(([type, { group }]) => [group, type])).toEqual([
      ['Deals', 'deal-created'],
      ['Deals', 'deal-updated'],
      ['Deals', 'deal-signed'],
      ['Deals', 'deal-active'],
      ['Accounts', 'account-created'],
      ['Accounts', 'account-updated'],
      ['Accounts', 'account-deleted'],
    ]);
    for (const { description } of Object.values(revops.events)) expect(description).toMatch(/^[A-Z].+\.$/);
  });

  test.each(Object.entries(revops.events))('RVP-13: the sample of %s can be sent: it satisfies its schema', (type, { sample }) => {
    const schema = type.startsWith('deal-') ? deal : account;
    expect(schema.safeParse(sample).error).toBeUndefined();
  });

  test('RVP-05: an account starts as a draft, and its deletion contains its last state', () => {
    expect(revops.events['account-created'].sample).toMatchObject({ status: 'draft' });
    expect(revops.events['account-deleted'].sample).toEqual({ ...revops.events['account-updated'].sample, status: 'deleted' });
  });
});

describe('body', () => {
  test('RVP-07: event and deal, as in the document, byte for byte', () => {
    expect(render({ event: dealSigned.event, data: dealSigned.deal })).toBe(JSON.stringify(dealSigned));
  });

  test('RVP-07: event and account', () => {
    expect(render({ event: accountUpdated.event, data: accountUpdated.account })).toBe(JSON.stringify(accountUpdated));
  });

  test('RVP-07: JSON is requested and sent', () => {
    expect(policy.headers).toEqual({ accept: 'application/json' });
    expect(policy.contentTypes).toEqual(['application/json']);
  });

  test('RVP-07: money is text, so that nothing is rounded', () => {
    expect(deal.safeParse({ ...dealSigned.deal, net_price: 11400 }).success).toBe(false);
    expect(deal.safeParse({ ...dealSigned.deal, net_price: '11400.005' }).success).toBe(true);
  });

  test('columns that the document does not name are accepted, and optional ones may be missing', () => {
    expect(deal.safeParse({ id: 'd1', status: 'draft', renewal: { of: 'd0' } }).success).toBe(true);
    expect(deal.safeParse({ id: 'd1', status: 'draft', net_price: null, customer: {}, skus: [], terms: [] }).success).toBe(true);
    expect(account.safeParse({ account_id: 'a1', status: 'draft', owner: 7 }).success).toBe(true);
    expect(deal.safeParse({ status: 'draft' }).success).toBe(false);
    expect(account.safeParse({ status: 'draft' }).success).toBe(false);
  });
});

describe('delivery', () => {
  test('RVP-06: by POST, or by GET with event and object in the query', () => {
    expect(policy.methods).toEqual(['POST', 'GET']);
    const { url, body } = encode(JSON.stringify(dealSigned), 'GET');
    const parameters = new URL(url).searchParams;
    expect(body).toBeNull();
    expect([...parameters.keys()]).toEqual(['source', 'event', 'deal']);
    expect(parameters.get('event')).toBe(JSON.stringify(dealSigned.event));
    expect(parameters.get('deal')).toBe(JSON.stringify(dealSigned.deal));
  });

  test.each([
    ['deal', { ...dealSigned, deal: { ...dealSigned.deal, notes: 'x'.repeat(8_000) } }, dealSigned.deal.id],
    ['account', { ...accountUpdated, account: { ...accountUpdated.account, notes: 'x'.repeat(8_000) } }, 'pigeon-001'],
  ])('RVP-06: by GET, a %s that does not fit shrinks to its id', (name, body, id) => {
    const parameters = new URL(encode(JSON.stringify(body), 'GET').url).searchParams;
    expect(parameters.get(name)).toBe(JSON.stringify({ id }));
    expect(parameters.get('event')).toBe(JSON.stringify(body.event));
  });

  test('RVP-08: succeeds with 200 and the phrase only', () => {
    expect(policy.success).toEqual({ status: [200], bodyContains: 'RevOps API Event Received' });
  });

  test('RVP-09: is retried five times, an hour apart', () => {
    expect(policy.retry).toEqual({ kind: 'fixed', delayMs: 3_600_000, retries: 5, jitter: 0 });
    expect(policy).toMatchObject({ whenExhausted: 'nothing', disableAfterMs: null });
  });

  test('RVP-10: may take 30 seconds', () => {
    expect(policy.timeoutMs).toBe(30_000);
  });

  test('RVP-11: goes to https only', () => {
    expect(policy.url).toBe('https');
  });

  test('RVP-12: is signed as the document says', () => {
    const body = JSON.stringify(dealSigned);
    expect(signatures(body, 'POST', 'revops-verification-key')['X-RevOps-Content-Hmac']).toBe(
      'abb255c18f81d30630a7e61b462a291e9073d4edb51c8b43274b4d006cd9d8fa',
    );
    expect(signatures(JSON.stringify(accountUpdated), 'POST', 'revops-verification-key')['X-RevOps-Content-Hmac']).toBe(
      'b64e4118d4d12536a10c9be8e607288e7f99a5690a5645b14f44a24dbd45057c',
    );
  });

  test.each(['POST', 'GET'] as const)('RVP-06, RVP-12: %s is signed by Standard Webhooks over the body of POST', (method) => {
    const body = JSON.stringify(dealSigned);
    const secret = generateSecret();
    const headers = signatures(body, method, secret);
    for (const verifier of [new StandardWebhook(secret), new SvixWebhook(secret)]) {
      expect(() => verifier.verify(body, headers)).not.toThrow();
    }
  });
});
