import { hash, timingSafeEqual } from 'node:crypto';
import { PosthornError } from '@posthorn/protocol';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { findApiKey, type ApiKeyRow } from '../store/api-keys.ts';
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
}

/** The name of the scheme is the same in any case (RFC 9110, section 11.1). */
const BEARER = /^Bearer +([\x21-\x7e]{8,512})$/i;
/** How long a key is trusted without asking again; a revocation clears it at once on every node that hears of it. */
const TRUST_MS = 5_000;
const ROOT: Principal = { kind: 'root', expiresAt: null };

/** Checks API keys, and that a caller touches its own organization alone. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #rootHash: Buffer;
  readonly #known = new LRUCache<string, { readonly principal: Principal; readonly until: number }>({ max: 10_000 });

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#rootHash = hashKey(options.rootKey);
  }

  /** Throws `unauthenticated`. */
  async authenticate(request: FastifyRequest): Promise<Principal> {
    const [, key] = BEARER.exec(request.headers.authorization ?? '') ?? [];
    if (key === undefined) throw refused();
    const hashed = hashKey(key);
    return timingSafeEqual(hashed, this.#rootHash) ? ROOT : this.#lookUp(hashed);
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

  async #lookUp(hashed: Buffer): Promise<Principal> {
    const name = hashed.toString('base64');
    const now = this.#options.now();
    const known = this.#known.get(name);
    if (known && known.until > now) return known.principal;
    const row = await findApiKey(this.#options.database, hashed, new Date(now));
    if (!row) throw refused();
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
