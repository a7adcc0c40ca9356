import { statement, type Database, type Queryable } from './database.ts';

const REGISTER = statement('register_node', 'INSERT INTO nodes (name) VALUES ($1) RETURNING id');

/** Gives this process its own node number: a restarted process is a new node. */
export async function registerNode(queryable: Queryable, name: string): Promise<number> {
  const [row] = await queryable.query<{ id: number }>(REGISTER, [name]);
  if (!row) throw new Error('The node was not registered.');
  return row.id;
}

/** Serializes heartbeats and checks: what a node has read stays true until its next heartbeat. */
const LOCK_NODES = statement('lock_nodes', 'SELECT pg_advisory_xact_lock(80303)');
const HEARTBEAT = statement('node_heartbeat', 'UPDATE nodes SET seen_at = clock_timestamp() WHERE id = $1 RETURNING id');
const LIVE = statement('live_nodes', `SELECT id FROM nodes WHERE seen_at > clock_timestamp() - $1::int * interval '1 millisecond'`);
const REPORT = statement('report_known_nodes', 'UPDATE nodes SET knows = $2::int[] WHERE id = $1');

/**
 * Reports that the node is alive and which live nodes it already knows. Returns the ids of all live nodes; null: the
 * node's row is gone.
 */
export function heartbeat(
  database: Database,
  input: { nodeId: number; leaseMs: number; known: ReadonlySet<number> },
): Promise<readonly number[] | null> {
  const { nodeId, leaseMs, known } = input;
  return database.transaction(async (transaction) => {
    await transaction.query(LOCK_NODES);
    if ((await transaction.query(HEARTBEAT, [nodeId])).length === 0) return null;
    const live = (await transaction.query<{ id: number }>(LIVE, [leaseMs])).map(({ id }) => id);
    await transaction.query(REPORT, [nodeId, live.filter((id) => known.has(id))]);
    return live;
  });
}

const UNAWARE = statement(
  'unaware_nodes',
  `SELECT count(*)::int AS unaware FROM nodes
   WHERE id <> $1 AND NOT ($1 = ANY(knows)) AND seen_at > clock_timestamp() - $2::int * interval '1 millisecond'`,
);

/** Returns how many live nodes don't know this one yet. */
export function unawareNodes(database: Database, input: { nodeId: number; leaseMs: number }): Promise<number> {
  return database.transaction(async (transaction) => {
    await transaction.query(LOCK_NODES);
    const [row] = await transaction.query<{ unaware: number }>(UNAWARE, [input.nodeId, input.leaseMs]);
    return row?.unaware ?? 0;
  });
}

const FORGET_NODES = statement('forget_nodes', `DELETE FROM nodes WHERE seen_at < now() - interval '1 day'`);

export async function forgetDeadNodes(queryable: Queryable): Promise<void> {
  await queryable.query(FORGET_NODES);
}

const REMOVE_NODE = statement('remove_node', 'DELETE FROM nodes WHERE id = $1');

export async function removeNode(queryable: Queryable, nodeId: number): Promise<void> {
  await queryable.query(REMOVE_NODE, [nodeId]);
}

/** A leased shard, as its owner knows it. */
export interface LeasedShard {
  readonly id: number;
  readonly epoch: number;
  readonly lowWater: number;
}

interface ShardRow {
  readonly id: number;
  readonly epoch: number;
  readonly low_water: string;
}

/** A mark from before a server crash may be above transaction ids that are reused: the stored mark is kept. */
const LOW_WATER = (continuity: string): string =>
  `CASE WHEN ${continuity}::uuid = (SELECT token FROM log_continuity WHERE only_row)
        THEN GREATEST(shards.low_water, held.low_water::xid8) ELSE shards.low_water END`;

/** A node whose lease expired still owns the shard if no other node has raised the epoch. */
const RENEW = statement(
  'renew_shards',
  `UPDATE shards SET expires_at = now() + $4::int * interval '1 millisecond', low_water = ${LOW_WATER('$6')}
   FROM unnest($2::int[], $3::int[], $5::text[]) AS held (id, epoch, low_water)
   WHERE shards.id = held.id AND shards.epoch = held.epoch AND shards.owner = $1
   RETURNING shards.id`,
);

export async function renewShards(
  queryable: Queryable,
  input: { nodeId: number; leaseMs: number; shards: readonly LeasedShard[]; continuity: string | null },
): Promise<Set<number>> {
  const { nodeId, leaseMs, shards, continuity } = input;
  const rows = await queryable.query<{ id: number }>(RENEW, [
    nodeId,
    shards.map((shard) => shard.id),
    shards.map((shard) => shard.epoch),
    leaseMs,
    shards.map((shard) => String(shard.lowWater)),
    continuity,
  ]);
  return new Set(rows.map((row) => row.id));
}

/**
 * A mark above the server's transaction ids is another server's, as after a restore: the whole log is read. The same
 * applies while events have such ids, because a mark made since then says nothing about them.
 */
const ACQUIRE = statement(
  'acquire_shards',
  `UPDATE shards SET owner = $1, epoch = epoch + 1, expires_at = now() + $3::int * interval '1 millisecond',
          low_water = CASE WHEN low_water > pg_snapshot_xmax(pg_current_snapshot())
                             OR EXISTS (SELECT FROM events WHERE events.xid >= pg_snapshot_xmax(pg_current_snapshot()))
                           THEN '0'::xid8 ELSE low_water END
   WHERE id IN (SELECT id FROM shards WHERE owner IS NULL OR expires_at < now() ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
   RETURNING id, epoch, low_water::text`,
);

/** Acquires up to `count` shards that no live node holds. */
export async function acquireShards(
  queryable: Queryable,
  input: { nodeId: number; leaseMs: number; count: number },
): Promise<LeasedShard[]> {
  const rows = await queryable.query<ShardRow>(ACQUIRE, [input.nodeId, input.count, input.leaseMs]);
  return rows.map((row) => ({ id: row.id, epoch: row.epoch, lowWater: Number(row.low_water) }));
}

const RELEASE = statement(
  'release_shards',
  `UPDATE shards SET owner = NULL, low_water = ${LOW_WATER('$5')}
   FROM unnest($2::int[], $3::int[], $4::text[]) AS held (id, epoch, low_water)
   WHERE shards.id = held.id AND shards.epoch = held.epoch AND shards.owner = $1`,
);

/** Releases shards, so that other nodes don't have to wait for the leases to expire. */
export async function releaseShards(
  queryable: Queryable,
  input: { nodeId: number; shards: readonly LeasedShard[]; continuity: string | null },
): Promise<void> {
  const { nodeId, shards, continuity } = input;
  await queryable.query(RELEASE, [
    nodeId,
    shards.map((shard) => shard.id),
    shards.map((shard) => shard.epoch),
    shards.map((shard) => String(shard.lowWater)),
    continuity,
  ]);
}

const ABANDON = statement('abandon_shards', 'UPDATE shards SET owner = NULL WHERE owner = $1');

/** Releases all shards of a node and keeps their stored marks. */
export async function abandonShards(queryable: Queryable, nodeId: number): Promise<void> {
  await queryable.query(ABANDON, [nodeId]);
}

const SEIZE = statement('seize_shards', `UPDATE shards SET expires_at = 'epoch' WHERE owner IS NOT NULL`);

/** Ends all leases. Only for an embedded database, which no other process can have open. */
export async function endAllLeases(queryable: Queryable): Promise<void> {
  await queryable.query(SEIZE);
}
