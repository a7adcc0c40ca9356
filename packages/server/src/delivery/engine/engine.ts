import type { Flush, LogOwner } from '../../intake/log-owner.ts';
import { cancelledDeliveries } from '../../store/delivery-queries.ts';
import { notifyChange } from '../../store/notify-change.ts';
import { shardOf } from '../../ids/shard.ts';
import { endAllLeases } from '../../store/shards.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { Dispatcher } from '../dispatch/dispatcher.ts';
import { DEFAULT_DISPATCHER_OPTIONS } from '../dispatch/options.ts';
import { Appends } from './appends.ts';
import { AttemptRunner } from './attempt-runner.ts';
import { Cancellations, type Cancellation } from './cancellations.ts';
import { DeferredEvents } from './deferred-events.ts';
import { DeliveryOrder } from './delivery-order.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import type { EngineOptions } from './engine-options.ts';
import { EventIntake } from './event-intake.ts';
import { EventLoopLoad } from './event-loop-load.ts';
import { findTenant } from './find-tenant.ts';
import { createForwardClock } from './forward-clock.ts';
import type { Job } from './job.ts';
import { LogFollower } from './log-follower.ts';
import { LogNotifier } from './log-notifier.ts';
import { MemoryBudget } from './memory-budget.ts';
import { OutcomeRecorder } from './outcome-recorder.ts';
import type { OwnedShard } from './owned-shard.ts';
import { Ownership } from './ownership.ts';
import { pause } from './pause.ts';
import { WaitingLoader } from './waiting-loader.ts';
import { WebhookHealth } from './webhook-health.ts';

/** Queued deliveries to responsive webhooks above which accepting slows down, if an event loop is saturated too. */
const CONGESTED_AT = 1_000;
/** Number of deferred events above which the log is not read further. */
const MAX_DEFERRED = 100_000;
const SWEEP_MS = 250;
/** Old cancellations are dropped, and orders checked, once in this many sweeps. */
const SWEEPS_PER_CHECK = 40;

