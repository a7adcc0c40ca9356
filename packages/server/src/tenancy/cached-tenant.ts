import type { Product } from '../catalog/product.ts';
import type { TenantRows } from '../store/tenants.ts';
import type { Tenant } from './directory.ts';
import type { Organization } from './model.ts';
import { resolveWebhook, type ResolvedWebhook } from './resolve-webhook.ts';
import type { SharedSettings } from './shared-settings.ts';

/** Types are the callers' to choose: the memory of them is bounded. */
const MAX_REMEMBERED_TYPES = 100;

/** A tenant as the directory keeps it: what is asked of it again and again is worked out once. */
export class CachedTenant implements Tenant {
  readonly organization: Organization;
  readonly version: number;
  readonly product: Product;
  readonly webhooks: ReadonlyMap<string, ResolvedWebhook>;
  isCurrent = false;
  readonly #hasScopes: boolean;
  #listening: Map<string, readonly ResolvedWebhook[]> | null = null;

  constructor({ organization: row, webhooks }: TenantRows, shared: SharedSettings) {
    this.organization = {
      key: row.key,
      id: row.id,
      name: row.name,
      product: shared.product.name,
      timeZone: row.time_zone,
      inbound: row.inbound,
      contactEmail: row.contact_email,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
    this.version = row.version;
    this.product = shared.product;
    this.webhooks = new Map(webhooks.map((webhook) => [webhook.id, resolveWebhook(webhook, shared)]));
    this.#hasScopes = webhooks.some((webhook) => webhook.scope !== null);
  }

  match(type: string, scope: string | null): readonly ResolvedWebhook[] {
    const listening = this.#listeningTo(type);
    return this.#hasScopes ? listening.filter((webhook) => webhook.scope === null || webhook.scope === scope) : listening;
  }

  wants(webhook: ResolvedWebhook, type: string, scope: string | null): boolean {
    return (webhook.scope === null || webhook.scope === scope) && webhook.wants(type);
  }

  #listeningTo(type: string): readonly ResolvedWebhook[] {
    const known = this.#listening?.get(type);
    if (known) return known;
    const found = [...this.webhooks.values()].filter((webhook) => webhook.status !== 'failed' && webhook.wants(type));
    this.#listening ??= new Map();
    if (this.#listening.size >= MAX_REMEMBERED_TYPES) this.#listening.clear();
    this.#listening.set(type, found);
    return found;
  }
}
