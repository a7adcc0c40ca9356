import { hash, timingSafeEqual } from 'node:crypto';
import { PosthornError } from '@posthorn/protocol';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { FailedAttempts } from '../inbound/failed-attempts.ts';
import { findApiKeys, type ApiKeyRow } from '../store/api-keys.ts';
import { BatchWriter } from '../store/batch-writer.ts';
import type { Queryable } from '../store/database.ts';
import type { Directory, Tenant } from '../tenancy/directory.ts';

/** Who calls: the operator, or one organization. */
export type Principal = ({ readonly kind: 'root' } | { readonly kind: 'organization'; readonly organizationKey: number }) & {
  /** When the caller's API key expires; null: never. */
  readonly expiresAt: Date | null;
};

export interface AuthenticatorOptions {
  readonly database: Queryable;
  readonly directory: Directory;
  readonly rootKey: string;
  readonly now: () => number;
  readonly log: { warn(details: object, message: string): void };
}

/** The name of the scheme is the same in any case (RFC 9110, section 11.1). */
const BEARER = /^Bearer +([\x21-\x7e]{8,512})$/i;
/** How long a key is trusted without asking again; a revocation clears it at once on every node that hears of it. */
const TRUST_MS = 5_000;
const MAX_LOOK_UPS = 500;
const ROOT: Principal = { kind: 'root', expiresAt: null };

/** Checks API keys, and that a caller touches its own organization alone. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #rootHash: Buffer;
  readonly #known = new LRUCache<string, { readonly principal: Principal; readonly until: number }>({ max: 10_000 });

  readonly #failed: FailedAttempts;
  /** One statement at a time looks up all keys that wait: a flood of wrong keys takes one connection, not the pool. */
  readonly #lookUps: BatchWriter<Buffer, ApiKeyRow | null>;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#rootHash = hashKey(options.rootKey);
    this.#failed = new FailedAttempts(options);
    const write = (hashes: Buffer[]) => findApiKeys(options.database, hashes, new Date(options.now()));
    this.#lookUps = new BatchWriter({ write, maxItems: MAX_LOOK_UPS, maxInFlight: 1, eagerItems: 1 });
  }

  /** Throws `unauthenticated`; `rate_limited` if authentication has failed too often from the address. */
  async authenticate(request: FastifyRequest): Promise<Principal> {
    const [, key] = BEARER.exec(request.headers.authorization ?? '') ?? [];
    const hashed = key === undefined ? null : hashKey(key);
    if (hashed !== null && timingSafeEqual(hashed, this.#rootHash)) return ROOT;
    const principal = hashed === null ? null : await this.#lookUp(hashed);
    if (principal === null) throw this.#failed.count(request.ip, refused());
    return principal;
  }

  /** The organization that the caller names, if it may. Throws `organization_not_found`. */
  async tenant(principal: Principal, organizationId: string): Promise<Tenant> {
    const tenant = await this.#options.directory.find(organizationId);
    if (!tenant || (principal.kind === 'organization' && principal.organizationKey !== tenant.organization.key)) {
      // The same answer for what does not exist and what is another's: nobody learns which organizations there are.
      throw new PosthornError('organization_not_found', `There is no organization ${JSON.stringify(organizationId.slice(0, 128))}.`);
    }
    return tenant;
  }

  /** Keys changed. */
  forget(): void {
    this.#known.clear();
  }

  /** null: there is no such key. */
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

/** Keys are kept as their SHA-256 only: they are random, so no slow hash is needed. */
export function hashKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** Throws `forbidden` unless the operator calls. */
export function requireRoot(principal: Principal): void {
  if (principal.kind !== 'root') throw new PosthornError('forbidden', 'This needs the root key.');
}

function refused(): PosthornError {
  return new PosthornError('unauthenticated', 'Send "Authorization: Bearer <key>" with a valid API key.');
}
