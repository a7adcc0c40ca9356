import { statement, type Queryable } from './database.ts';

export interface ApiKeyRow {
  readonly id: string;
  readonly organization_key: number | null;
  readonly name: string;
  readonly hint: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
}

const COLUMNS = 'id, organization_key, name, hint, created_at, expires_at';

/**
 * Index: the unique one on hash; `coalesce` excludes the list's index. A key of a deleted organization is not valid.
 */
const FIND = statement(
  'find_api_keys',
  `SELECT ${COLUMNS}, hash FROM api_keys
   WHERE hash = ANY($1::bytea[]) AND coalesce(revoked_at, 'infinity') = 'infinity' AND (expires_at IS NULL OR expires_at > $2)
     AND (organization_key IS NULL OR (SELECT deleted_at IS NULL FROM organizations WHERE key = organization_key))`,
);

/** Returns the key of each hash; null: there is no valid one. */
export async function findApiKeys(queryable: Queryable, hashes: readonly Buffer[], now: Date): Promise<(ApiKeyRow | null)[]> {
  const rows = await queryable.query<ApiKeyRow & { readonly hash: Buffer }>(FIND, [hashes, now]);
  return hashes.map((hash) => rows.find((row) => row.hash.equals(hash)) ?? null);
}

const INSERT = statement(
  'insert_api_key',
  `INSERT INTO api_keys (id, organization_key, name, hash, hint, expires_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${COLUMNS}`,
);

export interface NewApiKey {
  readonly id: string;
  /** null: a root key. */
  readonly organizationKey: number | null;
  readonly name: string;
  readonly hash: Uint8Array;
  /** The last characters of the key, to tell keys apart. */
  readonly hint: string;
  readonly expiresAt: Date | null;
}

export async function insertApiKey(queryable: Queryable, key: NewApiKey): Promise<ApiKeyRow> {
  const [row] = await queryable.query<ApiKeyRow>(INSERT, [key.id, key.organizationKey, key.name, key.hash, key.hint, key.expiresAt]);
  if (!row) throw new Error('The key was not inserted.');
  return row;
}

/** Index: api_keys_listed, backwards. */
const LIST = statement(
  'list_api_keys',
  `SELECT ${COLUMNS} FROM api_keys WHERE organization_key = $3 AND revoked_at IS NULL AND id < $1 ORDER BY id DESC LIMIT $2`,
);
/** Index: api_keys_listed, backwards. Its order must be spelled out, because IS NULL doesn't count as a constant. */
const LIST_ROOT = statement(
  'list_root_keys',
  `SELECT ${COLUMNS} FROM api_keys WHERE organization_key IS NULL AND revoked_at IS NULL AND id < $1
   ORDER BY organization_key DESC, id DESC LIMIT $2`,
);

export function listApiKeys(
  queryable: Queryable,
  input: { organizationKey: number | null; before: string; limit: number },
): Promise<ApiKeyRow[]> {
  const { organizationKey, before, limit } = input;
  return organizationKey === null
    ? queryable.query<ApiKeyRow>(LIST_ROOT, [before, limit])
    : queryable.query<ApiKeyRow>(LIST, [before, limit, organizationKey]);
}

const REVOKE = statement(
  'revoke_api_key',
  `WITH revoked AS (
     UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND organization_key IS NOT DISTINCT FROM $2 AND revoked_at IS NULL RETURNING id
   )
   SELECT pg_notify('posthorn_changes', 'api-keys') FROM revoked`,
);

/** Returns whether the key existed. */
export async function revokeApiKey(queryable: Queryable, id: string, organizationKey: number | null): Promise<boolean> {
  return (await queryable.query(REVOKE, [id, organizationKey])).length > 0;
}
