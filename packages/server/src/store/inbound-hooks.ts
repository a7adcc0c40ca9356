import { boundedScan, SCAN_ROWS, scannedRows, type Scanned, type ScanMarks } from './bounded-scan.ts';
import { statement, type Queryable } from './database.ts';

/** Notifies all nodes that their cached target or maintenance mode is outdated. */
export const INBOUND_CHANNEL = 'posthorn_inbound';

export interface InboundHookRow {
  readonly id: string;
  readonly organization_key: number;
  readonly name: string;
  readonly description: string | null;
  readonly enabled: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly kind: string;
  readonly target_id: string;
  readonly public_id: string;
  /** The last characters of the current key. */
  readonly hint: string | null;
}

const STORED = `hooks.id, hooks.organization_key, hooks.name, hooks.description, hooks.enabled, hooks.created_at, hooks.updated_at,
  targets.kind, targets.target_id, targets.public_id`;
const hintOf = (hook: string): string =>
  `(SELECT hint FROM inbound_keys WHERE hook_id = ${hook}.id AND expires_at IS NULL ORDER BY id DESC LIMIT 1) AS hint`;
const COLUMNS = `${STORED}, ${hintOf('hooks')}`;
const FROM = `FROM inbound_hooks hooks JOIN inbound_targets targets ON targets.key = hooks.target_key`;

const TARGET = statement(
  'ensure_inbound_target',
  `INSERT INTO inbound_targets (organization_key, kind, target_id, public_id) VALUES ($1, $2, $3, $4)
   ON CONFLICT (organization_key, kind, target_id) DO UPDATE SET kind = excluded.kind RETURNING key, public_id`,
);

/** Returns the target's row, creating it for its first hook. Locks it until the transaction ends. */
export async function ensureInboundTarget(
  transaction: Queryable,
  input: { organizationKey: number; kind: string; targetId: string; publicId: string },
): Promise<{ key: number; public_id: string }> {
  const values = [input.organizationKey, input.kind, input.targetId, input.publicId];
  const [row] = await transaction.query<{ key: number; public_id: string }>(TARGET, values);
  if (!row) throw new Error('The target was not inserted.');
  return row;
}

const COUNT = statement('count_inbound_hooks', 'SELECT count(*)::int AS count FROM inbound_hooks WHERE target_key = $1');

export async function countInboundHooks(transaction: Queryable, targetKey: number): Promise<number> {
  const [row] = await transaction.query<{ count: number }>(COUNT, [targetKey]);
  return row?.count ?? 0;
}

const INSERT = statement(
  'insert_inbound_hook',
  `INSERT INTO inbound_hooks (id, organization_key, target_key, name, description, enabled) VALUES ($1, $2, $3, $4, $5, $6)`,
);

export async function insertInboundHook(
  transaction: Queryable,
  hook: { id: string; organizationKey: number; targetKey: number; name: string; description: string | null; enabled: boolean },
): Promise<void> {
  await transaction.query(INSERT, [hook.id, hook.organizationKey, hook.targetKey, hook.name, hook.description, hook.enabled]);
}

const FIND = statement('find_inbound_hook', `SELECT ${COLUMNS} ${FROM} WHERE hooks.id = $2 AND hooks.organization_key = $1`);

export async function findInboundHook(queryable: Queryable, organizationKey: number, id: string): Promise<InboundHookRow | null> {
  const [row] = await queryable.query<InboundHookRow>(FIND, [organizationKey, id]);
  return row ?? null;
}

const LIST = statement(
  'list_inbound_hooks',
  boundedScan({
    columns: STORED,
    lookedUp: hintOf('page'),
    rows: `${FROM} WHERE hooks.organization_key = $1 AND hooks.id < $2`,
    order: 'id DESC',
    filter: '($4::text IS NULL OR targets.kind = $4) AND ($5::text IS NULL OR targets.target_id = $5)',
    limit: '$3',
    scanRows: '$6',
  }),
);

/** Newest first. Index: inbound_hooks_organization. */
export async function listInboundHooks(
  queryable: Queryable,
  input: { organizationKey: number; before: string; limit: number; kind: string | null; targetId: string | null },
): Promise<Scanned<InboundHookRow>> {
  const values = [input.organizationKey, input.before, input.limit, input.kind, input.targetId, SCAN_ROWS];
  return scannedRows(await queryable.query<InboundHookRow & ScanMarks>(LIST, values));
}

