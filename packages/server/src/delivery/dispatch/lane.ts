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

/** The two pools of slots: for webhooks that answer fast, and for those that do not. */
export type PoolName = 'fast' | 'slow';

/** An organization's part in both pools; kept while it has lanes. */
export class OrganizationShares<Job> {
  readonly key: number;
  lanes = 0;
  /** Probes of its lanes that are queued or in flight. */
  probes = 0;
  /** Jobs queued for its lanes. */
  queued = 0;
  /** Its lanes that have jobs queued. */
  waitingLanes = 0;
  /** Queued jobs of its lanes that answer fast. */
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

/** All that is known of one webhook: its queue, and how much its endpoint takes. */
export class Lane<Job> implements LaneKey {
  readonly organizationKey: number;
  readonly webhookId: string;
  readonly organization: OrganizationShares<Job>;
  /** Its place where lanes take turns, or among the idle ones. */
  readonly node: RingNode<Lane<Job>>;
  readonly queue = new LaneQueue<Entry<Job>>();
  readonly window: Window;
  readonly latency: Latency;
  /** null: the last exchange succeeded, or there was none. */
  breaker: Breaker | null = null;
  /** The probe that is queued or in flight. */
  probing: Entry<Job> | null = null;
  bucket: TokenBucket | null = null;
  /** Until when its rate limit keeps it from starting more; null: not at all. */
  limitedUntil: number | null = null;
  /** Until when its endpoint asked to be left alone (`Retry-After`); null: it did not ask. */
  pausedUntil: number | null = null;
  fastInUse = 0;
  slowInUse = 0;
  /** The pool whose turns it takes part in; null: it wants no slot. */
  wants: PoolName | null = null;
  /** What it adds to the dispatcher's count of runnable jobs. */
  runnable = 0;
  /** What it adds to the dispatcher's count of jobs for responsive webhooks. */
  responsive = 0;
  turn = 0;
  /** Where its jobs are sent; null: not known yet. */
  url: string | null = null;
  /** Grows when its URL moves to another origin: exchanges with the old endpoint say nothing about the new one. */
  endpoint = 0;
  /** Nothing of it is to be remembered once it is idle. */
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

  /** Whether a job could start, slots aside. A probe needs no window: it may be what shows that the endpoint is back. */
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

  /** Adds a slot of a pool, or takes one off. */
  use(pool: PoolName, slots: 1 | -1): void {
    if (pool === 'fast') this.fastInUse += slots;
    else this.slowInUse += slots;
  }

  /** Sets the URL. If its origin is another one than before, forgets what was learned of the old endpoint. */
  moveTo(url: string, { windowStart }: Pick<DispatcherOptions, 'windowStart'>): void {
    const before = this.url;
    this.url = url;
    if (before === null || URL.parse(before)?.origin === URL.parse(url)?.origin) return;
    this.endpoint += 1;
    this.breaker = null;
    this.pausedUntil = null;
    this.window.restart(windowStart);
  }

  /** Sets the rate limit; true: it is another one than before. */
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
  /** Whose slot it has; null: it is not in flight. */
  pool: PoolName | null = null;
  startedAt = 0;
  /** Its lane's endpoint when it was started. */
  endpoint = 0;
  /** It has lasted long enough to be told of before its end. */
  overdue = false;

  constructor(job: Job, lane: Lane<Job>, place: { readonly kind: JobKind; readonly orderKey: string | null; readonly sequence: number }) {
    this.job = job;
    this.lane = lane;
    this.kind = place.kind;
    this.orderKey = place.orderKey;
    this.sequence = place.sequence;
  }
}
