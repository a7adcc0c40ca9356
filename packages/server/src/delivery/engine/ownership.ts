import type { Logger } from 'pino';
import { Poller } from '../../intake/poller.ts';
import type { Database } from '../../store/database.ts';
import {
  abandonShards,
  acquireShards,
  forgetDeadNodes,
  heartbeat,
  registerNode,
  releaseShards,
  removeNode,
  renewShards,
  unawareNodes,
  type LeasedShard,
} from '../../store/shards.ts';
import { notifyChange } from '../../store/notify-change.ts';
import { SHARD_COUNT } from '../../ids/shard.ts';
import { unavailable } from '../../errors/store-error.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { OwnedShard } from './owned-shard.ts';
import { pause } from './pause.ts';

/** The transaction id below which everything this node read or wrote is known, and the log continuity it belongs to. */
export interface LowWaterLimit {
  readonly xid: number;
  readonly continuity: string | null;
}

export interface OwnershipOptions {
  readonly database: Database;
  /** Accounts for the memory that events of the shards use. */
  readonly memory: MemoryBudget;
  readonly log: Logger;
  /** Shown in the nodes table. */
  readonly nodeName: string;
  /** How long a lease lasts without renewal. A dead node's shards are free after that. */
  readonly leaseMs: number;
  /** How often leases are renewed. */
  readonly renewMs: number;
  readonly lowWaterLimit: () => LowWaterLimit;
  /** Called with shards that are leaving or lost. Nothing more may be started for them. */
  readonly onClosed: (shards: readonly OwnedShard[]) => void;
}

/** Safety margin: the node stops using a lease this long before it expires, so that two nodes never send at once. */
const SAFETY_MS = 500;
/** How often leaving shards are checked for running attempts. */
const RELEASE_MS = 50;
/** How often a new node checks whether all other nodes know it. */
const AWARE_MS = 20;
/** How long ordered events wait until all other nodes know this one. */
const KNOWN_MS = 2_000;

/** This node's leases on shards: acquires, renews, balances and releases them. */
export class Ownership {
  readonly #options: OwnershipOptions;
  readonly #shards = new Map<number, OwnedShard>();
  readonly #leaving = new Set<OwnedShard>();
  #nodeId = 0;
  /** Live nodes including this one; empty before the first heartbeat. */
  #live: ReadonlySet<number> = new Set();
  #validUntil = 0;
  #isInvalid = false;
  #isKnown = false;
  #known: Promise<void> | null = null;
  readonly #poller: Poller;

