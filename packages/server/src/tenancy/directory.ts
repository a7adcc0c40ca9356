import { LRUCache } from 'lru-cache';
import type { Catalog } from '../catalog/catalog.ts';
import type { Product } from '../catalog/product.ts';
import type { Database } from '../store/database.ts';
import type { Sealer } from '../store/sealing.ts';
import { readTenants, type TenantRows } from '../store/tenants.ts';
import type { Organization } from './model.ts';
import { resolveWebhook, type ResolvedWebhook } from './resolve-webhook.ts';

/** An organization with its product and webhooks, as of one version. */
export interface Tenant {
  readonly organization: Organization;
  /** Grows with every change that may alter what an event matches. */
  readonly version: number;
  readonly product: Product;
  readonly webhooks: ReadonlyMap<string, ResolvedWebhook>;
  /** Webhooks that an event goes to: active and paused ones (for those it is held), not failed ones. */
  match(type: string, scope: string | null): readonly ResolvedWebhook[];
  /** Whether a webhook's scope and patterns take the event, whatever its status. */
  wants(webhook: ResolvedWebhook, type: string, scope: string | null): boolean;
}

export interface DirectoryOptions {
  readonly database: Database;
  readonly catalog: Catalog;
  readonly sealer: Sealer;
  /** Organizations kept. */
  readonly maxOrganizations?: number;
}

interface Asked {
  readonly id: string | null;
  readonly key: number | null;
  readonly resolve: (tenant: Tenant | null) => void;
  readonly reject: (error: unknown) => void;
}

const ORGANIZATION_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const DEFAULT_MAX_ORGANIZATIONS = 50_000;

/** Organizations by id and key, cached. All that is asked for in one turn of the event loop shares one read. */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #byKey: LRUCache<number, Tenant>;
  readonly #keyOfId = new Map<string, number>();
  #asked: Asked[] = [];
  /** Grows with every invalidation: a read that began before one is not kept. */
  #generation = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#byKey = new LRUCache({
      max: options.maxOrganizations ?? DEFAULT_MAX_ORGANIZATIONS,
      dispose: (tenant) => this.#keyOfId.delete(tenant.organization.id),
    });
  }

  /** By the id that callers say. */
  find(id: string): Promise<Tenant | null> {
    // What no organization can be called is not asked for: a NUL would fail the read that others share.
    if (!ORGANIZATION_ID.test(id)) return Promise.resolve(null);
    const key = this.#keyOfId.get(id);
    const known = key === undefined ? undefined : this.#byKey.get(key);
    return known ? Promise.resolve(known) : this.#ask({ id, key: null });
  }

  findByKey(key: number): Promise<Tenant | null> {
    const known = this.#byKey.get(key);
    return known ? Promise.resolve(known) : this.#ask({ id: null, key });
  }

  /** What is cached, without asking. */
  peek(key: number): Tenant | undefined {
    return this.#byKey.get(key);
  }

  /** Reads anew, past the cache. */
  reload(key: number): Promise<Tenant | null> {
    this.invalidate(key);
    return this.findByKey(key);
  }

  /** Something of the organization changed. */
  invalidate(key: number): void {
    this.#generation++;
    this.#byKey.delete(key);
  }

  /** Changes may have been missed. */
  clear(): void {
    this.#generation++;
    this.#byKey.clear();
    this.#keyOfId.clear();
  }

  #ask(wanted: { id: string | null; key: number | null }): Promise<Tenant | null> {
    return new Promise((resolve, reject) => {
      if (this.#asked.push({ ...wanted, resolve, reject }) === 1) setImmediate(() => void this.#read());
    });
  }

  async #read(): Promise<void> {
    const asked = this.#asked.splice(0);
    const generation = this.#generation;
    try {
      const rows = await readTenants(this.#options.database, {
        ids: [...new Set(asked.flatMap(({ id }) => id ?? []))],
        keys: [...new Set(asked.flatMap(({ key }) => key ?? []))],
      });
      const tenants = rows.flatMap((row) => makeTenant(row, this.#options) ?? []);
      if (generation === this.#generation) for (const tenant of tenants) this.#keep(tenant);
      const byId = new Map(tenants.map((tenant) => [tenant.organization.id, tenant]));
      const byKey = new Map(tenants.map((tenant) => [tenant.organization.key, tenant]));
      for (const { id, key, resolve } of asked) resolve((id === null ? byKey.get(key ?? -1) : byId.get(id)) ?? null);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  #keep(tenant: Tenant): void {
    this.#byKey.set(tenant.organization.key, tenant);
    this.#keyOfId.set(tenant.organization.id, tenant.organization.key);
  }
}

/** null: its product is not loaded here. */
function makeTenant({ organization: row, webhooks: rows }: TenantRows, { catalog, sealer }: DirectoryOptions): Tenant | null {
  const product = catalog.product(row.product);
  if (!product) return null;
  const webhooks = new Map(rows.map((webhook) => [webhook.id, resolveWebhook(webhook, product, sealer)]));
  const listening = [...webhooks.values()].filter((webhook) => webhook.status !== 'failed');
  const matches = new Map<string, readonly ResolvedWebhook[]>();
  const wants = (webhook: ResolvedWebhook, type: string, scope: string | null): boolean =>
    (webhook.scope === null || webhook.scope === scope) && webhook.wants(type);
  return {
    organization: {
      key: row.key,
      id: row.id,
      name: row.name,
      product: row.product,
      timeZone: row.time_zone,
      inbound: row.inbound,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    },
    version: row.version,
    product,
    webhooks,
    wants,
    match(type, scope) {
      const name = scope === null ? type : `${type}\n${scope}`;
      const known = matches.get(name);
      if (known) return known;
      const found = listening.filter((webhook) => wants(webhook, type, scope));
      // Types and scopes are the callers' to choose: the memory of them is bounded.
      if (matches.size >= MAX_REMEMBERED_MATCHES) matches.clear();
      matches.set(name, found);
      return found;
    },
  };
}

const MAX_REMEMBERED_MATCHES = 1_000;
