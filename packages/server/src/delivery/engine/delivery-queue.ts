import type { Logger } from 'pino';
import { shardOf } from '../../ids/shard.ts';
import type { Settlement } from '../../store/settle.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import type { Dispatcher, Slot } from '../dispatch/dispatcher.ts';
import type { JobKind, OfferResult } from '../dispatch/offer.ts';
import type { AttemptRunner, Begun, EndedAttempt } from './attempt-runner.ts';
import type { Cancellations } from './cancellations.ts';
import type { DeliveryOrder } from './delivery-order.ts';
import { freshJob, see, webhookOf, type Job, type TakenEvent } from './job.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { OutcomeRecorder } from './outcome-recorder.ts';
import type { OwnedShard } from './owned-shard.ts';
import { queueJob } from './queue-job.ts';
import { ReadyTimer } from './ready-timer.ts';
import { cancelledSettlement, holdSettlement, orderKeyOf, settlementOf } from './settlement.ts';
import type { WaitingLoader } from './waiting-loader.ts';

export interface DeliveryQueueOptions {
  readonly directory: Pick<Directory, 'peek'>;
  readonly dispatcher: Dispatcher<Job>;
  readonly order: DeliveryOrder;
  readonly recorder: OutcomeRecorder;
  readonly cancelled: Cancellations;
  readonly attempts: () => AttemptRunner;
  readonly waiting: () => WaitingLoader;
  readonly log: Logger;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
  /** Reads an organization, retrying until it succeeds; null: it is deleted, or the node is stopping. */
  readonly readTenant: (organizationKey: number) => Promise<Tenant | null>;
  /** Whether this node may send now. */
  readonly maySend: () => boolean;
  readonly memory: MemoryBudget;
}

/** Why a delivery whose turn has come is not sent. */
type Unsendable = 'shard-closed' | 'cancelled' | 'webhook-gone' | 'webhook-inactive' | 'held-up';

/** How often to check whether this node may send again, for a delivery that got no connection. */
const MAY_SEND_POLL_MS = 100;
/** Maximum of unrecorded attempts. Above it nothing new is sent. */
const MAX_UNRECORDED = 5_000;

/** Deliveries in memory: queues them, starts them when the dispatcher allows, and records their outcomes. */
export class DeliveryQueue {
  readonly #options: DeliveryQueueOptions;
  readonly #readyTimer = new ReadyTimer(() => this.pump());
  #pumpScheduled = false;
  #stopping = false;

  constructor(options: DeliveryQueueOptions) {
    this.#options = options;
  }

  /** Stops starting deliveries. */
  stop(): void {
    this.#stopping = true;
    this.#readyTimer.stop();
  }