  constructor(options: OwnershipOptions) {
    this.#options = options;
    this.#poller = new Poller({
      poll: () => this.#renew(),
      everyMs: options.renewMs,
      apartMs: Math.min(RELEASE_MS, options.renewMs),
      log: options.log,
      errorMessage: 'Failed to renew the shard leases; retrying',
    });
  }

  get nodeId(): number {
    return this.#nodeId;
  }

  /** Shards that this node owns and that are not leaving. */
  get shards(): Iterable<OwnedShard> {
    return this.#shards.values();
  }

  get count(): number {
    return this.#shards.size;
  }

  /** Whether no other live node accepts ordered events: a new node waits until this one knows it. */
  get isAlone(): boolean {
    return this.#live.size === 1;
  }

  shard(id: number): OwnedShard | undefined {
    return this.#shards.get(id);
  }

  /** Whether the leases are still valid by this machine's clock. */
  get valid(): boolean {
    return performance.now() < this.#validUntil;
  }

  async start(): Promise<void> {
    const { database, nodeName } = this.#options;
    this.#nodeId = await registerNode(database, nodeName);
    await notifyChange(database, 'nodes');
    await this.#renew();
    this.#poller.start();
  }

  /** Releases all shards. */
  async stop(): Promise<void> {
    await this.#poller.stop();
    const held = [...this.#shards.values(), ...this.#leaving];
    await releaseShards(this.#options.database, { nodeId: this.#nodeId, ...this.#leased(held) });
    this.#lose(held);
    await removeNode(this.#options.database, this.#nodeId);
  }

  /** Stops without releasing anything, as a crash would: the leases expire. */
  abandon(): void {
    void this.#poller.stop();
  }

  /**
   * Resolves when every live node knows this one: from then on they read the log before they send ordered events. All
   * callers share one promise, so they continue in the order of their calls. Rejects with `unavailable` after a
   * timeout.
   */
  known(): Promise<void> {
    this.#known ??= this.#becomeKnown();
    return this.#known;
  }

  get isKnown(): boolean {
    return this.#isKnown && this.valid;
  }

  /**
   * Drops all shards and registers as a new node. Called when the database went back to an earlier state, because what
   * is in memory may differ from what is stored.
   */
  invalidate(): void {
    this.#isInvalid = true;
    this.#validUntil = 0;
    this.#lose([...this.#shards.values(), ...this.#leaving]);
    this.renewNow();
  }

  /** Renews now, because another node has started and waits until it is known. */
  renewNow(): void {
    this.#poller.wake();
  }

  async #renew(): Promise<void> {
    const { database, leaseMs } = this.#options;
    if (this.#isInvalid) await this.#register();
    const asked = performance.now();
    // Other nodes may consider this node dead.
    const isBack = asked >= this.#validUntil;
    if (isBack) this.#isKnown = false;
    const held = [...this.#shards.values(), ...this.#leaving];
    const renewed = await renewShards(database, { nodeId: this.#nodeId, leaseMs, ...this.#leased(held) });
    if (this.#isInvalid) return;
    this.#validUntil = asked + leaseMs - SAFETY_MS;
    this.#lose(held.filter((shard) => !renewed.has(shard.id)));
    const live = await this.#report();
    if (live === null) return this.invalidate();
    if (isBack && live > 1) await notifyChange(database, 'nodes');
    await this.#balance(live);
    await this.#release();
    await forgetDeadNodes(database);
    if (this.#leaving.size > 0) this.#poller.wake();
  }

  /**
   * Returns the number of live nodes; null: this node's row is gone. A new node is added to `#live` before it is
   * reported as known. A dead one is reported as gone before it is removed.
   */
  async #report(): Promise<number | null> {
    const { database, leaseMs } = this.#options;
    for (;;) {
      const live = await heartbeat(database, { nodeId: this.#nodeId, leaseMs, known: this.#live });
      if (live === null) return null;
      const isNew = live.some((id) => !this.#live.has(id));
      this.#live = new Set(live);
      if (!isNew) return live.length;
    }
  }

  async #becomeKnown(): Promise<void> {
    const end = performance.now() + KNOWN_MS;
    try {
      while (!this.#poller.stopped) {
        this.#isKnown = await Promise.race([this.#othersKnow(), pause(end - performance.now()).then(() => false)]);
        if (this.isKnown) return;
        if (performance.now() >= end) throw unavailable(new Error('Not every other node knows of this one.'));
        await pause(AWARE_MS);
      }
    } finally {
      this.#known = null;
    }
  }

  async #othersKnow(): Promise<boolean> {
    const { database, leaseMs } = this.#options;
    if (!this.valid) return false;
    return (await unawareNodes(database, { nodeId: this.#nodeId, leaseMs }).catch(() => null)) === 0;
  }

  /**
   * Takes a new node number. Events claimed under the old number are read from the log, as those of any earlier owner.
   */
  async #register(): Promise<void> {
    const { database, nodeName } = this.#options;
    const old = this.#nodeId;
    await abandonShards(database, old);
    this.#nodeId = await registerNode(database, nodeName);
    await removeNode(database, old);
    this.#isKnown = false;
    this.#live = new Set();
    await notifyChange(database, 'nodes');
    this.#lose([...this.#shards.values(), ...this.#leaving]);
    this.#isInvalid = false;
  }

  async #balance(live: number): Promise<void> {
    const share = Math.ceil(SHARD_COUNT / Math.max(1, live));
    const missing = share - this.#shards.size;
    if (missing > 0) {
      const { database, leaseMs } = this.#options;
      const acquired = await acquireShards(database, { nodeId: this.#nodeId, leaseMs, count: missing });
      if (this.#isInvalid) return;
      for (const lease of acquired) this.#shards.set(lease.id, new OwnedShard(lease, this.#options.memory));
      if (acquired.length > 0) this.#options.log.info({ shards: acquired.length, nodes: live }, 'Acquired shards');
      return;
    }
    const leaving = [...this.#shards.values()].slice(share);
    if (leaving.length === 0) return;
    for (const shard of leaving) {
      this.#shards.delete(shard.id);
      shard.leave(this.#options.lowWaterLimit().xid);
      this.#leaving.add(shard);
    }
    this.#options.onClosed(leaving);
  }

  /** Releases leaving shards once their attempts are recorded: otherwise the next owner would repeat them. */
  async #release(): Promise<void> {
    const shards = [...this.#leaving].filter((shard) => shard.isQuiet);
    if (shards.length === 0) return;
    await releaseShards(this.#options.database, { nodeId: this.#nodeId, ...this.#leased(shards) });
    this.#lose(shards);
    this.#options.log.info({ shards: shards.length }, 'Released shards to another node');
  }

  #lose(shards: readonly OwnedShard[]): void {
    if (shards.length === 0) return;
    for (const shard of shards) {
      shard.forget();
      if (this.#shards.get(shard.id) === shard) this.#shards.delete(shard.id);
      this.#leaving.delete(shard);
    }
    this.#options.onClosed(shards);
  }

  #leased(shards: readonly OwnedShard[]): { shards: LeasedShard[]; continuity: string | null } {
    const { xid, continuity } = this.#options.lowWaterLimit();
    return { continuity, shards: shards.map((shard) => ({ id: shard.id, epoch: shard.epoch, lowWater: shard.lowWater(xid) })) };
  }
}
