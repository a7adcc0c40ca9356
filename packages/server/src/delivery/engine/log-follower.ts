import type { Logger } from 'pino';
import type { LoggedEvent } from '../../intake/log-owner.ts';
import { Poller } from '../../intake/poller.ts';
import type { Database } from '../../store/database.ts';
import { deliveryId } from '../../store/delivery-id.ts';
import { logHorizon, readRange, logEnd, readTail, recordedDeliveries, type LogPosition, type LogRow } from '../../store/log-reading.ts';
import { eventOfRow } from './logged-event.ts';
import type { OwnedShard } from './owned-shard.ts';
import type { Ownership } from './ownership.ts';

export interface LogFollowerOptions {
  readonly database: Database;
  readonly ownership: Ownership;
  readonly log: Logger;
  readonly now: () => number;
  /** How often the log is looked at where nobody wakes it. */
  readonly pollMs: number;
  /** How long after a connection broke an append may still begin that was sent on it. Default: 120,000. */
  readonly doubtMs?: number;
  /** Takes an event in; `webhookIds` are those whose delivery has no row yet. */
  readonly take: (shard: OwnedShard, event: LoggedEvent, webhookIds: readonly string[]) => void;
  /** Shards that are new, before anything of theirs is read. */
  readonly onAcquired: (shards: readonly OwnedShard[]) => Promise<void>;
  /** Shards whose log has been read: what they have waiting can be looked for. */
  readonly onEstablished: (shards: readonly OwnedShard[]) => void;
  /** Whether there is room for more. */
  readonly hasRoom: () => boolean;
}

const PAGE = 500;
/** Looks that were asked for lie so far apart, so that a busy log is read in portions. */
const APART_MS = 10;
/** Longer than a statement that was sent on a connection that then broke may take to begin: Linux tries for 100 s to deliver what was sent before a socket was closed. */
const DOUBT_MS = 120_000;

interface Doubt {
  /** What is claimed is looked for from here. */
  readonly from: number;
  /** Until then a transaction may begin that nobody hears of; on the clock of `performance.now()`. */
  readonly waitUntil: number;
  /** Where the log stood after that: what is below may have been one. null: not yet known. */
  readonly endsAt: number | null;
}

