import { ChainedList } from '../chained-list.ts';
import { Breaker } from './breaker.ts';
import { LaneDirectory } from './lane-directory.ts';
import { bySequence } from './lane-queue.ts';
import { Entry, type Lane, type PoolName } from './lane.ts';
import type { JobKind, LaneKey, LaneSettings, OfferOptions, OfferResult, Outcome, Released } from './offer.ts';
import type { DispatcherOptions } from './options.ts';
import { Probes } from './probes.ts';
import { QueueRoom } from './queue-room.ts';
import { SlotPool } from './slot-pool.ts';
import { TimerHeap } from './timer-heap.ts';

/** The part of the slow pool that webhooks above their share must leave free: slow slots are held for long. */
const SLOW_RESERVE = 0.25;

/** A job's slot, from `take` to `release`. Opaque to the caller. */
export type Slot<Job> = Entry<Job>;

/** A job that may start now, with its slot. */
export interface Taken<Job> {
  readonly job: Job;
  readonly slot: Slot<Job>;
}

/**
 * Decides which delivery starts next on one node, by turns, windows, rate limits, breakers and order. Passive: the
 * caller offers, takes and releases jobs, and calls `sweep` and `probesDue` several times a second. All times are
 * milliseconds of one clock. Offer, take and release are O(1); README.md has rates.
 */
export class Dispatcher<Job> {
  readonly #options: DispatcherOptions;
  readonly #lanes: LaneDirectory<Job>;
  readonly #fast: SlotPool<Lane<Job>>;
  readonly #slow: SlotPool<Lane<Job>>;
  /** Exchanges in the fast pool, in the order in which they started. */
  readonly #started = new ChainedList<Entry<Job>>();
  /** Lanes that may not start jobs until a time, because of a rate limit or their endpoint's `Retry-After`. */
  readonly #heldTimers = new TimerHeap<Lane<Job>>((lane, at) => lane.limitedUntil === at || lane.pausedUntil === at);
  readonly #probes: Probes<Job>;
  readonly #room: QueueRoom<Job>;
  #sequence = 0;
  #runnable = 0;
  #slowTurn = false;

  constructor(options: DispatcherOptions) {
    const { fastSlots, slowSlots, webhookShare, organizationShare, retryEvery } = options;
    this.#options = options;
    this.#lanes = new LaneDirectory(options);
    this.#probes = new Probes(options);
    this.#room = new QueueRoom(options);
    const shares = { webhookShare, organizationShare, retryEvery };
    this.#fast = new SlotPool({ slots: fastSlots, reserve: 0, overflow: 0, ...shares });
    this.#slow = new SlotPool({ slots: slowSlots, reserve: Math.floor(slowSlots * SLOW_RESERVE), overflow: fastSlots, ...shares });
  }

  /** Number of queued jobs. */
  get queued(): number {
    return this.#room.queued;
  }

  /** Number of jobs taken and not released. */
  get inFlight(): number {
    return this.#fast.used + this.#slow.used;
  }

  /** Number of jobs in flight in the slow pool. */
  get slowInFlight(): number {
    return this.#slow.used;
  }

  /** Queued jobs that wait only for a slot: their webhook is fast and its window has room. Grows on overload. */
  get runnable(): number {
    return this.#runnable;
  }

  /** Queued jobs of fast webhooks, at most 250 per organization: a few organizations cause no backpressure. */
  get pressure(): number {
    return this.#room.pressure;
  }

  /** Queued jobs of the organization's fast webhooks. */
  responsiveOf(organizationKey: number): number {
    return this.#lanes.organization(organizationKey)?.responsive ?? 0;
  }

  /** Number of lanes: busy ones, those with an open breaker, and remembered ones. */
  get lanes(): number {
    return this.#lanes.size;
  }

