import type { Flush, LogOwner, LoggedEvent } from '../../intake/log-owner.ts';
import { notifyChange } from '../../store/notify-change.ts';
import type { Settlement } from '../../store/settle.ts';
import { shardOf } from '../../store/shard.ts';
import { endAllLeases } from '../../store/shards.ts';
import type { Tenant } from '../../tenancy/directory.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import { Dispatcher, type Lease } from '../dispatch/dispatcher.ts';
import type { JobKind, OfferResult } from '../dispatch/offer.ts';
import { DEFAULT_DISPATCHER_OPTIONS } from '../dispatch/options.ts';
import { Cancellations } from './cancellations.ts';
import { DeliveryOrder } from './delivery-order.ts';
import type { EngineOptions } from './engine-options.ts';
import { EventLoopLoad } from './event-loop-load.ts';
import { Exchanges } from './exchanges.ts';
import { freshJob, see, webhookOf, type Job, type TakenEvent } from './job.ts';
import { LogBell } from './log-bell.ts';
import { LogFollower } from './log-follower.ts';
import { eventOfCommit } from './logged-event.ts';
import type { OwnedShard } from './owned-shard.ts';
import { Ownership } from './ownership.ts';
import { queueJob } from './queue-job.ts';
import { ReadyTimer } from './ready-timer.ts';
import { Settler } from './settler.ts';
import { holdSettlement, orderKeyOf, settlementOf } from './settlement.ts';
import { findTenant } from './find-tenant.ts';
import { WaitingLoader } from './waiting-loader.ts';
import { WebhookHealth } from './webhook-health.ts';

/** An append under way: where the log stood when it began, and how often it had been looked through for what this node claims. */
interface OpenFlush {
  readonly since: number;
  readonly looked: number;
}

/** Deliveries to webhooks that answer fast: with more of them queued and no time left, accepting waits a little. */
const CONGESTED_AT = 1_000;
/** Bodies in memory, in bytes: past it deliveries go on from the database. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Exchanges not recorded yet: past it nothing new is sent. */
const MAX_UNRECORDED = 5_000;
const SWEEP_MS = 250;

/**
 * The owner of shards: takes their events in from memory and log, sends their deliveries fairly, records what became of
 * them. The way of the data ends here.
 */
