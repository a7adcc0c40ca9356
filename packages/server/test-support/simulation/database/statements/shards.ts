import { list, numbers, present } from '../parameters.ts';
import type { Implementation, StatementContext } from '../server.ts';

interface HeldShard {
  readonly id: number;
  readonly epoch: number;
  readonly lowWater: number;
}

/** The shards of a list that the node still owns, with their new marks. */
function stillHeld({ transaction }: StatementContext, nodeId: unknown, [ids, epochs, marks, token]: readonly unknown[]) {
  const [asked, lowWaters] = [numbers(epochs), list(marks)];
  const held = present(numbers(ids)).map((id, index): HeldShard => ({
    id,
    epoch: asked[index] ?? -1,
    lowWater: Number(lowWaters[index] ?? 0),
  }));
  const isSameLog = transaction.table('log_continuity').get('true')?.token === token;
  return held.flatMap(({ id, epoch, lowWater }) => {
    const shard = transaction.table('shards').get(String(id));
    if (!shard || shard.epoch !== epoch || shard.owner !== nodeId) return [];
    return [{ ...shard, low_water: isSameLog ? Math.max(shard.low_water, lowWater) : shard.low_water }];
  });
}

const renew: Implementation = (context, [nodeId, ids, epochs, leaseMs, marks, token]) => {
  const shards = stillHeld(context, nodeId, [ids, epochs, marks, token]);
  const table = context.transaction.table('shards');
  for (const shard of shards) table.put(String(shard.id), { ...shard, expires_at: context.now + Number(leaseMs) });
  return shards.map(({ id }) => ({ id }));
};

const release: Implementation = (context, [nodeId, ids, epochs, marks, token]) => {
  const table = context.transaction.table('shards');
  for (const shard of stillHeld(context, nodeId, [ids, epochs, marks, token])) table.put(String(shard.id), { ...shard, owner: null });
  return [];
};

const acquire: Implementation = ({ transaction, server, now }, [nodeId, count, leaseMs]) => {
  const table = transaction.table('shards');
  const free = table
    .rows()
    .filter(({ id, owner, expires_at: expiresAt }) => {
      const holder = server.locks.get(`shards ${id}`);
      return (owner === null || expiresAt < now) && (!holder || holder === transaction);
    })
    .sort((a, b) => a.id - b.id)
    .slice(0, Number(count));
  // The statement's own id is not in its snapshot.
  const hasForeign = transaction
    .table('events')
    .rows()
    .some(({ xid }) => xid >= server.nextXid);
  return free.map((shard) => {
    const lowWater = shard.low_water > server.nextXid || hasForeign ? 0 : shard.low_water;
    const taken = {
      ...shard,
      owner: Number(nodeId),
      epoch: shard.epoch + 1,
      expires_at: now + Number(leaseMs),
      low_water: lowWater,
    };
    table.put(String(shard.id), taken);
    return { id: taken.id, epoch: taken.epoch, low_water: String(lowWater) };
  });
};

const abandon: Implementation = ({ transaction }, [nodeId]) => {
  const table = transaction.table('shards');
  for (const shard of table.rows()) if (shard.owner === nodeId) table.put(String(shard.id), { ...shard, owner: null });
  return [];
};

const DAY_MS = 86_400_000;

export const SHARDS: Readonly<Record<string, Implementation>> = {
  register_node: ({ transaction, server, now }) => {
    const id = server.nextNodeId();
    transaction.table('nodes').put(String(id), { id, seen_at: now, knows: [] });
    return [{ id }];
  },
  lock_nodes: ({ transaction }) => {
    transaction.lockAdvisory(80_303);
    return [];
  },
  node_heartbeat: ({ transaction, server }, [nodeId]) => {
    const nodes = transaction.table('nodes');
    const node = nodes.get(String(nodeId));
    if (!node) return [];
    nodes.put(String(nodeId), { ...node, seen_at: server.clock });
    return [{ id: node.id }];
  },
  live_nodes: ({ transaction, server }, [leaseMs]) =>
    transaction
      .table('nodes')
      .rows()
      .filter(({ seen_at: seenAt }) => seenAt > server.clock - Number(leaseMs))
      .map(({ id }) => ({ id })),
  report_known_nodes: ({ transaction }, [nodeId, knows]) => {
    const nodes = transaction.table('nodes');
    const node = nodes.get(String(nodeId));
    if (node) nodes.put(String(nodeId), { ...node, knows: present(numbers(knows)) });
    return [];
  },
  unaware_nodes: ({ transaction, server }, [nodeId, leaseMs]) => {
    const unaware = transaction
      .table('nodes')
      .rows()
      .filter(
        ({ id, knows, seen_at: seenAt }) => id !== nodeId && !knows.includes(Number(nodeId)) && seenAt > server.clock - Number(leaseMs),
      );
    return [{ unaware: unaware.length }];
  },
  forget_nodes: ({ transaction, now }) => {
    const nodes = transaction.table('nodes');
    for (const { id, seen_at: seenAt } of nodes.rows()) if (seenAt < now - DAY_MS) nodes.remove(String(id));
    return [];
  },
  remove_node: ({ transaction }, [nodeId]) => {
    if (transaction.table('nodes').get(String(nodeId))) transaction.table('nodes').remove(String(nodeId));
    return [];
  },
  renew_shards: renew,
  acquire_shards: acquire,
  release_shards: release,
  abandon_shards: abandon,
};
