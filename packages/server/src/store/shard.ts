/** Virtual shards: enough that dozens of nodes can share them evenly, few enough to lease all in one statement. */
export const SHARD_COUNT = 64;

/** The shard of an organization. Keys are given out in sequence, so the shards fill evenly. */
export function shardOf(organizationKey: number): number {
  return organizationKey % SHARD_COUNT;
}
