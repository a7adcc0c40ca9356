import type { RetryPlan, SuccessRule, WebhookContentType, WebhookMethod, WebhookStatus } from '@posthorn/protocol';
import { statement, type Queryable } from './database.ts';

/** An organization as stored. */
export interface OrganizationRow {
  readonly key: number;
  readonly id: string;
  readonly name: string;
  readonly product: string;
  readonly time_zone: string | null;
  readonly inbound: boolean;
  readonly contact_email: string | null;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** The webhook fields that matching and delivery need; null: the product's. `headers` and `secrets` are sealed. */
export interface DeliveringWebhookRow {
  readonly id: string;
  readonly organization_key: number;
  readonly url: string;
  readonly events: string[];
  readonly scope: string | null;
  readonly method: WebhookMethod | null;
  readonly content_type: WebhookContentType | null;
  readonly headers: Buffer | null;
  readonly secrets: Buffer | null;
  readonly retry: RetryPlan | null;
  readonly success: SuccessRule | null;
  readonly timeout_ms: number | null;
  readonly rate_limit: number | null;
  readonly ordered: boolean | null;
  readonly status: WebhookStatus;
  /**
   * Incremented when it is enabled, or when what an attempt sends changes. Outcomes count only for the version they
   * were sent under.
   */
  readonly health_version: number;
}

/** A webhook as stored. */
export interface WebhookRow extends DeliveringWebhookRow {
  readonly description: string | null;
  readonly status_reason: string | null;
  readonly status_changed_at: Date;
  readonly failing_since: Date | null;
  /** When the oldest event was accepted whose delivery has failed since `failing_since`; null: none. */
  readonly missed_since: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export const ORGANIZATION_COLUMNS = 'key, id, name, product, time_zone, inbound, contact_email, version, created_at, updated_at';
const DELIVERING_COLUMNS = `id, organization_key, url, events, scope, method, content_type, headers, secrets, retry, success, timeout_ms,
  rate_limit, ordered, status, health_version`;
export const WEBHOOK_COLUMNS = `${DELIVERING_COLUMNS}, description, status_reason, status_changed_at, failing_since, missed_since, created_at, updated_at`;

/** Index: organizations_id. */
const BY_ID = statement(
  'organizations_by_id',
  `SELECT ${ORGANIZATION_COLUMNS} FROM organizations WHERE id = ANY($1::text[]) AND deleted_at IS NULL`,
);
const BY_KEY = statement(
  'organizations_by_key',
  `SELECT organization.* FROM unnest($1::int[]) AS wanted (key)
   CROSS JOIN LATERAL (SELECT ${ORGANIZATION_COLUMNS} FROM organizations WHERE key = wanted.key AND deleted_at IS NULL OFFSET 0) organization`,
);
/** Index: webhooks_organization. */
const WEBHOOKS = statement(
  'webhooks_of_organizations',
  `SELECT ${DELIVERING_COLUMNS} FROM webhooks WHERE organization_key = ANY($1::int[]) ORDER BY id`,
);

export interface TenantRows {
  readonly organization: OrganizationRow;
  readonly webhooks: readonly DeliveringWebhookRow[];
}

/** Reads organizations with their webhooks, always in two statements. */
export async function readTenants(
  queryable: Queryable,
  wanted: { readonly ids: readonly string[]; readonly keys: readonly number[] },
): Promise<TenantRows[]> {
  const found = new Map<number, OrganizationRow>();
  const [byId, byKey] = await Promise.all([
    wanted.ids.length > 0 ? queryable.query<OrganizationRow>(BY_ID, [wanted.ids]) : [],
    wanted.keys.length > 0 ? queryable.query<OrganizationRow>(BY_KEY, [wanted.keys]) : [],
  ]);
  for (const row of [...byId, ...byKey]) found.set(row.key, row);
  if (found.size === 0) return [];
  // After the organizations: webhooks newer than the version are harmless, because accepting checks the version.
  const webhooks = await queryable.query<DeliveringWebhookRow>(WEBHOOKS, [[...found.keys()]]);
  const byOrganization = Map.groupBy(webhooks, (row) => row.organization_key);
  return [...found.values()].map((organization) => ({ organization, webhooks: byOrganization.get(organization.key) ?? [] }));
}
