import { timingSafeEqual } from 'node:crypto';
import { PosthornError } from '@posthorn/protocol';
import { LRUCache } from 'lru-cache';
import { FailedAttempts } from '../network/failed-attempts.ts';
import { findApiKeys, type ApiKeyRow } from '../store/api-keys.ts';
import { BatchWriter } from '../batching/batch-writer.ts';
import type { Queryable } from '../store/database.ts';
import type { Directory } from '../tenancy/directory.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { hashKey } from '../sealing/keys.ts';
import type { Principal } from './principal.ts';

export interface AuthenticatorOptions {
  readonly database: Queryable;
  readonly directory: Directory;
  readonly rootKey: string;
  readonly now: () => number;
  readonly log: { warn(details: object, message: string): void };
}

/** What a request carries to authenticate its caller. */
export interface Credentials {
  /** The `Authorization` header. */
  readonly authorization?: string | undefined;
  /** The address that it came from. */
  readonly ip: string;
}

/** The scheme name is case-insensitive (RFC 9110, section 11.1). */
const BEARER = /^Bearer +([\x21-\x7e]{8,512})$/i;
/** How long a key is cached. A revocation clears the cache at once on every node that receives the notification. */
const TRUST_MS = 5_000;
const MAX_LOOK_UPS = 500;
const ROOT: Principal = { kind: 'root', expiresAt: null };

/** Authenticates API keys and limits each caller to its own organization. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #rootHash: Buffer;
  readonly #known = new LRUCache<string, { readonly principal: Principal; readonly until: number }>({ max: 10_000 });

  readonly #failed: FailedAttempts;
  /** Looks up all waiting keys in one statement at a time: a flood of wrong keys takes one connection, not the pool. */
  readonly #lookUps: BatchWriter<Buffer, ApiKeyRow | null>;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#rootHash = hashKey(options.rootKey);
    this.#failed = new FailedAttempts(options);
    const write = (hashes: Buffer[]) => findApiKeys(options.database, hashes, new Date(options.now()));
    this.#lookUps = new BatchWriter({ write, maxItems: MAX_LOOK_UPS, maxInFlight: 1, eagerItems: 1 });
  }

  /** Throws `unauthenticated`, or `rate_limited` after too many failed authentications from the address. */
  async authenticate({ authorization = '', ip }: Credentials): Promise<Principal> {
    const [, key] = BEARER.exec(authorization) ?? [];
    const hashed = key === undefined ? null : hashKey(key);
    if (hashed !== null && timingSafeEqual(hashed, this.#rootHash)) return ROOT;
    const principal = hashed === null ? null : await this.#lookUp(hashed);
    if (principal === null) throw this.#failed.count(ip, refused());
    return principal;
  }

  /** Returns the organization with the id, if the caller may use it. Throws `organization_not_found`. */
  async tenant(principal: Principal, organizationId: string): Promise<Tenant> {
    const tenant = await this.#options.directory.find(organizationId);
    if (!tenant || (principal.kind === 'organization' && principal.organizationKey !== tenant.organization.key)) {
      // The same error for a missing organization and another caller's, so that nobody can find out which ones exist.
      throw new PosthornError(
        'organization_not_found',
        `There is no organization ${JSON.stringify(organizationId.slice(0, 128))}, or this API key has no access to it.`,
      );
    }
    return tenant;
  }

  /** Clears the cache, because keys have changed. */
  forget(): void {
    this.#known.clear();
  }

  /** Returns null if there is no such key. */
  async #lookUp(hashed: Buffer): Promise<Principal | null> {
    const name = hashed.toString('base64');
    const now = this.#options.now();
    const known = this.#known.get(name);
    if (known && known.until > now) return known.principal;
    const row = await this.#lookUps.add(hashed);
    if (!row) return null;
    const principal = principalOf(row);
    this.#known.set(name, { principal, until: Math.min(now + TRUST_MS, row.expires_at?.getTime() ?? Number.POSITIVE_INFINITY) });
    return principal;
  }
}

function principalOf({ organization_key: organizationKey, expires_at: expiresAt }: ApiKeyRow): Principal {
  return organizationKey === null ? { kind: 'root', expiresAt } : { kind: 'organization', organizationKey, expiresAt };
}

function refused(): PosthornError {
  return new PosthornError(
    'unauthenticated',
    'The API key is missing, unknown, revoked or expired. Send "Authorization: Bearer <key>" with a valid one.',
  );
}
