import { statement, type Queryable } from './database.ts';

const REGISTER = statement('register_node', 'INSERT INTO nodes (name) VALUES ($1) RETURNING id');

/** Gives this process a node number of its own: a restarted process is another node. */
export async function registerNode(queryable: Queryable, name: string): Promise<number> {
  const [row] = await queryable.query<{ id: number }>(REGISTER, [name]);
  if (!row) throw new Error('The node was not registered.');
  return row.id;
}

const HEARTBEAT = statement('node_heartbeat', 'UPDATE nodes SET seen_at = now() WHERE id = $1 RETURNING id');
const LIVE = statement('live_nodes', `SELECT count(*)::int AS live FROM nodes WHERE seen_at > now() - $1::int * interval '1 millisecond'`);

/** Says that the node lives, and answers how many do; null: the node was struck off. */
export async function heartbeat(queryable: Queryable, input: { nodeId: number; leaseMs: number }): Promise<number | null> {
  const alive = await queryable.query(HEARTBEAT, [input.nodeId]);
  if (alive.length === 0) return null;
  const [row] = await queryable.query<{ live: number }>(LIVE, [input.leaseMs]);
  return row?.live ?? 1;
}

const FORGET_NODES = statement('forget_nodes', `DELETE FROM nodes WHERE seen_at < now() - interval '1 day'`);

export async function forgetDeadNodes(queryable: Queryable): Promise<void> {
  await queryable.query(FORGET_NODES);
}

const REMOVE_NODE = statement('remove_node', 'DELETE FROM nodes WHERE id = $1');

export async function removeNode(queryable: Queryable, nodeId: number): Promise<void> {
  await queryable.query(REMOVE_NODE, [nodeId]);
}

/** A shard as its owner holds it. */
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

/** Who lost a lease but kept its epoch (nobody else took it) still owns the shard: the expiry only lets others in. */
const RENEW = statement(
  'renew_shards',
  `UPDATE shards SET expires_at = now() + $4::int * interval '1 millisecond', low_water = GREATEST(shards.low_water, held.low_water::xid8)
   FROM unnest($2::int[], $3::int[], $5::text[]) AS held (id, epoch, low_water)
   WHERE shards.id = held.id AND shards.epoch = held.epoch AND shards.owner = $1
   RETURNING shards.id`,
);

export async function renewShards(
  queryable: Queryable,
  input: { nodeId: number; leaseMs: number; shards: readonly LeasedShard[] },
): Promise<Set<number>> {
  const { nodeId, leaseMs, shards } = input;
  const rows = await queryable.query<{ id: number }>(RENEW, [
    nodeId,
    shards.map((shard) => shard.id),
    shards.map((shard) => shard.epoch),
    leaseMs,
    shards.map((shard) => String(shard.lowWater)),
  ]);
  return new Set(rows.map((row) => row.id));
}

const ACQUIRE = statement(
  'acquire_shards',
  `UPDATE shards SET owner = $1, epoch = epoch + 1, expires_at = now() + $3::int * interval '1 millisecond'
   WHERE id IN (SELECT id FROM shards WHERE owner IS NULL OR expires_at < now() ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
   RETURNING id, epoch, low_water::text`,
);

/** Takes up to `count` shards that nobody holds. */
export async function acquireShards(
  queryable: Queryable,
  input: { nodeId: number; leaseMs: number; count: number },
): Promise<LeasedShard[]> {
  const rows = await queryable.query<ShardRow>(ACQUIRE, [input.nodeId, input.count, input.leaseMs]);
  return rows.map((row) => ({ id: row.id, epoch: row.epoch, lowWater: Number(row.low_water) }));
}

const RELEASE = statement(
  'release_shards',
  `UPDATE shards SET owner = NULL, low_water = GREATEST(shards.low_water, held.low_water::xid8)
   FROM unnest($2::int[], $3::int[], $4::text[]) AS held (id, epoch, low_water)
   WHERE shards.id = held.id AND shards.epoch = held.epoch AND shards.owner = $1`,
);

/** Gives shards back, so that another node need not wait for the lease to end. */
export async function releaseShards(queryable: Queryable, input: { nodeId: number; shards: readonly LeasedShard[] }): Promise<void> {
  const { nodeId, shards } = input;
  await queryable.query(RELEASE, [
    nodeId,
    shards.map((shard) => shard.id),
    shards.map((shard) => shard.epoch),
    shards.map((shard) => String(shard.lowWater)),
  ]);
}

const SEIZE = statement('seize_shards', `UPDATE shards SET expires_at = 'epoch' WHERE owner IS NOT NULL`);

/** Ends every lease at once. Only for an embedded database, which no other process can have open. */
export async function endAllLeases(queryable: Queryable): Promise<void> {
  await queryable.query(SEIZE);
}