export class Engine implements LogOwner {
  readonly #options: EngineOptions;
  readonly #dispatcher: Dispatcher<Job>;
  readonly #ownership: Ownership;
  readonly #follower: LogFollower;
  readonly #bell: LogBell;
  readonly #order: DeliveryOrder;
  readonly #settler: Settler;
  readonly #health: WebhookHealth;
  readonly #exchanges: Exchanges;
  readonly #waiting: WaitingLoader;
  readonly #flushes = new Set<OpenFlush>();
  readonly #cancelled = new Cancellations();
  /** Of the thread that takes in, and of the one that sends. */
  readonly #loads: readonly EventLoopLoad[];
  #sweeper: NodeJS.Timeout | null = null;
  readonly #readyTimer = new ReadyTimer(() => this.#pump());
  #pumpScheduled = false;
  #stopping = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { database, log, now, sender } = options;
    this.#loads = [() => performance.eventLoopUtilization(), () => sender.eventLoopUtilization()].map((read) => new EventLoopLoad(read));
    this.#dispatcher = new Dispatcher({ ...DEFAULT_DISPATCHER_OPTIONS, ...options.dispatcher });
    this.#ownership = new Ownership({
      database,
      log,
      nodeName: options.nodeName,
      leaseMs: options.leaseMs ?? 6_000,
      renewMs: options.renewMs ?? 1_500,
      lowWaterLimit: () => this.#lowWaterLimit(),
    });
    this.#follower = new LogFollower({
      database,
      ownership: this.#ownership,
      log,
      now,
      pollMs: options.logPollMs ?? 100,
      take: (shard, event, webhookIds) => this.#takeIn(shard, event, webhookIds),
      onAcquired: (shards) => this.#order.adopt(shards),
      onEstablished: (shards) => this.#waiting.adopt(shards),
      hasRoom: () => this.inMemory < (options.maxInMemory ?? 20_000) && this.#ownership.memory.bytes < MAX_BYTES,
    });
    this.#bell = new LogBell(() => notifyChange(options.outcomes, 'log'));
    this.#order = new DeliveryOrder({ database, log, now, onReleased: () => this.#waiting.wake() });
    this.#settler = new Settler({ database: options.outcomes, log, now, nodeId: () => this.nodeId });
    this.#health = new WebhookHealth({ database, log, now, onFailed: (key) => options.directory.invalidate(key) });
    this.#exchanges = new Exchanges({
      sender,
      health: this.#health,
      log,
      now,
      random: options.random,
      onEnd: (ended) => {
        const released = this.#dispatcher.release(ended.lease, ended.outcome, now());
        if (!ended.outcome.final) this.#order.waits(ended.job);
        for (const job of released.evicted) this.#setAside(job);
        if (released.recovered) this.#waiting.wake();
        this.#record(ended.job, ended.settlement);
        this.#pump();
      },
    });
    this.#waiting = new WaitingLoader({
      database,
      ownership: this.#ownership,
      dispatcher: this.#dispatcher,
      log,
      now,
      pollMs: options.waitingPollMs ?? 500,
      offer: (job, kind) => this.#offerWaiting(job, kind),
    });
  }

  get nodeId(): number {
    return this.#ownership.nodeId;
  }

  /** Deliveries that are queued, being sent, or being recorded. */
  get inMemory(): number {
    return this.#dispatcher.queued + this.#dispatcher.inFlight + this.#settler.pending;
  }

  /** For metrics. */
  get gauges(): { queued: number; runnable: number; inFlight: number; unrecorded: number; shards: number } {
    return {
      queued: this.#dispatcher.queued,
      runnable: this.#dispatcher.runnable,
      inFlight: this.#dispatcher.inFlight,
      unrecorded: this.#settler.pending,
      shards: this.#ownership.count,
    };
  }

  /** Null: the engine works. Otherwise what it lacks. */
  get notReady(): string | null {
    if (this.#stopping) return 'stopping';
    return this.#ownership.valid ? null : 'the leases on shards could not be renewed';
  }

  async start(): Promise<void> {
    if (this.#options.alone) await endAllLeases(this.#options.database);
    await this.#ownership.start();
    await this.#follower.start();
    this.#waiting.start();
    this.#sweeper = setInterval(() => {
      this.#dispatcher.sweep(this.#options.now());
      this.#pump();
    }, SWEEP_MS);
  }

  /**
   * Sends nothing new, lets what is in flight end within the deadline, records it and gives the shards to other nodes.
   * What is still queued stays in the log and in `waiting`.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#bell.stop();
    if (this.#sweeper) clearInterval(this.#sweeper);
    this.#readyTimer.stop();
    await Promise.all([this.#follower.stop(), this.#waiting.stop()]);
    const end = performance.now() + deadlineMs;
    while (this.#dispatcher.inFlight > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    const recorded = this.#settler.drained();
    await Promise.race([recorded, new Promise((resolve) => setTimeout(resolve, Math.max(100, end - performance.now())))]);
    this.#settler.stop();
    await this.#health.stop();
    await this.#ownership.stop();
  }

  // LogOwner

  owns(shard: number): boolean {
    return !this.#stopping && this.#ownership.valid && !this.#follower.inDoubt && this.#ownership.shard(shard)?.established === true;
  }

  congested(): boolean {
    return this.#dispatcher.responsive > CONGESTED_AT && this.#loads.some((load) => load.saturated);
  }

  beginFlush(): Flush {
    const flush = { since: this.#follower.cursor, looked: this.#follower.looked };
    this.#flushes.add(flush);
    return {
      committed: (xid, events) => {
        for (const event of events) {
          if (event.claimedBy === this.nodeId) this.#takeClaimed(eventOfCommit(event, xid), flush);
          else this.#bell.ring();
        }
        this.#flushes.delete(flush);
        this.#pump();
      },
      rolledBack: () => this.#flushes.delete(flush),
      unheard: (events) => {
        if (events.some(({ claimedBy }) => claimedBy === this.nodeId)) this.#follower.doubt({ since: flush.since, isCommitted: false });
        this.#flushes.delete(flush);
      },
    };
  }

  /** Some node has accepted what it does not own. */
  logGrew(): void {
    this.#follower.wake();
  }

  /** Something in `waiting` may be due: look now. */
  wake(): void {
    this.#waiting.wake();
  }

  /** Something about the organization or its webhooks changed: what is queued for them is looked at anew. */
  organizationChanged(organizationKey: number): void {
    const shard = this.#ownership.shard(shardOf(organizationKey));
    if (!shard?.established) return;
    void this.#tenant(organizationKey).then((tenant) => {
      for (const webhook of tenant?.webhooks.values() ?? []) {
        if (webhook.status === 'active') continue;
        for (const job of this.#dispatcher.drain(webhook.id)) this.#record(job, holdSettlement(job));
      }
      this.#waiting.adoptOrganization(organizationKey);
    });
  }

  /** Notifications may have been lost: everything they tell of is looked for. */
  changesMissed(): void {
    this.#waiting.adopt([...this.#ownership.shards]);
  }

  /** Takes nothing new on; `stop` follows. */
  beginStop(): void {
    this.#stopping = true;
  }

  /** A delivery was cancelled: if it is in memory it is not sent any more. */
  cancelled(deliveryId: string): void {
    this.#order.cancelled(deliveryId);
    if (this.inMemory === 0) return;
    this.#cancelled.add(deliveryId);
  }

  // Taking in

  #lowWaterLimit(): number {
    let limit = this.#follower.cursor;
    for (const { since } of this.#flushes) limit = Math.min(limit, since);
    return limit;
  }

  #takeClaimed(event: LoggedEvent, { since, looked }: OpenFlush): void {
    const shard = this.#ownership.shard(event.shard);
    if (!shard) return this.#follower.doubt({ since, isCommitted: true });
    // Where what this node claims was looked for since the flush began, the event may have been found.
    if (looked === this.#follower.looked || !shard.holds(event)) this.#takeIn(shard, event, event.webhookIds);
  }

  #takeIn(shard: OwnedShard, event: LoggedEvent, webhookIds: readonly string[]): void {
    if (webhookIds.length === 0) return;
    const taken = { shard, event, outstanding: shard.track(event, webhookIds.length), webhookIds };
    const tenant = this.#options.directory.peek(event.organizationKey);
    if (tenant && webhookIds.every((id) => tenant.webhooks.has(id))) return this.#offerAll(tenant, taken);
    // Cached webhooks that are older than the event would make it look cancelled.
    if (tenant) this.#options.directory.invalidate(event.organizationKey);
    void this.#takeInSlowly(taken);
  }

  async #takeInSlowly(taken: TakenEvent): Promise<void> {
    const tenant = await this.#tenant(taken.event.organizationKey);
    if (taken.shard.lost || this.#stopping) return;
    this.#offerAll(tenant, taken);
    this.#pump();
  }

  #tenant(organizationKey: number): Promise<Tenant | null> {
    return findTenant(this.#options.directory, organizationKey, { log: this.#options.log, isStopping: () => this.#stopping });
  }

  #offerAll(tenant: Tenant | null, taken: TakenEvent): void {
    for (const webhookId of taken.webhookIds) this.#offerFresh(tenant, freshJob(taken, webhookId));
  }

  #offerFresh(tenant: Tenant | null, job: Job): void {
    const webhook = see(job, tenant);
    if (!webhook) return this.#record(job, settlementOf(job, { status: 'cancelled', waiting: null }));
    job.orderKey = orderKeyOf(job, webhook);
    if (webhook.status !== 'active') return this.#record(job, holdSettlement(job));
    if (this.#order.isHeldUp(job) || this.#ownership.memory.bytes > MAX_BYTES) return this.#setAside(job);
    if (this.#queue(job, webhook, 'fresh') !== 'queued') this.#setAside(job);
  }

  #queue(job: Job, webhook: ResolvedWebhook, kind: JobKind): OfferResult {
    return queueJob(this.#dispatcher, job, { webhook, kind, now: this.#options.now() });
  }

  #offerWaiting(job: Job, kind: 'retry' | 'probe'): 'queued' | 'full' | 'open' {
    const webhook = webhookOf(job, this.#options.directory);
    if (!webhook) {
      void this.#offerWaitingSlowly(job);
      return 'queued';
    }
    job.orderKey = orderKeyOf(job, webhook);
    if (webhook.status !== 'active') {
      this.#record(job, holdSettlement(job));
      return 'queued';
    }
    if (this.#order.isReleasing(job)) return 'full';
    if (this.#order.isHeldUp(job)) {
      this.#setAside(job);
      return 'queued';
    }
    const taken = this.#queue(job, webhook, kind);
    if (taken === 'queued') this.#schedulePump();
    return taken;
  }

  async #offerWaitingSlowly(job: Job): Promise<void> {
    const tenant = await this.#tenant(job.event.organizationKey);
    if (job.shard.lost || this.#stopping) return;
    if (!tenant?.webhooks.has(job.webhookId)) return this.#record(job, settlementOf(job, { status: 'cancelled', waiting: null }));
    if (this.#offerWaiting(job, 'retry') !== 'queued') this.#waiting.unload(job);
    else this.#pump();
  }

  /** No room, an open breaker, or an earlier delivery of its order that waits: it goes on from the database. */
  #setAside(job: Job): void {
    const status = job.attemptCount === 0 ? 'pending' : 'retrying';
    const reason = this.#order.isHeldUp(job) ? 'behind' : 'backlog';
    this.#order.waits(job);
    if (job.outstanding !== null) this.#dispatcher.hastenProbe(job.webhookId);
    this.#record(job, settlementOf(job, { status, waiting: { reason, dueAt: 'infinity' } }));
  }

  // Sending

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    setImmediate(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#stopping && this.#ownership.valid && this.#settler.pendingExchanges < MAX_UNRECORDED) {
      const now = this.#options.now();
      const next = this.#dispatcher.take(now);
      if (!next) return this.#readyTimer.arm(this.#dispatcher.nextReadyAt(now), now);
      this.#begin(next.job, next.lease);
    }
  }

  #begin(job: Job, lease: Lease<Job>): void {
    const webhook = webhookOf(job, this.#options.directory);
    if (job.shard.lost || this.#cancelled.take(job.deliveryId) || !webhook || webhook.status !== 'active') {
      this.#dispatcher.abandon(lease, this.#options.now());
      this.#resolveUnsent(job);
      return;
    }
    this.#exchanges.begin({ job, lease, webhook });
  }

  /** Taken from the queue, but not to be sent as things stand now. */
  #resolveUnsent(job: Job): void {
    if (job.shard.lost) return this.#waiting.unload(job);
    void this.#tenant(job.event.organizationKey).then((tenant) => {
      const webhook = see(job, tenant);
      if (webhook?.status === 'active' && !this.#stopping) {
        if (this.#queue(job, webhook, 'fresh') !== 'queued') this.#setAside(job);
        return this.#pump();
      }
      this.#record(job, webhook ? holdSettlement(job) : settlementOf(job, { status: 'cancelled', waiting: null }));
    });
  }

  // Recording

  #record(job: Job, settlement: Settlement): void {
    this.#settler.record(settlement).then(
      () => {
        this.#waiting.unload(job);
        if (settlement.waiting?.reason === 'backlog') this.#waiting.expectBacklog(job);
        if (settlement.waiting?.reason === 'behind') this.#order.recorded(job);
        if (settlement.waiting === null) this.#order.settled(job);
        if (job.outstanding) job.shard.recorded(job.outstanding);
        if (this.#settler.pendingExchanges < MAX_UNRECORDED) this.#schedulePump();
      },
      (error: unknown) => this.#options.log.error({ err: error, delivery: job.deliveryId }, 'An outcome was not recorded.'),
    );
  }
}
