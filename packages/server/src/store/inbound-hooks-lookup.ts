import { statement, type Queryable } from './database.ts';

/** A target with a key of one of its hooks; without hooks, one row with nulls. */
export interface TargetKeyRow {
  readonly key: number;
  readonly organization_key: number;
  readonly kind: string;
  readonly target_id: string;
  readonly public_id: string;
  readonly hook_id: string | null;
  readonly enabled: boolean | null;
  readonly hash: Buffer | null;
  readonly expires_at: Date | null;
}

/** Indexes: the unique one on public_id, inbound_hooks_target, inbound_keys_hook. */
const TARGETS = statement(
  'inbound_targets_by_public_id',
  `SELECT targets.key, targets.organization_key, targets.kind, targets.target_id, targets.public_id,
          hooks.id AS hook_id, hooks.enabled, keys.hash, keys.expires_at
   FROM inbound_targets targets
   LEFT JOIN inbound_hooks hooks ON hooks.target_key = targets.key
   LEFT JOIN inbound_keys keys ON keys.hook_id = hooks.id
   WHERE targets.public_id = ANY($1::uuid[])`,
);

/** Finds targets by the public ids in their URLs, with the keys of their hooks. */
export function targetsByPublicId(queryable: Queryable, publicIds: readonly string[]): Promise<TargetKeyRow[]> {
  return queryable.query<TargetKeyRow>(TARGETS, [publicIds]);
}

export interface MaintenanceRow {
  /** 0: the whole server. */
  readonly organization_key: number;
  readonly retry_after_seconds: number;
  readonly since: Date;
}

const MAINTENANCE = statement('list_inbound_maintenance', 'SELECT organization_key, retry_after_seconds, since FROM inbound_maintenance');

export function listMaintenance(queryable: Queryable): Promise<MaintenanceRow[]> {
  return queryable.query<MaintenanceRow>(MAINTENANCE);
}

const BEGIN = statement(
  'begin_inbound_maintenance',
  `INSERT INTO inbound_maintenance (organization_key, retry_after_seconds) VALUES ($1, $2)
   ON CONFLICT (organization_key) DO UPDATE SET retry_after_seconds = excluded.retry_after_seconds`,
);

export async function beginMaintenance(queryable: Queryable, organizationKey: number, retryAfterSeconds: number): Promise<void> {
  await queryable.query(BEGIN, [organizationKey, retryAfterSeconds]);
}

const END = statement('end_inbound_maintenance', 'DELETE FROM inbound_maintenance WHERE organization_key = $1');

export async function endMaintenance(queryable: Queryable, organizationKey: number): Promise<void> {
  await queryable.query(END, [organizationKey]);
}
