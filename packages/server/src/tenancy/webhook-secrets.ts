import { PRIVATE_KEY_PREFIX } from '@posthorn/protocol';
import { generateSecret, generateSigningKey, publicKeyOf } from '@posthorn/protocol/signing';
import type { Sealer } from '../sealing/sealer.ts';
import type { WebhookRow } from '../store/tenants.ts';
import type { WebhookSecret } from './model.ts';

interface StoredSecret {
  readonly secret: string;
  readonly expiresAt: string | null;
}

type Sealed<Field extends 'secrets' | 'headers'> = Pick<WebhookRow, 'id' | Field>;

function secretsPlace(webhookId: string): string {
  return `webhook secrets ${webhookId}`;
}

function headersPlace(webhookId: string): string {
  return `webhook headers ${webhookId}`;
}

/** Decrypts a webhook's secrets, the current one first. */
export function openSecrets(row: Sealed<'secrets'>, sealer: Sealer): WebhookSecret[] {
  if (!row.secrets) return [];
  const stored = JSON.parse(sealer.open(row.secrets, secretsPlace(row.id))) as StoredSecret[];
  return stored.map(({ secret, expiresAt }) => ({ secret, expiresAt: expiresAt === null ? null : new Date(expiresAt) }));
}

/** Encrypts a webhook's secrets. Returns null if there are none. */
export function sealSecrets(webhookId: string, secrets: readonly WebhookSecret[], sealer: Sealer): Buffer | null {
  return secrets.length === 0 ? null : sealer.seal(JSON.stringify(secrets), secretsPlace(webhookId));
}

/** Decrypts a webhook's custom headers. They are encrypted because they may contain credentials. */
export function openHeaders(row: Sealed<'headers'>, sealer: Sealer): Record<string, string> {
  return row.headers ? (JSON.parse(sealer.open(row.headers, headersPlace(row.id))) as Record<string, string>) : {};
}

/** Encrypts a webhook's custom headers. Returns null if there are none. */
export function sealHeaders(webhookId: string, headers: Readonly<Record<string, string>>, sealer: Sealer): Buffer | null {
  return Object.keys(headers).length === 0 ? null : sealer.seal(JSON.stringify(headers), headersPlace(webhookId));
}

/** Returns the stored secrets, re-encrypted if an older key encrypted them. */
export function sealedSecrets(row: Sealed<'secrets'>, sealer: Sealer): Buffer | null {
  return row.secrets && sealer.isOutdated(row.secrets) ? sealSecrets(row.id, openSecrets(row, sealer), sealer) : row.secrets;
}

/** Returns the stored headers, re-encrypted if an older key encrypted them. */
export function sealedHeaders(row: Sealed<'headers'>, sealer: Sealer): Buffer | null {
  return row.headers && sealer.isOutdated(row.headers) ? sealHeaders(row.id, openHeaders(row, sealer), sealer) : row.headers;
}

/** Returns the secrets that keep signing beside a new one, each until `until` or its own expiry, whichever is first. */
export function overlapping(secrets: readonly WebhookSecret[], { now, until }: { now: number; until: number }): WebhookSecret[] {
  return secrets
    .map((old) => ({ ...old, expiresAt: new Date(Math.min(until, old.expiresAt?.getTime() ?? until)) }))
    .filter((old) => old.expiresAt.getTime() > now);
}

/** Generates a secret of the same kind as the current one: an ed25519 key or, by default, an HMAC secret. */
export function newSecretLike(current: string | null): string {
  return current?.startsWith(PRIVATE_KEY_PREFIX) ? generateSigningKey() : generateSecret();
}

/** Returns the public key if the current secret is an ed25519 key; null: receivers need the secret. */
export function publicKey(secrets: readonly WebhookSecret[]): string | null {
  const [current] = secrets;
  return current?.secret.startsWith(PRIVATE_KEY_PREFIX) ? publicKeyOf(current.secret) : null;
}