  /** Offers an event's deliveries. */
  offerAll(tenant: Tenant | null, taken: TakenEvent): void {
    if (this.#stopping) return;
    for (const webhookId of taken.webhookIds) this.#offerFresh(tenant, freshJob(taken, webhookId));
    this.#schedulePump();
  }

  #offerFresh(tenant: Tenant | null, job: Job): void {
    const webhook = see(job, tenant);
    if (!webhook) return this.#record(job, cancelledSettlement(job));
    job.orderKey = orderKeyOf(job, webhook);
    if (webhook.status !== 'active') return this.#record(job, holdSettlement(job));
    if (this.#options.order.isHeldUp(job) || this.#options.memory.isFull(job.outstanding?.use ?? null)) return this.#spill(job);
    if (this.#queue(job, webhook, 'fresh') !== 'queued') this.#spill(job);
  }

  #queue(job: Job, webhook: ResolvedWebhook, kind: JobKind): OfferResult {
    return queueJob(this.#options.dispatcher, job, { webhook, kind, now: this.#options.clock() });
  }

  /** Offers a delivery that was loaded from `waiting`. */
  offerWaiting(job: Job, kind: 'retry' | 'probe'): 'queued' | 'full' | 'open' {
    const webhook = webhookOf(job, this.#options.directory);
    if (!webhook) {
      void this.#offerWaitingSlowly(job);
      return 'queued';
    }
    // A delivery that waits in an order stays in it, even if its webhook is no longer ordered.
    job.orderKey ??= orderKeyOf(job, webhook);
    if (webhook.status !== 'active') {
      this.#record(job, holdSettlement(job));
      return 'queued';
    }
    if (this.#options.order.isReleasing(job)) return 'full';
    if (this.#options.order.isHeldUp(job)) {
      this.#spill(job);
      return 'queued';
    }
    const taken = this.#queue(job, webhook, kind);
    if (taken === 'queued') this.#schedulePump();
    return taken;
  }

  async #offerWaitingSlowly(job: Job): Promise<void> {
    const tenant = await this.#options.readTenant(job.event.organizationKey);
    if (!job.shard.isOpen || this.#stopping) return this.#options.waiting().unload(job);
    if (!tenant?.webhooks.has(job.webhookId)) return this.#record(job, cancelledSettlement(job));
    if (this.offerWaiting(job, 'retry') !== 'queued') this.#options.waiting().unload(job);
    else this.pump();
  }

  /** Moves a delivery to the database: its queue is full, its breaker open, or an earlier one of its order waits. */
  #spill(job: Job): void {
    const status = job.attemptCount === 0 ? 'pending' : 'retrying';
    const reason = this.#options.order.isHeldUp(job) ? 'behind' : 'backlog';
    if (job.outstanding !== null) this.#options.dispatcher.hastenProbe(job.webhookId);
    this.#record(job, settlementOf(job, { status, waiting: { reason, dueAt: 'infinity' } }));
  }

  /** Drops what is queued for shards that are leaving or lost: the next owner sends it. */
  close(shards: readonly OwnedShard[]): void {
    const closed = new Set(shards.map((shard) => shard.id));
    for (const job of this.#options.dispatcher.drainWhere(({ organizationKey }) => closed.has(shardOf(organizationKey))))
      this.#options.waiting().unload(job);
    this.#options.waiting().forgetClosed();
    this.#options.order.forgetClosed();
  }

  /** The webhook is paused or failed: moves its queued deliveries to the database. */
  hold(webhookId: string): void {
    for (const job of this.#options.dispatcher.drain(webhookId)) this.#record(job, holdSettlement(job));
  }

  // Sending

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    setImmediate(() => {
      this.#pumpScheduled = false;
      this.pump();
    });
  }

  /** Starts deliveries as long as the dispatcher has any that may start. */
  pump(): void {
    while (!this.#stopping && this.#options.maySend() && this.#options.recorder.pendingAttempts < MAX_UNRECORDED) {
      const now = this.#options.clock();
      const next = this.#options.dispatcher.take(now);
      if (!next) return this.#readyTimer.arm(this.#options.dispatcher.nextReadyAt(now), now);
      const { job, slot } = next;
      const webhook = webhookOf(job, this.#options.directory);
      if (webhook) this.#begin(job, slot, webhook);
      else void this.#beginSlowly(job, slot);
    }
  }

  /** Begins the job once its organization has been read. Meanwhile it keeps its slot and its place in its order. */
  async #beginSlowly(job: Job, slot: Slot<Job>): Promise<void> {
    const tenant = await this.#options.readTenant(job.event.organizationKey);
    // During a database outage this takes long: another node may own the shard, and this one does not know it yet.
    if (!this.#mayBegin(job)) return this.beginAgain({ job, slot });
    this.#begin(job, slot, see(job, tenant));
    this.pump();
  }

  /** No connection was free. The job keeps its slot and its place in its order, and is checked and signed again. */
  beginAgain({ job, slot }: Pick<Begun, 'job' | 'slot'>): void {
    if (this.#mayBegin(job)) void this.#beginSlowly(job, slot);
    else setTimeout(() => this.beginAgain({ job, slot }), MAY_SEND_POLL_MS);
  }

  /** Whether the job may be sent, or will certainly not be sent. */
  #mayBegin(job: Job): boolean {
    return this.#options.maySend() || this.#stopping || !job.shard.isOpen;
  }

  #begin(job: Job, slot: Slot<Job>, webhook: ResolvedWebhook | null): void {
    const why = this.#whyNotToSend(job, webhook);
    if (webhook && why === null) return this.#options.attempts().begin({ job, slot, webhook });
    this.#options.dispatcher.abandon(slot, this.#options.clock());
    this.#leaveUnsent(job, why ?? 'webhook-gone');
  }

  #whyNotToSend(job: Job, webhook: ResolvedWebhook | null): Unsendable | null {
    if (!job.shard.isOpen || this.#stopping) return 'shard-closed';
    if (this.#isCancelled(job)) return 'cancelled';
    if (!webhook) return 'webhook-gone';
    if (webhook.status !== 'active') return 'webhook-inactive';
    return job.orderKey !== null && this.#options.order.isHeldUp(job) ? 'held-up' : null;
  }

  #leaveUnsent(job: Job, why: Unsendable): void {
    switch (why) {
      case 'shard-closed':
        return this.#options.waiting().unload(job);
      case 'cancelled':
        return this.#done(job);
      case 'webhook-gone':
        return this.#record(job, cancelledSettlement(job));
      case 'webhook-inactive':
        return this.#record(job, holdSettlement(job));
      case 'held-up':
        return this.#spill(job);
    }
  }

  #isCancelled(job: Job): boolean {
    return job.isCancelled || (job.outstanding !== null && this.#options.cancelled.has(job.deliveryId));
  }

  // Recording

  /** An attempt has ended. */
  ended({ job, slot, outcome, settlement, onRecorded }: EndedAttempt): void {
    const released = this.#options.dispatcher.release(slot, outcome, this.#options.clock());
    // If the delivery was cancelled during the attempt, it is not retried. Its row is already cancelled.
    this.#record(job, this.#isCancelled(job) ? { ...settlement, waiting: null } : settlement, onRecorded);
    for (const evicted of released.evicted) this.#spill(evicted);
    if (released.recovered) this.#options.waiting().wake();
    this.pump();
  }

  #record(job: Job, settlement: Settlement, onRecorded: (() => void) | null = null): void {
    const { shard } = job;
    if (shard.lost) return this.#options.waiting().unload(job);
    // The row is already cancelled. A delivery that doesn't wait must not hold up others.
    if (settlement.waiting !== null && this.#isCancelled(job)) return this.#done(job);
    shard.recording++;
    if (settlement.waiting !== null) this.#options.order.waits(job);
    this.#options.recorder.record(settlement).then(
      () => {
        shard.recording--;
        if (settlement.waiting?.reason === 'backlog') this.#options.waiting().expectBacklog(job);
        this.#options.order.recorded(job, settlement.waiting === null);
        this.#done(job);
        if (!shard.lost) onRecorded?.();
        if (this.#options.recorder.pendingAttempts < MAX_UNRECORDED) this.#schedulePump();
      },
      (error: unknown) => this.#options.log.error({ err: error, delivery: job.deliveryId }, 'Failed to record a delivery outcome'),
    );
  }

  /** The delivery's outcome is stored: drops it from memory. */
  #done(job: Job): void {
    this.#options.waiting().unload(job);
    if (job.outstanding) job.shard.recorded(job.outstanding);
  }
}