const UPDATE = statement(
  'update_inbound_hook',
  `UPDATE inbound_hooks SET name = coalesce($3, name), description = CASE WHEN $4 THEN $5 ELSE description END,
     enabled = coalesce($6, enabled), updated_at = now()
   WHERE id = $2 AND organization_key = $1 RETURNING id`,
);

/** Returns whether the hook exists. If `description` is undefined, it is not changed. */
export async function updateInboundHook(
  queryable: Queryable,
  input: {
    organizationKey: number;
    id: string;
    name?: string | undefined;
    description?: string | null | undefined;
    enabled?: boolean | undefined;
  },
): Promise<boolean> {
  const { organizationKey, id, name = null, description, enabled = null } = input;
  const values = [organizationKey, id, name, description !== undefined, description ?? null, enabled];
  return (await queryable.query(UPDATE, values)).length > 0;
}

const DELETE = statement('delete_inbound_hook', 'DELETE FROM inbound_hooks WHERE id = $2 AND organization_key = $1 RETURNING id');

/** Deletes the hook with its keys. Returns whether it existed. */
export async function deleteInboundHook(queryable: Queryable, organizationKey: number, id: string): Promise<boolean> {
  return (await queryable.query(DELETE, [organizationKey, id])).length > 0;
}

const LOCK = statement('lock_inbound_hook', 'SELECT id FROM inbound_hooks WHERE id = $2 AND organization_key = $1 FOR UPDATE');

/** Locks the hook until the transaction ends. Returns whether it exists. */
export async function lockInboundHook(transaction: Queryable, organizationKey: number, id: string): Promise<boolean> {
  return (await transaction.query(LOCK, [organizationKey, id])).length > 0;
}

const RETIRE = statement(
  'retire_inbound_keys',
  `WITH expired AS (DELETE FROM inbound_keys WHERE hook_id = $1 AND expires_at <= $2)
   UPDATE inbound_keys SET expires_at = $3 WHERE hook_id = $1 AND (expires_at IS NULL OR expires_at > $3)`,
);

/** Makes the hook's keys expire at `until` at the latest, and deletes those that expired by `now`. */
export async function retireInboundKeys(transaction: Queryable, input: { hookId: string; now: Date; until: Date }): Promise<void> {
  await transaction.query(RETIRE, [input.hookId, input.now, input.until]);
}

const LIVE_KEYS = statement(
  'count_inbound_keys',
  'SELECT count(*)::int AS count FROM inbound_keys WHERE hook_id = $1 AND (expires_at IS NULL OR expires_at > $2)',
);

export async function countInboundKeys(transaction: Queryable, hookId: string, now: Date): Promise<number> {
  const [row] = await transaction.query<{ count: number }>(LIVE_KEYS, [hookId, now]);
  return row?.count ?? 0;
}

const INSERT_KEY = statement('insert_inbound_key', 'INSERT INTO inbound_keys (id, hook_id, hash, hint) VALUES ($1, $2, $3, $4)');

export async function insertInboundKey(
  transaction: Queryable,
  key: { id: string; hookId: string; hash: Uint8Array; hint: string },
): Promise<void> {
  await transaction.query(INSERT_KEY, [key.id, key.hookId, key.hash, key.hint]);
}

const CHANGED = statement('inbound_changed', `SELECT pg_notify('${INBOUND_CHANNEL}', $1)`);

/** Notifies all nodes. `what` is `target:<public id>` or `maintenance`. */
export async function notifyInbound(transaction: Queryable, what: string): Promise<void> {
  await transaction.query(CHANGED, [what]);
}

const PUBLIC_ID = statement(
  'public_id_of_target',
  'SELECT public_id FROM inbound_targets WHERE organization_key = $1 AND kind = $2 AND target_id = $3',
);

/** Returns null if no hook was ever created for the target. */
export async function publicIdOfTarget(
  queryable: Queryable,
  target: { organizationKey: number; kind: string; targetId: string },
): Promise<string | null> {
  const [row] = await queryable.query<{ public_id: string }>(PUBLIC_ID, [target.organizationKey, target.kind, target.targetId]);
  return row?.public_id ?? null;
}
