import { LRUCache } from 'lru-cache';
import type { Queryable } from '../store/database.ts';
import { targetsByPublicId, type TargetKeyRow } from '../store/inbound-hooks-lookup.ts';
import { isUuid } from '../ids/uuid-time.ts';
import type { Directory } from '../tenancy/directory.ts';
import type { TargetKinds, TargetState } from './target-kind.ts';

export interface HookKey {
  readonly hookId: string;
  readonly enabled: boolean;
  /** SHA-256. */
  readonly hash: Buffer;
  /** Milliseconds since the epoch; null: the current key. */
  readonly expiresAt: number | null;
}

/** A target found by its public id. */
export interface KnownTarget {
  readonly key: number;
  readonly publicId: string;
  readonly organizationKey: number;
  readonly kind: string;
  readonly targetId: string;
  readonly keys: readonly HookKey[];
  readonly state: TargetState;
}

export interface TargetDirectoryOptions {
  readonly database: Queryable;
  readonly directory: Pick<Directory, 'findByKey'>;
  readonly kinds: TargetKinds;
  readonly now: () => number;
}

interface Entry {
  /** null: there is no such target. */
  readonly target: KnownTarget | null;
  readonly readAt: number;
}

interface Asked {
  readonly publicId: string;
  readonly resolve: (entry: Entry) => void;
  readonly reject: (error: unknown) => void;
}

/** Maximum age of a cache entry. Change notifications normally invalidate it earlier. */
const TRUST_MS = 10_000;
/** Maximum age of a cache entry when a key is rejected. Older entries are read again first. */
const DOUBT_MS = 1_000;
const MAX_TARGETS = 50_000;

/** Caches targets by public id. Look-ups in the same turn of the event loop share one database read. */
export class TargetDirectory {
  readonly #options: TargetDirectoryOptions;
  readonly #entries = new LRUCache<string, Entry>({ max: MAX_TARGETS });
  #asked: Asked[] = [];
  /** Increases with every change. Results of reads that began before a change are not cached. */
  #changes = 0;

  constructor(options: TargetDirectoryOptions) {
    this.#options = options;
  }

  /** Finds a target; null: there is none. */
  async find(publicId: string): Promise<KnownTarget | null> {
    return this.#find(publicId, TRUST_MS);
  }

  /** Like `find`, but with a result at most one second old. */
  async findFresh(publicId: string): Promise<KnownTarget | null> {
    return this.#find(publicId, DOUBT_MS);
  }

  invalidate(publicId: string): void {
    this.#changes++;
    this.#entries.delete(publicId);
  }

  clear(): void {
    this.#changes++;
    this.#entries.clear();
  }

  async #find(publicId: string, maxAgeMs: number): Promise<KnownTarget | null> {
    if (!isUuid(publicId)) return null;
    const id = publicId.toLowerCase();
    const known = this.#entries.get(id);
    const now = this.#options.now();
    if (known && now - known.readAt < maxAgeMs && known.readAt <= now) return known.target;
    return (await this.#ask(id)).target;
  }

  #ask(publicId: string): Promise<Entry> {
    return new Promise((resolve, reject) => {
      if (this.#asked.push({ publicId, resolve, reject }) === 1) setImmediate(() => void this.#read());
    });
  }

  async #read(): Promise<void> {
    const asked = this.#asked.splice(0);
    const changes = this.#changes;
    const readAt = this.#options.now();
    try {
      const rows = await targetsByPublicId(this.#options.database, [...new Set(asked.map(({ publicId }) => publicId))]);
      const byId = Map.groupBy(rows, (row) => row.public_id);
      const entries = new Map<string, Promise<Entry>>();
      for (const { publicId, resolve, reject } of asked) {
        let entry = entries.get(publicId);
        if (!entry) {
          entry = this.#make(byId.get(publicId) ?? []).then((target) => ({ target, readAt }));
          entries.set(publicId, entry);
          void entry.then(
            (made) => changes === this.#changes && this.#entries.set(publicId, made),
            () => {},
          );
        }
        entry.then(resolve, reject);
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  async #make(rows: readonly TargetKeyRow[]): Promise<KnownTarget | null> {
    const [first] = rows;
    if (!first) return null;
    const kind = this.#options.kinds.get(first.kind);
    const tenant = kind ? await this.#options.directory.findByKey(first.organization_key) : null;
    if (!kind || !tenant) return null;
    return {
      key: first.key,
      publicId: first.public_id,
      organizationKey: first.organization_key,
      kind: first.kind,
      targetId: first.target_id,
      keys: rows.flatMap(hookKey),
      state: await kind.find(tenant, first.target_id),
    };
  }
}

function hookKey({ hook_id: hookId, enabled, hash, expires_at: expiresAt }: TargetKeyRow): HookKey[] {
  if (hookId === null || hash === null) return [];
  return [{ hookId, enabled: enabled ?? false, hash, expiresAt: expiresAt?.getTime() ?? null }];
}
