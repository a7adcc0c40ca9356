import type { Chained } from '../chained-list.ts';
import type { Breaker } from './breaker.ts';
import { LaneQueue, type QueueItem } from './lane-queue.ts';
import { Latency } from './latency.ts';
import type { JobKind, LaneKey } from './offer.ts';
import type { DispatcherOptions } from './options.ts';
import { RingNode } from './ring.ts';
import { Share } from './slot-pool.ts';
import { TokenBucket } from './token-bucket.ts';
import { Window } from './window.ts';

/** The two pools of slots: for webhooks that respond fast, and for slow ones. */
export type PoolName = 'fast' | 'slow';

/** An organization's shares of both pools, kept while it has lanes. */
export class OrganizationShares<Job> {
  readonly key: number;
  lanes = 0;
  /** Probes of its lanes that are queued or in flight. */
  probes = 0;
  /** Jobs queued for its lanes. */
  queued = 0;
  /** Its lanes with queued jobs. */
  waitingLanes = 0;
  /** Queued jobs of its fast lanes. */
  responsive = 0;
  readonly fast = new Share<Lane<Job>>();
  #slow: Share<Lane<Job>> | null = null;

  constructor(key: number) {
    this.key = key;
  }

  in(pool: PoolName): Share<Lane<Job>> {
    return pool === 'fast' ? this.fast : (this.#slow ??= new Share());
  }
}

/** The state of one webhook: its queue, and the capacity of its endpoint. */
export class Lane<Job> implements LaneKey {
  readonly organizationKey: number;
  readonly webhookId: string;
  readonly organization: OrganizationShares<Job>;
  /** Its node in the ring of lanes that take turns, or of idle lanes. */
  readonly node: RingNode<Lane<Job>>;
  readonly queue = new LaneQueue<Entry<Job>>();
  readonly window: Window;
  readonly latency: Latency;
  /** null: the last exchange succeeded, or there was none. */
  breaker: Breaker | null = null;
  /** The probe that is queued or in flight. */
  probing: Entry<Job> | null = null;
  bucket: TokenBucket | null = null;
  /** The rate limit allows no start before this time; null: no limit applies now. */
  limitedUntil: number | null = null;
  /** The endpoint asked for a pause until this time (`Retry-After`); null: it didn't. */
  pausedUntil: number | null = null;
  fastInUse = 0;
  slowInUse = 0;
  /** The pool in which it takes turns; null: it wants no slot. */
  wants: PoolName | null = null;
  /** Its part of the dispatcher's count of runnable jobs. */
  runnable = 0;
  /** Its part of the dispatcher's count of jobs for responsive webhooks. */
  responsive = 0;
  turn = 0;
  /** Where its jobs are sent; null: not known yet. */
  url: string | null = null;
  /**
   * Incremented when its URL moves to another origin: exchanges with the old endpoint say nothing about the new one.
   */
  endpoint = 0;
  /** Whether to forget the lane once it is idle. */
  forgotten = false;

  constructor(key: LaneKey, organization: OrganizationShares<Job>, options: DispatcherOptions) {
    this.organizationKey = key.organizationKey;
    this.webhookId = key.webhookId;
    this.organization = organization;
    this.node = new RingNode<Lane<Job>>(this);
    this.window = new Window(options.windowStart, options.windowMax);
    this.latency = new Latency(options.slowAfterMs);
  }

  get inFlight(): number {
    return this.fastInUse + this.slowInUse;
  }

  get isOpen(): boolean {
    return this.breaker !== null && this.breaker.isOpen;
  }

  /** Whether a job could start if a slot were free. A probe needs no window: it may show that the endpoint is back. */
  get isReady(): boolean {
    if (this.limitedUntil !== null || this.pausedUntil !== null) return false;
    if (this.isOpen) return this.queue.hasProbe;
    return this.queue.ready > 0 && this.inFlight < this.window.size;
  }

  get isIdle(): boolean {
    return this.queue.size === 0 && this.inFlight === 0 && !this.isOpen && this.pausedUntil === null;
  }

  get pool(): PoolName {
    return this.latency.isSlow ? 'slow' : 'fast';
  }

  inUse(pool: PoolName): number {
    return pool === 'fast' ? this.fastInUse : this.slowInUse;
  }

  /** Adds or removes a slot of a pool. */
  use(pool: PoolName, slots: 1 | -1): void {
    if (pool === 'fast') this.fastInUse += slots;
    else this.slowInUse += slots;
  }

  /** Sets the URL. If the origin changes, resets what was learned about the old endpoint. */
  moveTo(url: string, { windowStart }: Pick<DispatcherOptions, 'windowStart'>): void {
    const before = this.url;
    this.url = url;
    if (before === null || URL.parse(before)?.origin === URL.parse(url)?.origin) return;
    this.endpoint += 1;
    this.breaker = null;
    this.pausedUntil = null;
    this.window.restart(windowStart);
  }

  /** Sets the rate limit. Returns true if it changed. */
  limitRate(perSecond: number | null): boolean {
    if (perSecond === (this.bucket === null ? null : this.bucket.perSecond)) return false;
    if (perSecond === null) this.bucket = null;
    else if (this.bucket === null) this.bucket = new TokenBucket(perSecond);
    else this.bucket.perSecond = perSecond;
    this.limitedUntil = null;
    return true;
  }
}

/** A job in the dispatcher: queued, then in flight, then ended. */
export class Entry<Job> implements QueueItem<Entry<Job>>, Chained<Entry<Job>> {
  readonly job: Job;
  readonly lane: Lane<Job>;
  readonly kind: JobKind;
  readonly orderKey: string | null;
  readonly sequence: number;
  next: Entry<Job> | null = null;
  previous: Entry<Job> | null = null;
  /** The pool whose slot it uses; null: it is not in flight. */
  pool: PoolName | null = null;
  startedAt = 0;
  /** The value of its lane's `endpoint` when it started. */
  endpoint = 0;
  /** Whether its latency was already counted before it ended. */
  overdue = false;

  constructor(job: Job, lane: Lane<Job>, place: { readonly kind: JobKind; readonly orderKey: string | null; readonly sequence: number }) {
    this.job = job;
    this.lane = lane;
    this.kind = place.kind;
    this.orderKey = place.orderKey;
    this.sequence = place.sequence;
  }
}