/** Owns shards: takes in their events from memory and log, sends their deliveries fairly, and records the outcomes. */
export class Engine implements LogOwner {
  readonly #options: EngineOptions;
  /** Measures durations: a system clock that is set back must not delay them. */
  readonly #clock: () => number;
  readonly #dispatcher: Dispatcher<Job>;
  readonly #ownership: Ownership;
  readonly #follower: LogFollower;
  readonly #intake: EventIntake;
  readonly #notifier: LogNotifier;
  readonly #order: DeliveryOrder;
  readonly #recorder: OutcomeRecorder;
  readonly #health: WebhookHealth;
  readonly #attempts: AttemptRunner;
  readonly #waiting: WaitingLoader;
  readonly #appends: Appends;
  readonly #queue: DeliveryQueue;
  readonly #memory: MemoryBudget;
  readonly #deferred: DeferredEvents;
  readonly #cancelled = new Cancellations();
  /** The load of the main thread and of the sender thread. */
  readonly #loads: readonly EventLoopLoad[];
  #sweeps = 0;
  #sweeper: NodeJS.Timeout | null = null;
  #stopping = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { database, directory, log, now, sender } = options;
    const clock = createForwardClock(now);
    this.#clock = clock.now;
    this.#loads = [() => performance.eventLoopUtilization(), () => sender.eventLoopUtilization()].map((read) => new EventLoopLoad(read));
    this.#dispatcher = new Dispatcher({ ...DEFAULT_DISPATCHER_OPTIONS, ...options.dispatcher });
    this.#memory = new MemoryBudget(options.memory);
    this.#deferred = new DeferredEvents({ database, memory: this.#memory, log, take: (loaded) => this.#intake.takeDeferred(loaded) });
    this.#ownership = this.#openOwnership();
    this.#follower = this.#openFollower();
    this.#intake = new EventIntake({
      directory,
      readTenant: (key) => this.#tenant(key),
      isOnlySource: () => this.#appends.isOnlySource(),
      onHeldBack: () => this.#follower.wake(),
      memory: this.#memory,
      deferred: this.#deferred,
      offer: (tenant, taken) => this.#queue.offerAll(tenant, taken),
    });
    this.#notifier = new LogNotifier(() => notifyChange(options.outcomes, 'log'));
    this.#appends = new Appends({
      database,
      ownership: this.#ownership,
      follower: this.#follower,
      notifier: this.#notifier,
      intake: () => this.#intake,
      onTaken: () => this.#queue.pump(),
    });
    this.#order = new DeliveryOrder({ database, log, now, onReleased: () => this.#waiting.wake() });
    this.#recorder = new OutcomeRecorder({ database: options.outcomes, log, now, nodeId: () => this.nodeId });
    this.#health = new WebhookHealth({
      database,
      log,
      now,
      nodeId: () => this.nodeId,
      onFailed: (key) => directory.invalidate(key),
    });
    this.#attempts = new AttemptRunner({
      sender,
      health: this.#health,
      log,
      now,
      random: options.random,
      onEnd: (ended) => this.#queue.ended(ended),
      onUnsent: (unsent) => this.#queue.beginAgain(unsent),
    });
    this.#waiting = new WaitingLoader({
      database,
      ownership: this.#ownership,
      dispatcher: this.#dispatcher,
      log,
      now,
      clock,
      pollMs: options.waitingPollMs ?? 500,
      offer: (job, kind) => this.#queue.offerWaiting(job, kind),
    });
    this.#queue = this.#openQueue();
  }

  get nodeId(): number {
    return this.#ownership.nodeId;
  }

  /** Values for metrics. */
  get gauges(): Readonly<Record<'queued' | 'runnable' | 'inFlight' | 'unrecorded' | 'fresh' | 'deferredEvents' | 'shards', number>> {
    return {
      queued: this.#dispatcher.queued,
      runnable: this.#dispatcher.runnable,
      inFlight: this.#dispatcher.inFlight,
      unrecorded: this.#recorder.pending,
      fresh: this.#memory.deliveries,
      deferredEvents: this.#deferred.size,
      shards: this.#ownership.count,
    };
  }

  /** Null if the engine is ready; otherwise the reason why it is not. */
  get notReady(): string | null {
    if (this.#stopping) return 'stopping';
    return this.#ownership.valid ? null : 'the shard leases could not be renewed';
  }

  async start(): Promise<void> {
    if (this.#options.alone) await endAllLeases(this.#options.database);
    await this.#ownership.start();
    await this.#follower.start();
    this.#waiting.start();
    this.#deferred.start();
    this.#sweeper = setInterval(() => this.#sweep(), this.#options.sweepMs ?? SWEEP_MS);
  }

  /**
   * Starts nothing new, waits until the deadline for attempts under way, records them and releases the shards. What is
   * still queued stays in the log and in `waiting`.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#notifier.stop();
    if (this.#sweeper) clearInterval(this.#sweeper);
    this.#queue.stop();
    await Promise.all([this.#follower.stop(), this.#waiting.stop(), this.#deferred.stop()]);
    const end = performance.now() + deadlineMs;
    while (this.#dispatcher.inFlight > 0 && performance.now() < end) await pause(10);
    const recorded = this.#recorder.drained();
    await Promise.race([recorded, pause(Math.max(100, end - performance.now()))]);
    this.#recorder.stop();
    await this.#health.stop();
    await this.#ownership.stop();
  }

  // LogOwner

  owns(shard: number): boolean {
    return !this.#stopping && this.#ownership.valid && !this.#follower.inDoubt && this.#ownership.shard(shard)?.established === true;
  }

  congested(): boolean {
    return this.#dispatcher.pressure > CONGESTED_AT && this.#isSaturated();
  }

  isBehind(organizationKey: number): boolean {
    return this.#dispatcher.responsiveOf(organizationKey) > CONGESTED_AT && this.#isSaturated();
  }

  isFull(organizationKey: number): boolean {
    return this.#deferred.isFull(organizationKey);
  }

  #isSaturated(): boolean {
    return this.#loads.some((load) => load.saturated);
  }

  beforeOrdered(): Promise<void> | null {
    return this.#ownership.isKnown ? null : this.#ownership.known();
  }

  beginFlush(ordered: boolean): Flush {
    return this.#appends.begin(ordered);
  }

  /** A node accepted events for a shard that it doesn't own: polls the log now. */
  logGrew(): void {
    this.#follower.wake();
  }

  /** A node has started: renews the leases now. */
  nodesChanged(): void {
    this.#ownership.renewNow();
  }

  /** A row in `waiting` may be due: loads it now. */
  wake(): void {
    this.#waiting.wake();
  }

  /** An organization or its webhooks changed: checks the queued deliveries again. */
  organizationChanged(organizationKey: number): void {
    const shard = this.#ownership.shard(shardOf(organizationKey));
    if (!shard?.established) return;
    void this.#tenant(organizationKey).then((tenant) => {
      for (const webhook of tenant?.webhooks.values() ?? []) {
        this.#dispatcher.moved(webhook.id, webhook.url);
        if (webhook.status !== 'active') this.#queue.hold(webhook.id);
      }
      this.#queue.pump();
      this.#waiting.adoptOrganization(organizationKey);
    });
  }

  /** Notifications may have been lost: checks everything that they could have reported. */
  changesMissed(): void {
    const shards = [...this.#ownership.shards];
    this.#waiting.adopt(shards);
    this.#follower.recheck();
    this.#ownership.renewNow();
    void Promise.all([this.#findCancelled(shards), this.#order.recheck(), this.#waiting.recheck()]).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'Failed to check for cancelled deliveries');
    });
  }

  /** Accepts no more work. `stop` follows. */
  beginStop(): void {
    this.#stopping = true;
  }

  /** A delivery was cancelled. `unrecorded` locates its event in the log if nothing of the delivery is recorded yet. */
  cancelled(id: string, unrecorded: Omit<Cancellation, 'deliveryId'> | null): void {
    this.#order.cancelled(id);
    this.#waiting.cancelled(id);
    if (unrecorded && this.#ownership.shard(unrecorded.shard)) this.#cancelled.add({ deliveryId: id, ...unrecorded });
  }

  #openOwnership(): Ownership {
    const { database, log, ...options } = this.#options;
    return new Ownership({
      database,
      memory: this.#memory,
      log,
      nodeName: options.nodeName,
      leaseMs: options.leaseMs ?? 6_000,
      renewMs: options.renewMs ?? 1_500,
      lowWaterLimit: () => this.#appends.lowWaterLimit,
      onClosed: (shards) => {
        this.#queue.close(shards);
        this.#health.close(shards);
      },
    });
  }

  #openFollower(): LogFollower {
    const { database, log, ...options } = this.#options;
    return new LogFollower({
      database,
      ownership: this.#ownership,
      log,
      pollMs: options.logPollMs ?? 100,
      take: (read) => this.#intake.takeLogged(read),
      isDeferring: (organizationKey) => this.#deferred.has(organizationKey),
      orderedEnded: () => this.#appends.orderedEnded(),
      onRead: (xid) => this.#intake.releaseBefore({ xid, id: '' }),
      onAcquired: async (shards) => {
        await Promise.all([this.#order.adopt(shards), this.#health.adopt(shards)]);
      },
      onEstablished: (shards) => this.#waiting.adopt(shards),
      onDiscontinuity: () => this.#ownership.invalidate(),
      hasRoom: () => this.#deferred.size < MAX_DEFERRED,
    });
  }

  #openQueue(): DeliveryQueue {
    const { directory, log } = this.#options;
    return new DeliveryQueue({
      directory,
      dispatcher: this.#dispatcher,
      order: this.#order,
      recorder: this.#recorder,
      cancelled: this.#cancelled,
      attempts: () => this.#attempts,
      waiting: () => this.#waiting,
      log,
      clock: this.#clock,
      readTenant: (key) => this.#tenant(key),
      maySend: () => !this.#stopping && this.#ownership.valid,
      memory: this.#memory,
    });
  }

  #tenant(organizationKey: number): Promise<Tenant | null> {
    return findTenant(this.#options.directory, organizationKey, { log: this.#options.log, isStopping: () => this.#stopping });
  }

  #sweep(): void {
    this.#dispatcher.sweep(this.#clock());
    if (++this.#sweeps % SWEEPS_PER_CHECK === 0) {
      const { xid } = this.#appends.lowWaterLimit;
      this.#cancelled.sweep((shard) => this.#ownership.shard(shard)?.lowWater(xid) ?? null);
      // A head's row may have been deleted with its webhook or by the retention. A failed check is repeated soon.
      this.#order.recheck().catch(() => {});
    }
    this.#queue.pump();
  }

  /** Finds cancelled deliveries of the events in memory, in case the notifications were lost. */
  async #findCancelled(shards: readonly OwnedShard[]): Promise<void> {
    for (const shard of shards) {
      const oldest = new Map<number, string>();
      let xid = 0;
      for (const event of shard.events()) {
        const known = oldest.get(event.organizationKey);
        if (known === undefined || event.id < known) oldest.set(event.organizationKey, event.id);
        xid = Math.max(xid, event.xid);
      }
      for (const [organizationKey, id] of oldest) {
        const cancelled = await cancelledDeliveries(this.#options.database, organizationKey, id);
        for (const one of cancelled) this.cancelled(one, { shard: shard.id, xid });
      }
    }
  }
}
