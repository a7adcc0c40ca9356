import type { Logger } from 'pino';
import { Poller } from '../../intake/poller.ts';
import type { Database } from '../../store/database.ts';
import {
  backlogOf,
  backloggedWebhooks,
  backlogsOfOrganizations,
  dueDeliveries,
  moveToBacklog,
  rescheduleWaiting,
  stillWaiting,
  type BackloggedWebhook,
  type WaitingRow,
} from '../../store/waiting.ts';
import { shardOf } from '../../ids/shard.ts';
import { timeOfId } from '../../ids/uuid-time.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { ForwardClock } from './forward-clock.ts';
import type { Job } from './job.ts';
import { eventOfRow } from './logged-event.ts';
import type { OwnedShard } from './owned-shard.ts';
import type { Ownership } from './ownership.ts';

export interface WaitingLoaderOptions {
  readonly database: Database;
  readonly ownership: Ownership;
  readonly dispatcher: Dispatcher<Job>;
  readonly log: Logger;
  readonly now: () => number;
  /** Measures durations, and detects when `now` was set back. */
  readonly clock: ForwardClock;
  /** How often to poll for due deliveries. */
  readonly pollMs: number;
  readonly offer: (job: Job, kind: 'retry' | 'probe') => 'queued' | 'full' | 'open';
}

/** Maximum loaded deliveries in memory. The others stay in the database. */
const MAX_LOADED = 4_000;
const PAGE = 500;
const BACKLOG_PAGE = 100;
/** Each probe costs a statement: without a limit, ten thousand dead webhooks would delay all due deliveries. */
const PROBES_PER_POLL = 200;
const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

interface Backlog {
  readonly organizationKey: number;
  /** The id of the last loaded delivery. */
  after: string;
  /** Grows with every arrival, so that a poll that missed one doesn't end the backlog. */
  arrivals: number;
}

/** Loads waiting deliveries into memory: when they are due, and when their webhook has room again. */
export class WaitingLoader {
  readonly #options: WaitingLoaderOptions;
  readonly #poller: Poller;
  readonly #loaded = new Map<string, Job>();
  readonly #backlogs = new Map<string, Backlog>();
  /** Shards whose backlogs have not been searched yet. */
  readonly #unsearchedShards = new Set<number>();
  readonly #unsearchedOrganizations = new Set<number>();
  /** Shards whose deliveries may have been scheduled by a clock that was ahead of this node's. */
  readonly #unscheduledShards = new Set<number>();
  #jumps = 0;
  /** Deliveries cancelled while rows are being read: the rows may still contain them. */
  #cancelledMeanwhile: Set<string> | null = null;

