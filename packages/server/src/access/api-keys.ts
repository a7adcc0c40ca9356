import { PosthornError } from '@posthorn/protocol';
import { isUuid, newId } from '../ids/uuid-time.ts';
import { insertApiKey, listApiKeys, revokeApiKey, type ApiKeyRow } from '../store/api-keys.ts';
import { nothingMore, type AlsoCommit, type Database, type Queryable } from '../store/database.ts';
import { newKey } from '../sealing/keys.ts';
import type { Principal } from './principal.ts';

/** An API key as it is shown: never the key itself. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  /** The last characters of the key. */
  readonly hint: string;
  readonly createdAt: Date;
  /** null if never. */
  readonly expiresAt: Date | null;
}

/** A new key, with the key itself: it can't be read again. */
export interface NewApiKey extends ApiKey {
  readonly key: string;
}

export interface ApiKeysOptions {
  readonly database: Database;
  /** For lists. */
  readonly reads: Queryable;
  readonly now: () => number;
  /** Called after a key is revoked, so that this node stops trusting it at once. */
  readonly onRevoked: () => void;
}

export interface ApiKeyInput {
  /** The organization of the key; null: a root key. */
  readonly organizationKey: number | null;
  readonly name: string;
  /** undefined: never, or when the key of the caller expires. */
  readonly expiresAt: Date | undefined;
  readonly caller: Principal;
  readonly also?: AlsoCommit<NewApiKey>;
}

/** API keys of organizations, and root keys. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
  }

  /** Throws `invalid_request` if the key would have expired, or would outlive the key of the caller. */
  async create({ organizationKey, name, expiresAt, caller, also = nothingMore }: ApiKeyInput): Promise<NewApiKey> {
    const { database, now } = this.#options;
    const { key, hash, hint } = newKey('ph_');
    const row = {
      id: newId(),
      organizationKey,
      name,
      hash,
      hint,
      expiresAt: expiryOf(expiresAt, caller, now()),
    };
    return database.transaction(async (transaction) => {
      const made = { ...apiKeyOf(await insertApiKey(transaction, row)), key };
      await also(transaction, made);
      return made;
    });
  }

  /** Newest first, below the id `before`. */
  async list(query: { readonly organizationKey: number | null; readonly before: string; readonly limit: number }): Promise<ApiKey[]> {
    return (await listApiKeys(this.#options.reads, query)).map(apiKeyOf);
  }

  /** Revokes a key at once on this node, and on the others as soon as they are notified. Throws `not_found`. */
  async revoke(id: string, organizationKey: number | null): Promise<void> {
    const { database, onRevoked } = this.#options;
    if (!isUuid(id) || !(await revokeApiKey(database, id, organizationKey)))
      throw new PosthornError('not_found', 'There is no such API key. It may have been revoked.');
    onRevoked();
  }
}

function apiKeyOf(row: ApiKeyRow): ApiKey {
  return { id: row.id, name: row.name, hint: row.hint, createdAt: row.created_at, expiresAt: row.expires_at };
}

/** Returns when a new key expires; null for never. A key cannot create one that expires later than itself. */
function expiryOf(expiry: Date | undefined, caller: Principal, now: number): Date | null {
  if (expiry === undefined) return caller.expiresAt;
  if (expiry.getTime() <= now) throw badExpiry('expiresAt is in the past. Choose a later time.', 'future', 'must be in the future');
  if (caller.expiresAt && expiry > caller.expiresAt) {
    const latest = caller.expiresAt.toISOString();
    throw badExpiry(
      'A key can’t expire later than the key that creates it. Choose an earlier expiresAt.',
      'outlives_maker',
      `must be ${latest} or earlier: the calling key expires then`,
    );
  }
  return expiry;
}

function badExpiry(detail: string, rule: string, message: string): PosthornError {
  return new PosthornError('invalid_request', detail, { errors: [{ path: '/expiresAt', rule, message }] });
}
