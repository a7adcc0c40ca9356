/** Virtual shards: enough for dozens of nodes to share them evenly, few enough to lease all in one statement. */
export const SHARD_COUNT = 64;

/** Returns an organization's shard. Keys are sequential, so the shards fill evenly. */
export function shardOf(organizationKey: number): number {
  return organizationKey % SHARD_COUNT;
}
