import type { Logger } from 'pino';
import type { Database } from '../../store/database.ts';
import {
  acquireShards,
  forgetDeadNodes,
  heartbeat,
  registerNode,
  releaseShards,
  removeNode,
  renewShards,
  type LeasedShard,
} from '../../store/shards.ts';
import { SHARD_COUNT } from '../../store/shard.ts';
import { OwnedShard, type MemoryUse } from './owned-shard.ts';

export interface OwnershipOptions {
  readonly database: Database;
  readonly log: Logger;
  /** Shown in the nodes table. */
  readonly nodeName: string;
  /** How long a lease lasts without renewal: a dead node's shards are free after it. */
  readonly leaseMs: number;
  /** How often leases are renewed. */
  readonly renewMs: number;
  /** Below which transaction id everything this node read or wrote is known. */
  readonly lowWaterLimit: () => number;
}

/** A lease is trusted for a little less than the database grants it, so that two nodes do not send at once. */
const SAFETY_MS = 500;
/** How long a shard that goes to another node waits for its exchanges in flight. */
const HANDOVER_MS = 3_000;

/** This node's leases on shards: taken, renewed, balanced with the other nodes, given back. */
export class Ownership {
  readonly #options: OwnershipOptions;
  /** What all shards have in memory. */
  readonly memory: MemoryUse = { bytes: 0 };
  readonly #shards = new Map<number, OwnedShard>();
  readonly #leaving = new Map<OwnedShard, number>();
  #nodeId = 0;
  #validUntil = 0;
  #timer: NodeJS.Timeout | null = null;
  #renewing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  get nodeId(): number {
    return this.#nodeId;
  }

  /** Shards this node works on. */
  get shards(): Iterable<OwnedShard> {
    return this.#shards.values();
  }

  get count(): number {
    return this.#shards.size;
  }

  shard(id: number): OwnedShard | undefined {
    return this.#shards.get(id);
  }

  /** Whether the leases still hold by this machine's own clock. */
  get valid(): boolean {
    return performance.now() < this.#validUntil;
  }

  async start(): Promise<void> {
    this.#nodeId = await registerNode(this.#options.database, this.#options.nodeName);
    await this.#renew();
    this.#schedule();
  }

  /** Gives every shard back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#renewing;
    const held = [...this.#shards.values(), ...this.#leaving.keys()];
    await releaseShards(this.#options.database, { nodeId: this.#nodeId, shards: this.#leased(held) });
    for (const shard of held) shard.forget();
    this.#shards.clear();
    await removeNode(this.#options.database, this.#nodeId);
  }

  /** Stops without a word to the others, as a crash would: the leases run out by themselves. */
  abandon(): void {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#renewing = this.#renew().catch((error: unknown) => this.#options.log.warn({ err: error }, 'The leases could not be renewed.'));
      void this.#renewing.then(() => this.#schedule());
    }, this.#options.renewMs);
  }

  async #renew(): Promise<void> {
    const { database, leaseMs } = this.#options;
    const asked = performance.now();
    const held = [...this.#shards.values(), ...this.#leaving.keys()];
    const renewed = await renewShards(database, { nodeId: this.#nodeId, leaseMs, shards: this.#leased(held) });
    this.#validUntil = asked + leaseMs - SAFETY_MS;
    for (const shard of held) if (!renewed.has(shard.id)) this.#lose(shard);
    const live = await heartbeat(database, { nodeId: this.#nodeId, leaseMs });
    if (live === null) {
      this.#nodeId = await registerNode(database, this.#options.nodeName);
      for (const shard of held) this.#lose(shard);
      return;
    }
    await this.#balance(live);
    await this.#release();
    await forgetDeadNodes(database);
  }

  async #balance(live: number): Promise<void> {
    const share = Math.ceil(SHARD_COUNT / Math.max(1, live));
    const missing = share - this.#shards.size;
    if (missing > 0) {
      const { database, leaseMs } = this.#options;
      const acquired = await acquireShards(database, { nodeId: this.#nodeId, leaseMs, count: missing });
      for (const lease of acquired) this.#shards.set(lease.id, new OwnedShard(lease, this.memory));
      if (acquired.length > 0) this.#options.log.info({ shards: acquired.length, nodes: live }, 'Took over shards.');
      return;
    }
    for (const shard of [...this.#shards.values()].slice(share)) {
      this.#shards.delete(shard.id);
      shard.leave(this.#options.lowWaterLimit());
      this.#leaving.set(shard, performance.now());
    }
  }

  async #release(): Promise<void> {
    const ready = [...this.#leaving].filter(([shard, since]) => shard.inFlight === 0 || performance.now() - since > HANDOVER_MS);
    if (ready.length === 0) return;
    const shards = ready.map(([shard]) => shard);
    await releaseShards(this.#options.database, { nodeId: this.#nodeId, shards: this.#leased(shards) });
    for (const shard of shards) this.#lose(shard);
    this.#options.log.info({ shards: shards.length }, 'Gave shards to another node.');
  }

  #lose(shard: OwnedShard): void {
    shard.forget();
    if (this.#shards.get(shard.id) === shard) this.#shards.delete(shard.id);
    this.#leaving.delete(shard);
  }

  #leased(shards: readonly OwnedShard[]): LeasedShard[] {
    const limit = this.#options.lowWaterLimit();
    return shards.map((shard) => ({ id: shard.id, epoch: shard.epoch, lowWater: shard.lowWater(limit) }));
  }
}