  constructor(options: WaitingLoaderOptions) {
    this.#options = options;
    this.#poller = new Poller({
      poll: () => this.#load(),
      everyMs: options.pollMs,
      log: options.log,
      errorMessage: 'Failed to load waiting deliveries; retrying',
    });
  }

  start(): void {
    this.#poller.wake();
    this.#poller.start();
  }

  stop(): Promise<void> {
    return this.#poller.stop();
  }

  /** Polls now. */
  wake(): void {
    this.#poller.wake();
  }

  /** Adds new shards. Their backlogs are loaded, and the breakers start closed. */
  adopt(shards: readonly OwnedShard[]): void {
    for (const shard of shards) {
      this.#unsearchedShards.add(shard.id);
      this.#unscheduledShards.add(shard.id);
    }
    this.wake();
  }

  /** An organization's webhooks may have a new backlog, from released or replayed deliveries. */
  adoptOrganization(organizationKey: number): void {
    this.#unsearchedOrganizations.add(organizationKey);
    this.wake();
  }

  /** The job was added to the backlog of its webhook. */
  expectBacklog(job: Job): void {
    this.#arrived(job.webhookId, job.event.organizationKey);
  }

  #arrived(webhookId: string, organizationKey: number): void {
    const known = this.#backlogs.get(webhookId);
    if (known) known.arrivals++;
    else this.#backlogs.set(webhookId, { organizationKey, after: LOWEST_ID, arrivals: 1 });
  }

  /** The delivery was cancelled: if it is loaded, it is not sent. */
  cancelled(deliveryId: string): void {
    this.#cancelledMeanwhile?.add(deliveryId);
    const job = this.#loaded.get(deliveryId);
    if (job) job.isCancelled = true;
  }

  /** Cancellations may have been missed: loaded deliveries that no longer wait are not sent. */
  async recheck(): Promise<void> {
    const jobs = [...this.#loaded.values()];
    const waiting = await stillWaiting(
      this.#options.database,
      jobs.map(({ deliveryId }) => deliveryId),
    );
    for (const job of jobs) if (!waiting.has(job.deliveryId)) job.isCancelled = true;
  }

  /** Drops the deliveries of shards that left. If this node owns a shard again, they are loaded again. */
  forgetClosed(): void {
    for (const [id, job] of this.#loaded) if (!job.shard.isOpen) this.#loaded.delete(id);
  }

  /** The job is settled, or left to its row in the database. */
  unload(job: Job): void {
    if (job.outstanding === null && this.#loaded.get(job.deliveryId) === job) this.#loaded.delete(job.deliveryId);
  }

  async #load(): Promise<void> {
    this.#cancelledMeanwhile = new Set();
    try {
      await this.#loadAll();
    } finally {
      this.#cancelledMeanwhile = null;
    }
  }

  async #loadAll(): Promise<void> {
    await this.#reschedule();
    await this.#search(this.#unsearchedShards, backloggedWebhooks);
    await this.#search(this.#unsearchedOrganizations, backlogsOfOrganizations);
    await this.#loadDue();
    await this.#probe();
    for (const webhookId of [...this.#backlogs.keys()]) {
      if (this.#poller.stopped || this.#loaded.size >= MAX_LOADED) return;
      await this.#loadBacklog(webhookId);
    }
  }

  /** If a search fails, its keys are searched at the next poll. */
  async #search(
    unsearched: Set<number>,
    find: (queryable: Database, keys: readonly number[]) => Promise<BackloggedWebhook[]>,
  ): Promise<void> {
    if (unsearched.size === 0) return;
    const searched = [...unsearched];
    unsearched.clear();
    try {
      for (const { webhook_id: id, organization_key: organizationKey } of await find(this.#options.database, searched)) {
        this.#arrived(id, organizationKey);
      }
    } catch (error) {
      for (const key of searched) unsearched.add(key);
      throw error;
    }
  }

  /** Reschedules retries that were scheduled before the clock was set back: they would wait for the old time. */
  async #reschedule(): Promise<void> {
    const { database, ownership, now, clock } = this.#options;
    const time = now();
    clock.now();
    if (clock.jumps() !== this.#jumps) {
      this.#jumps = clock.jumps();
      for (const shard of ownership.shards) this.#unscheduledShards.add(shard.id);
    }
    const shards = [...this.#unscheduledShards].filter((id) => ownership.shard(id)?.established);
    if (shards.length > 0) await rescheduleWaiting(database, { shards, now: new Date(time) });
    for (const id of shards) this.#unscheduledShards.delete(id);
  }

  async #loadDue(): Promise<void> {
    const { database, ownership, now } = this.#options;
    const shards = [...ownership.shards].filter((shard) => shard.established).map((shard) => shard.id);
    const full = new Set<string>();
    const parked: string[] = [];
    while (!this.#poller.stopped && shards.length > 0 && this.#loaded.size < MAX_LOADED) {
      const except = [...this.#loaded.keys()];
      const rows = await dueDeliveries(database, { shards, now: new Date(now()), except, exceptWebhooks: [...full], limit: PAGE });
      let gone = 0;
      for (const row of rows) {
        const taken = this.#offer(row, 'retry');
        if (taken === 'full') full.add(row.webhook_id);
        if (taken === 'open') parked.push(row.delivery_id);
        if (taken === 'gone') gone++;
      }
      if (parked.length > 0) await this.#park(rows, parked.splice(0));
      if (rows.length < PAGE || gone > 0) return;
    }
  }

  /** Moves due deliveries of a webhook with an open breaker to its backlog. Each row is rewritten once. */
  async #park(rows: readonly WaitingRow[], deliveryIds: readonly string[]): Promise<void> {
    const parked = new Set(deliveryIds);
    // Before the statement: its response may be lost.
    for (const row of rows) {
      if (parked.has(row.delivery_id)) this.#arrived(row.webhook_id, row.organization_key);
    }
    await moveToBacklog(this.#options.database, deliveryIds);
  }

  async #probe(): Promise<void> {
    for (const lane of this.#options.dispatcher.probesDue(this.#options.clock.now(), PROBES_PER_POLL)) {
      const [row] = await backlogOf(this.#options.database, {
        webhookId: lane.webhookId,
        after: LOWEST_ID,
        except: [...this.#loaded.keys()],
        limit: 1,
      });
      if (row) this.#offer(row, 'probe');
    }
  }

  async #loadBacklog(webhookId: string): Promise<void> {
    const backlog = this.#backlogs.get(webhookId);
    // If the shard has left, the next owner loads the backlog.
    if (backlog && !this.#options.ownership.shard(shardOf(backlog.organizationKey))) this.#backlogs.delete(webhookId);
    else await this.#loadPage(webhookId, backlog);
  }

  async #loadPage(webhookId: string, backlog: Backlog | undefined): Promise<void> {
    if (!backlog || !this.#options.dispatcher.hasRoom(webhookId)) return;
    const { arrivals } = backlog;
    const rows = await backlogOf(this.#options.database, {
      webhookId,
      after: backlog.after,
      except: [...this.#loaded.keys()],
      limit: BACKLOG_PAGE,
    });
    const page = rows.length < BACKLOG_PAGE ? rows : wholeMilliseconds(rows);
    // Delivery ids contain only the millisecond, and a replay must follow the order of the events.
    for (const row of page.toSorted(byCommit)) if (this.#offer(row, 'retry') !== 'queued') return;
    backlog.after = page.at(-1)?.delivery_id ?? backlog.after;
    if (rows.length === BACKLOG_PAGE) this.wake();
    else if (backlog.after !== LOWEST_ID) backlog.after = LOWEST_ID;
    else if (backlog.arrivals === arrivals) this.#backlogs.delete(webhookId);
  }

  #offer(row: WaitingRow, kind: 'retry' | 'probe'): 'queued' | 'full' | 'open' | 'gone' {
    const shard = this.#options.ownership.shard(row.shard);
    if (!shard?.established || this.#loaded.has(row.delivery_id) || this.#cancelledMeanwhile?.has(row.delivery_id)) return 'gone';
    const job: Job = {
      shard,
      event: eventOfRow(row),
      webhookId: row.webhook_id,
      deliveryId: row.delivery_id,
      attemptCount: row.attempt_count,
      outstanding: null,
      isCancelled: false,
      orderKey: row.order_key,
      tenant: null,
      webhook: null,
    };
    this.#loaded.set(job.deliveryId, job);
    const taken = this.#options.offer(job, kind);
    if (taken !== 'queued') this.#loaded.delete(job.deliveryId);
    return taken;
  }
}

function byCommit(a: WaitingRow, b: WaitingRow): number {
  return Number(a.xid) - Number(b.xid) || (a.id < b.id ? -1 : 1);
}

/** Drops the rows of the last millisecond, of which there may be more; keeps all if there is no other millisecond. */
function wholeMilliseconds(rows: readonly WaitingRow[]): readonly WaitingRow[] {
  const last = rows.at(-1)?.delivery_id ?? '';
  const earlier = rows.filter((row) => timeOfId(row.delivery_id) < timeOfId(last));
  return earlier.length > 0 ? earlier : rows;
}
