import { statement, type Queryable } from './database.ts';
import { ORGANIZATION_COLUMNS, type OrganizationRow } from './tenants.ts';

export interface NewOrganization {
  readonly id: string;
  readonly name: string;
  readonly product: string;
  readonly timeZone: string | null;
  readonly inbound: boolean;
  readonly contactEmail?: string | null;
}

const INSERT = statement(
  'insert_organization',
  `INSERT INTO organizations (id, name, product, time_zone, inbound, contact_email) VALUES ($1, $2, $3, $4, $5, $6)
   ON CONFLICT (id) WHERE deleted_at IS NULL DO NOTHING RETURNING ${ORGANIZATION_COLUMNS}`,
);

/** Returns null if the id is taken. */
export async function insertOrganization(queryable: Queryable, input: NewOrganization): Promise<OrganizationRow | null> {
  const [row] = await queryable.query<OrganizationRow>(INSERT, [
    input.id,
    input.name,
    input.product,
    input.timeZone,
    input.inbound,
    input.contactEmail ?? null,
  ]);
  return row ?? null;
}

const LIST = statement(
  'list_organizations',
  `SELECT ${ORGANIZATION_COLUMNS} FROM organizations WHERE deleted_at IS NULL AND key < $1 ORDER BY key DESC LIMIT $2`,
);

/** Newest first, below a key. */
export function listOrganizations(queryable: Queryable, input: { before: number; limit: number }): Promise<OrganizationRow[]> {
  return queryable.query<OrganizationRow>(LIST, [input.before, input.limit]);
}

const UPDATE = statement(
  'update_organization',
  `WITH changed AS (
     UPDATE organizations SET name = coalesce($2, name), time_zone = CASE WHEN $3 THEN $4 ELSE time_zone END, inbound = coalesce($5, inbound),
            contact_email = CASE WHEN $6 THEN $7 ELSE contact_email END,
            version = version + 1, updated_at = now()
     WHERE key = $1 AND deleted_at IS NULL RETURNING ${ORGANIZATION_COLUMNS}
   ), told AS (SELECT pg_notify('posthorn_changes', 'organization:' || key) FROM changed)
   SELECT changed.* FROM changed LEFT JOIN told ON true`,
);

export interface OrganizationChange {
  readonly name?: string | undefined;
  readonly timeZone?: string | null | undefined;
  readonly inbound?: boolean | undefined;
  readonly contactEmail?: string | null | undefined;
}

export async function updateOrganization(queryable: Queryable, key: number, change: OrganizationChange): Promise<OrganizationRow | null> {
  const { name = null, timeZone, inbound = null, contactEmail } = change;
  const [row] = await queryable.query<OrganizationRow>(UPDATE, [
    key,
    name,
    timeZone !== undefined,
    timeZone ?? null,
    inbound,
    contactEmail !== undefined,
    contactEmail ?? null,
  ]);
  return row ?? null;
}

const DELETE = statement(
  'delete_organization',
  `WITH gone AS (
     UPDATE organizations SET deleted_at = now(), version = version + 1, updated_at = now() WHERE key = $1 AND deleted_at IS NULL RETURNING key
   ), webhooks_gone AS (DELETE FROM webhooks WHERE organization_key IN (SELECT key FROM gone)),
   waiting_gone AS (DELETE FROM waiting WHERE webhook_id IN (SELECT id FROM webhooks WHERE organization_key IN (SELECT key FROM gone))),
   keys_gone AS (UPDATE api_keys SET revoked_at = now() WHERE organization_key IN (SELECT key FROM gone) AND revoked_at IS NULL)
   SELECT pg_notify('posthorn_changes', 'organization:' || key), pg_notify('posthorn_changes', 'api-keys') FROM gone`,
);

/** Makes the organization's data inaccessible. The retention deletes its history. Its id may be used again. */
export async function deleteOrganization(queryable: Queryable, key: number): Promise<boolean> {
  return (await queryable.query(DELETE, [key])).length > 0;
}
