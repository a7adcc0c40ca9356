import { createHmac } from 'node:crypto';
import { DEFAULT_POLICY, hmacSignature, standardWebhooks } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { loadProduct } from '../catalog/load-product.ts';
import { createSealer } from '../sealing/sealer.ts';
import type { WebhookRow } from '../store/tenants.ts';
import { resolveWebhook, showWebhook } from './resolve-webhook.ts';
import { SharedSettings } from './shared-settings.ts';
import { newSecretLike, sealHeaders, sealSecrets } from './webhook-secrets.ts';

const ID = '01900000-0000-7000-8000-000000000001';
const NOW = Date.UTC(2026, 0, 1);
const sealer = createSealer(['a key']);
const product = await loadProduct({
  name: 'shop',
  anyEvent: true,
  events: {},
  delivery: {
    headers: { Accept: 'application/json', 'X-Shop': '1' },
    signatures: [standardWebhooks(), hmacSignature({ header: 'X-Hmac', algorithm: 'sha256', encoding: 'hex' })],
  },
});

function row(more: Partial<WebhookRow> = {}): WebhookRow {
  return {
    id: ID,
    organization_key: 1,
    url: 'https://example.com/',
    events: ['*'],
    scope: null,
    method: null,
    content_type: null,
    headers: null,
    secrets: null,
    retry: null,
    success: null,
    timeout_ms: null,
    rate_limit: null,
    ordered: null,
    status: 'active',
    health_version: 1,
    failing_since: null,
    missed_since: null,
    description: null,
    status_reason: null,
    status_changed_at: new Date(NOW),
    created_at: new Date(NOW),
    updated_at: new Date(NOW),
    ...more,
  };
}

const signed = { id: 'evt', timestampSeconds: 1, body: Buffer.from('{}'), wire: Buffer.from('{}') };
const shared = new SharedSettings(product, sealer);
const signatures = (webhook: ReturnType<typeof resolveWebhook>, nowMs: number) => new Map(webhook.signer(nowMs).headers(signed));

test('settings that a webhook leaves open come from its product', () => {
  expect(resolveWebhook(row(), shared)).toMatchObject({
    method: 'POST',
    contentType: 'application/json',
    success: DEFAULT_POLICY.success,
    retry: DEFAULT_POLICY.retry,
    timeoutMs: 20_000,
    rateLimit: null,
    ordered: false,
    whenExhausted: 'nothing',
    hasSecret: false,
  });
  const own = resolveWebhook(row({ timeout_ms: 500, ordered: true, retry: { kind: 'none' }, rate_limit: 2.5 }), shared);
  expect(own).toMatchObject({ timeoutMs: 500, ordered: true, retry: { kind: 'none' }, rateLimit: 2.5 });
});

test('webhooks with the same settings and subscription share them', () => {
  const one = resolveWebhook(row({ retry: { kind: 'fixed', delayMs: 5, retries: 1 }, events: ['a', 'b'] }), shared);
  const other = resolveWebhook(row({ retry: { kind: 'fixed', delayMs: 5, retries: 1 }, events: ['a', 'b'] }), shared);
  expect(one.retry).toBe(other.retry);
  expect(one.events).toBe(other.events);
});

test('a webhook’s own header replaces the product’s of the same name', () => {
  const headers = sealHeaders(ID, { accept: 'text/plain', 'X-Own': 'é' }, sealer);
  expect(resolveWebhook(row({ headers }), shared).headers).toEqual([
    ['X-Shop', '1'],
    ['accept', 'text/plain'],
    ['X-Own', 'é'],
  ]);
  expect(showWebhook(row({ headers }), product, sealer).ownHeaders).toEqual({ accept: 'text/plain', 'X-Own': 'é' });
});

test('it signs with every valid secret, and stops using one as soon as it expires', () => {
  const [current, old] = [newSecretLike(null), newSecretLike(null)];
  const secrets = sealSecrets(
    ID,
    [
      { secret: current, expiresAt: null },
      { secret: old, expiresAt: new Date(NOW + 1_000) },
    ],
    sealer,
  );
  const webhook = resolveWebhook(row({ secrets }), shared);
  const both = signatures(webhook, NOW);
  expect(both.get('webhook-signature')?.split(' ')).toHaveLength(2);
  expect(both.get('X-Hmac')).toBe(createHmac('sha256', current).update('{}').digest('hex'));
  expect(webhook.signer(NOW + 999)).toBe(webhook.signer(NOW));
  expect(signatures(webhook, NOW + 1_000).get('webhook-signature')).toBe(both.get('webhook-signature')?.split(' ')[0]);
});

test('of many webhooks only the most recently used keep decrypted secrets', () => {
  const few = new SharedSettings(product, sealer, 2);
  const secrets = sealSecrets(ID, [{ secret: newSecretLike(null), expiresAt: null }], sealer);
  const [first, second, third] = [0, 1, 2].map(() => resolveWebhook(row({ secrets }), few));
  const opened = [first, second, third].map((webhook) => webhook?.signer(NOW));
  expect(second?.signer(NOW)).toBe(opened[1]);
  expect(third?.signer(NOW)).toBe(opened[2]);
  expect(first?.signer(NOW)).not.toBe(opened[0]);
  expect(first?.signer(NOW)).toBe(first?.signer(NOW));
  expect(second?.signer(NOW)).not.toBe(opened[1]);
});

test('without a secret it sends id and timestamp, but no signature', () => {
  expect([...signatures(resolveWebhook(row(), shared), NOW).keys()]).toEqual(['webhook-id', 'webhook-timestamp']);
});

test('the secrets of another webhook cannot be decrypted', () => {
  const secrets = sealSecrets('01900000-0000-7000-8000-000000000002', [{ secret: newSecretLike(null), expiresAt: null }], sealer);
  expect(() => resolveWebhook(row({ secrets }), shared).signer(NOW)).toThrow('authenticate');
});

test('the public key is shown if it signs with an ed25519 key', () => {
  const first = newSecretLike(null);
  expect(newSecretLike(first)).toMatch(/^whsec_/);
  const key = newSecretLike('whsk_x');
  expect(key).toMatch(/^whsk_/);
  const shown = (secret: string) =>
    showWebhook(row({ secrets: sealSecrets(ID, [{ secret, expiresAt: null }], sealer) }), product, sealer).publicKey;
  expect(shown(key)).toMatch(/^whpk_/);
  expect(shown(first)).toBeNull();
});