/**
 * Reads of the log what this node's shards get from elsewhere: what earlier owners left, and what other nodes accept.
 * It stops at the oldest transaction still running and goes on from there, so a late commit is never passed over.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions;
  readonly #poller: Poller;
  #position: LogPosition = { xid: 0, id: null };
  #doubt: Doubt | null = null;
  #looked = 0;

  constructor(options: LogFollowerOptions) {
    this.#options = options;
    this.#poller = new Poller({
      look: () => this.#read(),
      everyMs: options.pollMs,
      apartMs: APART_MS,
      log: options.log,
      complaint: 'The event log could not be read.',
    });
  }

  /** Everything of the node's established shards below it has been read. */
  get cursor(): number {
    return Math.min(this.#position.xid, this.#doubt?.from ?? this.#position.xid);
  }

  /**
   * Whether something that this node claimed may be in the log and not in memory. What it accepts meanwhile it must not
   * claim: that is read from the log like what others accept, while what is claimed is looked for.
   */
  get inDoubt(): boolean {
    return this.#doubt !== null;
  }

  /** How often what this node may have claimed was looked for; elsewhere it meets nothing that the node has in memory. */
  get looked(): number {
    return this.#looked;
  }

  async start(): Promise<void> {
    this.#position = { xid: await logHorizon(this.#options.database), id: null };
    await this.#read();
    this.#poller.start();
  }

  stop(): Promise<void> {
    return this.#poller.stop();
  }

  /** Somebody has written something that may be this node's to read: looks now, not only when it is time. */
  wake(): void {
    this.#poller.wake();
  }

  /**
   * What an append that began at `since` claimed is not in memory: it was committed when the shard was not this node's any
   * more, or nobody knows whether it is, or yet will be, because its connection broke. It is looked for from there on,
   * until whatever was under way then has ended.
   */
  doubt({ since, isCommitted }: { since: number; isCommitted: boolean }): void {
    const { from, waitUntil } = this.#doubt ?? { from: since, waitUntil: 0 };
    const mayBeginFor = isCommitted ? 0 : (this.#options.doubtMs ?? DOUBT_MS);
    this.#doubt = { from: Math.min(from, since), waitUntil: Math.max(waitUntil, performance.now() + mayBeginFor), endsAt: null };
  }

  async #read(): Promise<void> {
    const horizon = await logHorizon(this.#options.database);
    const shards = [...this.#options.ownership.shards];
    const fresh = shards.filter((shard) => !shard.established);
    const current = shards.filter((shard) => shard.established);
    if (current.length > 0) await this.#readTail(current, horizon);
    this.#position = { xid: horizon, id: null };
    if (this.#doubt) await this.#resolve(this.#doubt, current, horizon);
    if (fresh.length > 0) await this.#establish(fresh, horizon);
  }

  /** Reads what the last owners left. */
  async #establish(shards: readonly OwnedShard[], to: number): Promise<void> {
    const { onAcquired, onEstablished } = this.#options;
    await onAcquired(shards);
    await this.#readUnrecorded(shards, { from: Math.min(...shards.map((shard) => shard.readFrom ?? to)), to, claimedBy: null });
    // From here on the node claims what it accepts for them: an append that starts now gets a higher transaction id
    // than any read so far, so what is claimed and what was read cannot overlap.
    const joined = shards.filter((shard) => !shard.lost);
    for (const shard of joined) shard.readFrom = null;
    onEstablished(joined);
  }

  /** What is below the horizon is read for good. Once the append cannot begin any more, all that have begun are waited for. */
  async #resolve(doubt: Doubt, shards: readonly OwnedShard[], horizon: number): Promise<void> {
    const { database, ownership } = this.#options;
    await this.#readUnrecorded(shards, { from: doubt.from, to: horizon, claimedBy: ownership.nodeId });
    const isOver = doubt.endsAt !== null && horizon >= doubt.endsAt;
    const endsAt = doubt.endsAt ?? (performance.now() >= doubt.waitUntil ? await logEnd(database) : null);
    // Where another append has failed meanwhile, what is to be looked for begins no later and ends later.
    if (this.#doubt === doubt) this.#doubt = isOver ? null : { ...doubt, from: Math.max(doubt.from, horizon), endsAt };
  }

  async #readTail(shards: readonly OwnedShard[], to: number): Promise<void> {
    const { database, ownership, now } = this.#options;
    const ids = shards.map((shard) => shard.id);
    await this.#pages(this.#position, async (from) => {
      const rows = await readTail(database, { from, to, shards: ids, limit: PAGE, nodeId: ownership.nodeId, nowMs: now() });
      // What an earlier owner claimed it had in memory, and may have sent already.
      await this.#takeUnrecorded(rows.filter((row) => row.claimed_by !== null));
      for (const row of rows) if (row.claimed_by === null) this.#take(row, row.webhook_ids);
      const last = rows.at(-1);
      if (last) this.#position = { xid: Number(last.xid), id: last.id };
      return rows;
    });
  }

  /** Of what this node itself may have claimed: nothing that it has in memory. */
  async #readUnrecorded(shards: readonly OwnedShard[], range: { from: number; to: number; claimedBy: number | null }): Promise<void> {
    const { from: start, to, claimedBy } = range;
    const ids = shards.map((shard) => shard.id);
    this.#looked++;
    await this.#pages({ xid: start, id: null }, async (from) => {
      const rows = await readRange(this.#options.database, { from, to, shards: ids, claimedBy, limit: PAGE });
      await this.#takeUnrecorded(rows);
      return rows;
    });
  }

  async #takeUnrecorded(rows: readonly LogRow[]): Promise<void> {
    const asked = rows.flatMap((row) =>
      row.webhook_ids.map((webhookId) => ({ organizationKey: row.organization_key, id: deliveryId(row.id, webhookId) })),
    );
    if (asked.length === 0) return;
    const recorded = await recordedDeliveries(this.#options.database, asked);
    for (const row of rows) {
      const missing = row.webhook_ids.filter((webhookId) => !recorded.has(deliveryId(row.id, webhookId)));
      if (missing.length > 0 && !this.#isInMemory(row)) this.#take(row, missing);
    }
  }

  async #pages(start: LogPosition, readPage: (from: LogPosition) => Promise<LogRow[]>): Promise<void> {
    let from = start;
    for (;;) {
      while (!this.#options.hasRoom() && !this.#poller.stopped) await pause();
      if (this.#poller.stopped) throw new Error('The node stops.');
      const rows = await readPage(from);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      from = { xid: Number(last.xid), id: last.id };
    }
  }

  #isInMemory({ id, xid, shard }: LogRow): boolean {
    return this.#options.ownership.shard(shard)?.holds({ id, xid: Number(xid) }) === true;
  }

  #take(row: LogRow, webhookIds: readonly string[]): void {
    const shard = this.#options.ownership.shard(row.shard);
    if (shard) this.#options.take(shard, eventOfRow(row), webhookIds);
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
