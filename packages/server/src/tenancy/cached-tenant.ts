import type { Product } from '../catalog/product.ts';
import type { TenantRows } from '../store/tenants.ts';
import type { Tenant } from './tenant.ts';
import { organizationOf, type Organization } from './model.ts';
import { resolveWebhook, type ResolvedWebhook } from './resolve-webhook.ts';
import type { SharedSettings } from './shared-settings.ts';

/** Bounds the memory: callers can choose arbitrary event types. */
const MAX_REMEMBERED_TYPES = 100;

/** A tenant in the directory's cache, with the matching webhooks of recent event types. */
export class CachedTenant implements Tenant {
  readonly organization: Organization;
  readonly version: number;
  readonly product: Product;
  readonly webhooks: ReadonlyMap<string, ResolvedWebhook>;
  isCurrent = false;
  readonly #hasScopes: boolean;
  #matching: Map<string, readonly ResolvedWebhook[]> | null = null;

  constructor({ organization: row, webhooks }: TenantRows, shared: SharedSettings) {
    this.organization = organizationOf(row, shared.product.name);
    this.version = row.version;
    this.product = shared.product;
    this.webhooks = new Map(webhooks.map((webhook) => [webhook.id, resolveWebhook(webhook, shared)]));
    this.#hasScopes = webhooks.some((webhook) => webhook.scope !== null);
  }

  match(type: string, scope: string | null): readonly ResolvedWebhook[] {
    const matching = this.#matchingType(type);
    return this.#hasScopes ? matching.filter((webhook) => webhook.scope === null || webhook.scope === scope) : matching;
  }

  wants(webhook: ResolvedWebhook, type: string, scope: string | null): boolean {
    return (webhook.scope === null || webhook.scope === scope) && webhook.wants(type);
  }

  #matchingType(type: string): readonly ResolvedWebhook[] {
    const known = this.#matching?.get(type);
    if (known) return known;
    const found = [...this.webhooks.values()].filter((webhook) => webhook.status !== 'failed' && webhook.wants(type));
    this.#matching ??= new Map();
    if (this.#matching.size >= MAX_REMEMBERED_TYPES) this.#matching.clear();
    this.#matching.set(type, found);
    return found;
  }
}
