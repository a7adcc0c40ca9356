import type { Logger } from 'pino';
import type { LoggedEvent } from '../../intake/log-owner.ts';
import type { Database } from '../../store/database.ts';
import { deliveryId } from '../../store/delivery-id.ts';
import { logHorizon, readRange, readTail, recordedDeliveries, type LogPosition, type LogRow } from '../../store/log-reading.ts';
import type { OwnedShard } from './owned-shard.ts';
import type { Ownership } from './ownership.ts';

export interface LogFollowerOptions {
  readonly database: Database;
  readonly ownership: Ownership;
  readonly log: Logger;
  readonly now: () => number;
  /** How often the log is looked at. */
  readonly pollMs: number;
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

/**
 * Reads of the log what this node's shards get from elsewhere: what earlier owners left, and what other nodes accept.
 * It stops at the oldest transaction still running and goes on from there, so a late commit is never passed over.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions;
  #position: LogPosition = { xid: 0, id: null };
  #timer: NodeJS.Timeout | null = null;
  #reading: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: LogFollowerOptions) {
    this.#options = options;
  }

  /** Everything of the node's established shards below it has been read. */
  get cursor(): number {
    return this.#position.xid;
  }

  async start(): Promise<void> {
    this.#position = { xid: await logHorizon(this.#options.database), id: null };
    await this.#read();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#reading;
  }

  /** An append of this node's own may or may not have been committed: look through the log from `from` on. */
  lookAgain(from: number): void {
    for (const shard of this.#options.ownership.shards) shard.readFrom = Math.min(from, shard.readFrom ?? from);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#reading = this.#read().catch((error: unknown) => {
        if (!this.#stopped) this.#options.log.warn({ err: error }, 'The event log could not be read.');
      });
      void this.#reading.then(() => this.#schedule());
    }, this.#options.pollMs);
  }

  async #read(): Promise<void> {
    const horizon = await logHorizon(this.#options.database);
    const shards = [...this.#options.ownership.shards];
    const behind = shards.filter((shard) => shard.readFrom !== null);
    const current = shards.filter((shard) => shard.established);
    if (current.length > 0) await this.#readTail(current, horizon);
    this.#position = { xid: horizon, id: null };
    const fresh = behind.filter((shard) => !shard.established);
    if (fresh.length > 0) await this.#options.onAcquired(fresh);
    if (behind.length > 0) await this.#catchUp(behind, horizon);
    // From here on the node claims what it accepts for them: an append that starts now gets a higher transaction id
    // than any read so far, so what is claimed and what was read cannot overlap.
    const joined = behind.filter((shard) => !shard.established && !shard.lost);
    for (const shard of joined) shard.established = true;
    if (joined.length > 0) this.#options.onEstablished(joined);
  }

  async #readTail(shards: readonly OwnedShard[], to: number): Promise<void> {
    const { database, ownership, now } = this.#options;
    const ids = shards.map((shard) => shard.id);
    await this.#pages(this.#position, async (from) => {
      const rows = await readTail(database, { from, to, shards: ids, limit: PAGE, nodeId: ownership.nodeId, nowMs: now() });
      for (const row of rows) this.#take(row, row.webhook_ids);
      const last = rows.at(-1);
      if (last) this.#position = { xid: Number(last.xid), id: last.id };
      return rows;
    });
  }

  async #catchUp(shards: readonly OwnedShard[], to: number): Promise<void> {
    const { database } = this.#options;
    const ids = shards.map((shard) => shard.id);
    const starts = shards.map((shard) => shard.readFrom ?? to);
    await this.#pages({ xid: Math.min(...starts), id: null }, async (from) => {
      const rows = await readRange(database, { from, to, shards: ids, limit: PAGE });
      await this.#takeUnrecorded(rows);
      return rows;
    });
    shards.forEach((shard, index) => {
      // Set back once more meanwhile by a failed append: keep that.
      if (shard.readFrom === starts[index]) shard.readFrom = null;
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
      if (missing.length > 0) this.#take(row, missing);
    }
  }

  async #pages(start: LogPosition, readPage: (from: LogPosition) => Promise<LogRow[]>): Promise<void> {
    let from = start;
    for (;;) {
      while (!this.#options.hasRoom() && !this.#stopped) await pause();
      if (this.#stopped) throw new Error('The node stops.');
      const rows = await readPage(from);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      from = { xid: Number(last.xid), id: last.id };
    }
  }

  #take(row: LogRow, webhookIds: readonly string[]): void {
    const shard = this.#options.ownership.shard(row.shard);
    if (shard) this.#options.take(shard, loggedEvent(row), webhookIds);
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

export function loggedEvent(row: LogRow): LoggedEvent {
  return {
    organizationKey: row.organization_key,
    id: row.id,
    xid: Number(row.xid),
    shard: row.shard,
    type: row.type,
    subjectKind: row.subject_kind,
    subjectId: row.subject_id,
    externalId: row.external_id,
    test: row.test,
    body: row.body,
    webhookIds: row.webhook_ids,
  };
}
