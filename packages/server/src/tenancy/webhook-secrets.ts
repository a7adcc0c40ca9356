import type { Sealer } from '../store/sealing.ts';
import type { WebhookRow } from '../store/tenants.ts';
import type { WebhookSecret } from './model.ts';

interface StoredSecret {
  readonly secret: string;
  readonly expiresAt: string | null;
}

function secretsPlace(webhookId: string): string {
  return `webhook secrets ${webhookId}`;
}

function headersPlace(webhookId: string): string {
  return `webhook headers ${webhookId}`;
}

/** A webhook's secrets, the current one first. */
export function openSecrets(row: Pick<WebhookRow, 'id' | 'secrets'>, sealer: Sealer): WebhookSecret[] {
  if (!row.secrets) return [];
  const stored = JSON.parse(sealer.open(row.secrets, secretsPlace(row.id))) as StoredSecret[];
  return stored.map(({ secret, expiresAt }) => ({ secret, expiresAt: expiresAt === null ? null : new Date(expiresAt) }));
}

/** null where there is none. */
export function sealSecrets(webhookId: string, secrets: readonly WebhookSecret[], sealer: Sealer): Buffer | null {
  return secrets.length === 0 ? null : sealer.seal(JSON.stringify(secrets), secretsPlace(webhookId));
}

/** A webhook's custom headers: they may carry credentials. */
export function openHeaders(row: Pick<WebhookRow, 'id' | 'headers'>, sealer: Sealer): Record<string, string> {
  return row.headers ? (JSON.parse(sealer.open(row.headers, headersPlace(row.id))) as Record<string, string>) : {};
}

/** null where there is none. */
export function sealHeaders(webhookId: string, headers: Readonly<Record<string, string>>, sealer: Sealer): Buffer | null {
  return Object.keys(headers).length === 0 ? null : sealer.seal(JSON.stringify(headers), headersPlace(webhookId));
}
