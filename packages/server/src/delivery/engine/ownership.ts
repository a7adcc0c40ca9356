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
import { SHARD_COUNT } from '../../store/shard.ts';
import { unavailable } from '../../store/store-error.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { OwnedShard } from './owned-shard.ts';
import { pause } from './pause.ts';

/** Up to where everything this node read or wrote is known, and of which continuity of the log that transaction id is. */
export interface LowWaterLimit {
  readonly xid: number;
  readonly continuity: string | null;
}

export interface OwnershipOptions {
  readonly database: Database;
  /** Counts what the shards have in memory. */
  readonly memory: MemoryBudget;
  readonly log: Logger;
  /** Shown in the nodes table. */
  readonly nodeName: string;
  /** How long a lease lasts without renewal: a dead node's shards are free after it. */
  readonly leaseMs: number;
  /** How often leases are renewed. */
  readonly renewMs: number;
  readonly lowWaterLimit: () => LowWaterLimit;
  /** Shards that this node starts nothing more for: they are leaving, or lost. */
  readonly onClosed: (shards: readonly OwnedShard[]) => void;
}

/** A lease is trusted for a little less than the database grants it, so that two nodes do not send at once. */
const SAFETY_MS = 500;
/** How often leaving shards are checked for exchanges that have ended. */
const RELEASE_MS = 50;
/** How often a new node asks whether the others know of it. */
const AWARE_MS = 20;
/** For how long ordered events wait for that. */
const KNOWN_MS = 2_000;

/** This node's leases on shards: taken, renewed, balanced with the other nodes, given back. */
export class Ownership {
  readonly #options: OwnershipOptions;
  readonly #shards = new Map<number, OwnedShard>();
  readonly #leaving = new Set<OwnedShard>();
  #nodeId = 0;
  /** Live nodes, this one included; before the first report: none. */
  #live: ReadonlySet<number> = new Set();
  #validUntil = 0;
  #isInvalid = false;
  #isKnown = false;
  #known: Promise<void> | null = null;
  readonly #poller: Poller;

  constructor(options: OwnershipOptions) {
    this.#options = options;
    this.#poller = new Poller({
      look: () => this.#renew(),
      everyMs: options.renewMs,
      apartMs: Math.min(RELEASE_MS, options.renewMs),
      log: options.log,
      complaint: 'Could not renew the leases on shards.',
    });
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

  /** Whether this is the only live node that accepts ordered events: another one waits until this one knows of it. */
  get isAlone(): boolean {
    return this.#live.size === 1;
  }

  shard(id: number): OwnedShard | undefined {
    return this.#shards.get(id);
  }

  /** Whether the leases still hold by this machine's own clock. */
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

  /** Gives every shard back. */
  async stop(): Promise<void> {
    await this.#poller.stop();
    const held = [...this.#shards.values(), ...this.#leaving];
    await releaseShards(this.#options.database, { nodeId: this.#nodeId, ...this.#leased(held) });
    this.#lose(held);
    await removeNode(this.#options.database, this.#nodeId);
  }

  /** Stops without a word to the others, as a crash would: the leases run out by themselves. */
  abandon(): void {
    void this.#poller.stop();
  }

  /**
   * Resolves when every live node knows of this one: from then on they read the log for ordered events before they send
   * theirs. One promise for all who wait, so that they continue in the order in which they came. Rejects with `unavailable`
   * if that takes long, as while the database is away.
   */
  known(): Promise<void> {
    this.#known ??= this.#becomeKnown();
    return this.#known;
  }

  get isKnown(): boolean {
    return this.#isKnown && this.valid;
  }

  /**
   * Forgets all shards and goes on as a new node would: the database went back to an earlier state, so what this node has
   * in memory may differ from what is stored.
   */
  invalidate(): void {
    this.#isInvalid = true;
    this.#validUntil = 0;
    this.#lose([...this.#shards.values(), ...this.#leaving]);
    this.renewNow();
  }

  /** Renews at once: a node has started, and waits until it is known. */
  renewNow(): void {
    this.#poller.wake();
  }

  async #renew(): Promise<void> {
    const { database, leaseMs } = this.#options;
    if (this.#isInvalid) await this.#register();
    const asked = performance.now();
    // The others may count this node among the dead.
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
   * Returns how many nodes live; null: this one's row is gone. A node that is new here is taken into account first and
   * reported then; one that is gone the other way round.
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

  /** Takes a new node number: what the old one claimed is read from the log like what any earlier owner did. */
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
      if (acquired.length > 0) this.#options.log.info({ shards: acquired.length, nodes: live }, 'Took over shards.');
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

  /** A shard goes to another node once its exchanges have ended and are recorded: otherwise that node would send them again. */
  async #release(): Promise<void> {
    const shards = [...this.#leaving].filter((shard) => shard.isQuiet);
    if (shards.length === 0) return;
    await releaseShards(this.#options.database, { nodeId: this.#nodeId, ...this.#leased(shards) });
    this.#lose(shards);
    this.#options.log.info({ shards: shards.length }, 'Gave shards to another node.');
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