  /** Queues a job for its webhook, unless the queue is full or the breaker is open. */
  offer(key: LaneKey & LaneSettings, job: Job, options: OfferOptions): OfferResult {
    const known = this.#lanes.find(key.webhookId);
    if (known !== undefined && key.url !== undefined && known.url !== key.url) this.moved(key.webhookId, key.url);
    const isOpen = known !== undefined && known.isOpen;
    const kind: JobKind = options.kind === 'probe' && !isOpen ? 'retry' : options.kind;
    if (isOpen && (kind !== 'probe' || known.probing !== null)) return 'open';
    // A retry has a row in the database, so it is loaded again later instead of taking room here.
    if (kind === 'retry' && known !== undefined && known.pausedUntil !== null) return 'full';
    if (kind !== 'probe' && !this.#hasPlace(known, key.organizationKey)) return 'full';

    const lane = known ?? this.#lanes.make(key);
    lane.url ??= key.url ?? null;
    this.#lanes.wake(lane);
    lane.forgotten = false;
    lane.limitRate(key.rateLimit);
    this.#sequence += 1;
    const entry = new Entry(job, lane, { kind, orderKey: options.orderKey, sequence: this.#sequence });
    lane.queue.add(entry);
    this.#room.count(lane, 1);
    if (kind === 'probe') this.#probes.begin(lane, entry);
    this.#place(lane);
    return 'queued';
  }

  /** Updates the webhook's URL. Jobs that a pause or breaker of the old endpoint holds back may start. */
  moved(webhookId: string, url: string): void {
    const lane = this.#lanes.find(webhookId);
    if (lane === undefined || lane.url === url) return;
    lane.moveTo(url, this.#options);
    this.#place(lane);
    this.#lanes.settle(lane);
  }

  /** Takes the next job that may start now, with its slot; null: there is none. */
  take(now: number): Taken<Job> | null {
    for (let lane = this.#heldTimers.takeDue(now); lane !== null; lane = this.#heldTimers.takeDue(now)) {
      if (lane.limitedUntil !== null && lane.limitedUntil <= now) lane.limitedUntil = null;
      if (lane.pausedUntil !== null && lane.pausedUntil <= now) lane.pausedUntil = null;
      this.#place(lane);
      this.#lanes.settle(lane);
    }
    // The pools alternate in going first: a caller that takes a few jobs at a time must not starve one of them.
    this.#slowTurn = !this.#slowTurn;
    return this.#slowTurn
      ? (this.#takeFrom('slow', now) ?? this.#takeFrom('fast', now))
      : (this.#takeFrom('fast', now) ?? this.#takeFrom('slow', now));
  }

  /** The exchange of a taken job has ended. Throws if the slot was already released. */
  release(slot: Slot<Job>, outcome: Outcome, now: number): Released<Job> {
    const { lane } = slot;
    const inFlight = lane.inFlight;
    this.#end(slot);
    const isCurrent = slot.endpoint === lane.endpoint;
    if (isCurrent) lane.latency.observe(outcome.durationMs);

    let evicted = this.#endOrder(slot, outcome.final);
    const recovered = isCurrent && outcome.kind === 'success' && this.#succeeded(lane, inFlight);
    if (isCurrent && outcome.kind !== 'success' && this.#failed(slot, outcome, now)) {
      evicted = [...evicted, ...this.#evictAll(lane)].sort(bySequence);
    }
    if (lane.probing === slot) this.#probes.end(lane);
    else if (lane.probing !== null && evicted.includes(lane.probing)) this.#probeReturned(lane, now);
    this.#place(lane);
    this.#lanes.settle(lane);
    return { evicted: evicted.map(jobOf), recovered };
  }

  /**
   * A taken job is not sent after all (cancelled, or its webhook is gone): frees the slot, says nothing about the
   * endpoint and lets the next job of its order start. If it was the probe, another one is requested.
   */
  abandon(slot: Slot<Job>, now: number): void {
    const { lane } = slot;
    this.#end(slot);
    this.#endOrder(slot, true);
    if (lane.probing === slot) this.#probeReturned(lane, now);
    this.#place(lane);
    this.#lanes.settle(lane);
  }

  /** Moves exchanges that last longer than `slowAfterMs` to the slow pool, which frees their fast slots. */
  sweep(now: number): void {
    const { slowAfterMs } = this.#options;
    for (let entry = this.#started.oldest; entry !== null && now - entry.startedAt > slowAfterMs;) {
      const next = entry.next;
      const { lane } = entry;
      if (!entry.overdue) {
        entry.overdue = true;
        // A lower bound of its duration. Several of these make the lane slow; one among many fast ones does not.
        lane.latency.observe(2 * slowAfterMs);
      }
      if (this.#slow.admitsMoved(lane.organization.in('slow'))) {
        this.#started.remove(entry);
        this.#vacate(lane, 'fast');
        this.#occupy(lane, 'slow');
        entry.pool = 'slow';
      }
      this.#place(lane);
      entry = next;
    }
  }

  /** Webhooks with an open breaker whose probe is due. Returned once, and again later if none was offered. */
  probesDue(now: number, limit = Number.POSITIVE_INFINITY): LaneKey[] {
    return this.#probes.due(now, limit);
  }

  /** Whether a job that was refused because the breaker is open may be offered again as the probe. */
  admitsProbe(webhookId: string, kind: 'fresh' | 'retry', now: number): boolean {
    const lane = this.#lanes.find(webhookId);
    return lane !== undefined && lane.isOpen && this.#probes.admits(lane, kind, now);
  }

  /** A fresh job was spilled. If the breaker is open, the next probe is due `freshProbeMs` after the last one. */
  hastenProbe(webhookId: string): void {
    const lane = this.#lanes.find(webhookId);
    if (lane?.isOpen === true) this.#probes.hasten(lane);
  }

  /** The earliest time, not before `now`, when a rate limit or pause ends or a probe is due; null: there is none. */
  nextReadyAt(now: number): number | null {
    const held = this.#heldTimers.next();
    const probe = this.#probes.next();
    if (held === null && probe === null) return null;
    return Math.max(now, Math.min(held ?? Number.POSITIVE_INFINITY, probe ?? Number.POSITIVE_INFINITY));
  }

  /** Removes and returns the queued jobs of a paused, failed or deleted webhook, which is then forgotten. */
  drain(webhookId: string): Job[] {
    const lane = this.#lanes.find(webhookId);
    if (lane === undefined) return [];
    const drained = this.#evictAll(lane);
    lane.breaker = null;
    this.#probes.end(lane);
    lane.limitedUntil = null;
    lane.forgotten = true;
    this.#place(lane);
    this.#lanes.settle(lane);
    return drained.map(jobOf);
  }

  /** Drains all matching webhooks, for example because another node takes over their deliveries. */
  drainWhere(matches: (key: LaneKey) => boolean): Job[] {
    return [...this.#lanes.all()].filter(matches).flatMap((lane) => this.drain(lane.webhookId));
  }

  /** Opens a webhook's breaker, as before a restart. No effect if it has jobs: it is already being tried. */
  openBreaker(key: LaneKey, now: number): void {
    const lane = this.#lanes.find(key.webhookId) ?? this.#lanes.make(key);
    if (!lane.isIdle) return;
    this.#lanes.wake(lane);
    lane.breaker ??= new Breaker(this.#options.breaker);
    lane.breaker.open(now);
    this.#probes.watch(lane);
    this.#place(lane);
  }

  /** Whether to load more jobs: the breaker is closed, nothing is paused, at most half of the queue is used. */
  hasRoom(webhookId: string): boolean {
    const lane = this.#lanes.find(webhookId);
    if (lane === undefined) return this.#room.bound(undefined) > 0;
    return !lane.isOpen && lane.pausedUntil === null && lane.queue.size * 2 < this.#room.bound(lane.organization);
  }

  #hasPlace(lane: Lane<Job> | undefined, organizationKey: number): boolean {
    if (lane === undefined) return this.#room.bound(this.#lanes.organization(organizationKey)) > 0;
    return lane.queue.size < this.#room.bound(lane.organization);
  }

  #takeFrom(name: PoolName, now: number): Taken<Job> | null {
    const pool = this.#pool(name);
    for (let lane = pool.next(); lane !== null; lane = pool.next()) {
      const { bucket } = lane;
      if (bucket === null || bucket.take(now)) return this.#start(lane, name, now);
      lane.limitedUntil = bucket.readyAt(now);
      this.#heldTimers.add(lane.limitedUntil, lane);
      this.#place(lane);
    }
    return null;
  }

  #start(lane: Lane<Job>, pool: PoolName, now: number): Taken<Job> | null {
    lane.turn += 1;
    const entry = lane.queue.take(lane.turn % this.#options.retryEvery === 0);
    if (entry === null) throw new Error('A lane without a ready job had a turn.');
    this.#room.count(lane, -1);
    entry.pool = pool;
    entry.startedAt = now;
    entry.endpoint = lane.endpoint;
    this.#occupy(lane, pool);
    if (pool === 'fast') this.#started.append(entry);
    this.#place(lane);
    return { job: entry.job, slot: entry };
  }

  #end(slot: Slot<Job>): void {
    const { lane, pool } = slot;
    if (pool === null) throw new Error('The slot is not in use: it was released before.');
    slot.pool = null;
    if (pool === 'fast') this.#started.remove(slot);
    this.#vacate(lane, pool);
  }

  /** Lets the next job with the same order key start if the job is final; otherwise evicts the jobs behind it. */
  #endOrder(slot: Slot<Job>, final: boolean): readonly Entry<Job>[] {
    const evicted = slot.lane.queue.ended(slot, final);
    this.#room.count(slot.lane, -evicted.length);
    return evicted;
  }

  #succeeded(lane: Lane<Job>, inFlight: number): boolean {
    lane.window.succeeded(inFlight);
    // A success of a request sent before the pause does not end it.
    if (lane.isOpen && lane.pausedUntil !== null) return false;
    const recovered = lane.isOpen;
    lane.breaker = null;
    if (recovered) lane.window.restart(this.#options.windowStart);
    return recovered;
  }

  /** Returns true if the breaker opens now. */
  #failed(entry: Entry<Job>, { kind, retryAfterMs }: Outcome, now: number): boolean {
    const { lane } = entry;
    if (kind === 'overload') lane.window.overloaded(entry.startedAt, now);
    const breaker = (lane.breaker ??= new Breaker(this.#options.breaker));
    const { isOpen: wasOpen, probeAt } = breaker;
    if (retryAfterMs !== null && retryAfterMs > 0) this.#pause(lane, breaker, { now, until: now + retryAfterMs });
    if (!breaker.isOpen) breaker.failed(now);
    else if (entry === lane.probing) breaker.probeFailed(now);
    if (breaker.probeAt !== probeAt) this.#probes.watch(lane);
    return !wasOpen && breaker.isOpen;
  }

  /** The endpoint asked for a pause. A pause under way is extended, never shortened. */
  #pause(lane: Lane<Job>, breaker: Breaker, { now, until }: { now: number; until: number }): void {
    if (lane.pausedUntil === null || lane.pausedUntil < until) {
      lane.pausedUntil = until;
      this.#heldTimers.add(until, lane);
    }
    breaker.delayUntil(until);
    if (until - now > this.#options.parkAfterMs && !breaker.isOpen) breaker.open(now);
  }

  #probeReturned(lane: Lane<Job>, now: number): void {
    this.#probes.end(lane);
    if (!lane.isOpen) return;
    lane.breaker?.probeReturned(now);
    this.#probes.watch(lane);
  }

  #evictAll(lane: Lane<Job>): Entry<Job>[] {
    const evicted = lane.queue.evictAll();
    this.#room.count(lane, -evicted.length);
    return evicted;
  }

  #pool(name: PoolName): SlotPool<Lane<Job>> {
    return name === 'fast' ? this.#fast : this.#slow;
  }

  #occupy(lane: Lane<Job>, pool: PoolName): void {
    lane.use(pool, 1);
    this.#pool(pool).occupy(lane.organization.in(pool));
  }

  #vacate(lane: Lane<Job>, pool: PoolName): void {
    lane.use(pool, -1);
    this.#pool(pool).vacate(lane.organization.in(pool));
  }

  /** Joins or leaves the pools, depending on whether the lane could start a job. Must follow every change. */
  #place(lane: Lane<Job>): void {
    const wants = lane.isReady ? lane.pool : null;
    if (lane.wants !== null && lane.wants !== wants) this.#pool(lane.wants).leave(lane.organization.in(lane.wants), lane.node);
    lane.wants = wants;
    if (wants !== null) {
      const pool = this.#pool(wants);
      const uncapped = lane.queue.hasFresh ? 'fresh' : 'retries';
      pool.join(lane.organization.in(wants), lane.node, lane.inUse(wants) >= pool.webhookCap ? 'capped' : uncapped);
    }
    const runnable = wants === 'fast' && !lane.isOpen ? lane.queue.ready : 0;
    this.#runnable += runnable - lane.runnable;
    lane.runnable = runnable;
    this.#room.countResponsive(lane);
  }
}

function jobOf<Job>(entry: Entry<Job>): Job {
  return entry.job;
}
