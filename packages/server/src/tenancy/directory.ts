import { LRUCache } from 'lru-cache';
import type { Catalog } from '../catalog/catalog.ts';
import type { Product } from '../catalog/product.ts';
import type { Database } from '../store/database.ts';
import type { Sealer } from '../sealing/sealer.ts';
import { readTenants, type TenantRows } from '../store/tenants.ts';
import { CachedTenant } from './cached-tenant.ts';
import { SharedSettings } from './shared-settings.ts';
import type { Tenant } from './tenant.ts';

export interface DirectoryOptions {
  readonly database: Database;
  readonly catalog: Catalog;
  readonly sealer: Sealer;
  /** Maximum number of cached organizations and webhooks together. A webhook takes about 0.5 kB. */
  readonly maxEntries?: number;
}

interface Asked {
  readonly id: string | null;
  readonly key: number | null;
  readonly resolve: (tenant: Tenant | null) => void;
  readonly reject: (error: unknown) => void;
}

/** A read in progress, and the changes since it began. Results that may be outdated are not cached. */
interface Read {
  readonly invalidated: Set<number>;
  cleared: boolean;
}

const ORGANIZATION_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const DEFAULT_MAX_ENTRIES = 400_000;

/** Caches organizations by id and key. Look-ups in the same turn of the event loop share one database read. */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #byId: LRUCache<string, CachedTenant>;
  readonly #byKey = new Map<number, CachedTenant>();
  readonly #shared = new Map<Product, SharedSettings>();
  readonly #reads = new Set<Read>();
  #asked: Asked[] = [];

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#byId = new LRUCache({
      maxSize: options.maxEntries ?? DEFAULT_MAX_ENTRIES,
      sizeCalculation: (tenant) => 1 + tenant.webhooks.size,
      dispose: (tenant) => {
        tenant.isCurrent = false;
        this.#byKey.delete(tenant.organization.key);
      },
    });
  }

  /** Finds an organization by its public id; null: there is none. */
  find(id: string): Promise<Tenant | null> {
    // Skips impossible ids: a NUL would fail the read that other look-ups share.
    if (!ORGANIZATION_ID.test(id)) return Promise.resolve(null);
    const known = this.#byId.get(id);
    return known ? Promise.resolve(known) : this.#ask({ id, key: null });
  }

  findByKey(key: number): Promise<Tenant | null> {
    const known = this.#byKey.get(key);
    return known ? Promise.resolve(known) : this.#ask({ id: null, key });
  }

  /** Returns the cached organization without reading the database. */
  peek(key: number): Tenant | undefined {
    return this.#byKey.get(key);
  }

  /** Reads the organization from the database, without the cache. */
  reload(key: number): Promise<Tenant | null> {
    this.invalidate(key);
    return this.findByKey(key);
  }

  /** Drops the organization from the cache after a change. */
  invalidate(key: number): void {
    for (const read of this.#reads) read.invalidated.add(key);
    const known = this.#byKey.get(key);
    if (known) this.#byId.delete(known.organization.id);
  }

  /** Drops the whole cache: change notifications may have been missed. */
  clear(): void {
    for (const read of this.#reads) read.cleared = true;
    this.#byId.clear();
  }

  #ask(wanted: { id: string | null; key: number | null }): Promise<Tenant | null> {
    return new Promise((resolve, reject) => {
      if (this.#asked.push({ ...wanted, resolve, reject }) === 1) setImmediate(() => void this.#read());
    });
  }

  async #read(): Promise<void> {
    const asked = this.#asked.splice(0);
    const read: Read = { invalidated: new Set(), cleared: false };
    this.#reads.add(read);
    try {
      const rows = await readTenants(this.#options.database, {
        ids: [...new Set(asked.flatMap(({ id }) => id ?? []))],
        keys: [...new Set(asked.flatMap(({ key }) => key ?? []))],
      });
      const tenants = rows.flatMap((row) => this.#make(row) ?? []);
      for (const tenant of tenants) this.#keep(tenant, read);
      const byId = new Map(tenants.map((tenant) => [tenant.organization.id, tenant]));
      const byKey = new Map(tenants.map((tenant) => [tenant.organization.key, tenant]));
      for (const { id, key, resolve } of asked) resolve((id === null ? byKey.get(key ?? -1) : byId.get(id)) ?? null);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    } finally {
      this.#reads.delete(read);
    }
  }

  #keep(tenant: CachedTenant, read: Read): void {
    const { key, id } = tenant.organization;
    if (read.cleared || read.invalidated.has(key)) return;
    this.#byId.set(id, tenant);
    // The cache rejects an organization that is larger than its maximum size.
    if (!this.#byId.has(id)) return;
    tenant.isCurrent = true;
    this.#byKey.set(key, tenant);
  }

  /** null: its product is not loaded here. */
  #make(rows: TenantRows): CachedTenant | null {
    const product = this.#options.catalog.product(rows.organization.product);
    if (!product) return null;
    let shared = this.#shared.get(product);
    if (!shared) this.#shared.set(product, (shared = new SharedSettings(product, this.#options.sealer)));
    return new CachedTenant(rows, shared);
  }
}
