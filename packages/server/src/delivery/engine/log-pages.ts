import type { LoggedEvent } from '../../intake/log-owner.ts';
import { deliveryId } from '../../ids/delivery-id.ts';
import type { Database } from '../../store/database.ts';
import { readRange, recordedDeliveries, type LogPosition, type LogRow } from '../../store/log-reading.ts';
import { eventOfRow } from './logged-event.ts';
import type { OwnedShard } from './owned-shard.ts';
import { pause } from './pause.ts';

/** An event that was read from the log. */
export interface ReadEvent {
  readonly shard: OwnedShard;
  readonly event: LoggedEvent;
  /** If `isChecked`, only those whose delivery has no row; otherwise all, and some may have one. */
  readonly webhookIds: readonly string[];
  readonly isChecked: boolean;
}

export interface LogPagesOptions {
  readonly database: Database;
  readonly take: (read: ReadEvent) => void;
  /** Whether events of the organization are deferred: recorded deliveries of later ones are found when they load. */
  readonly isDeferring: (organizationKey: number) => boolean;
  /** Whether there is room for more events in memory. */
  readonly hasRoom: () => boolean;
  readonly isStopped: () => boolean;
  /** The number of this node if it has all events that it claimed in memory, so that they are not read; else null. */
  readonly ownClaims: () => number | null;
}

/** A part of the log. */
export interface LogRange {
  readonly from: LogPosition;
  /** Exclusive; null: the end of the log. */
  readonly to: number | null;
  /** Whether events may already be in memory or recorded; those are skipped. */
  readonly isChecked: boolean;
  /** Whether to read this node's own claims too: it may have claimed them when it owned the shards before. */
  readonly isTakeover?: boolean;
  readonly onPage?: (last: LogPosition) => void;
  /** Default: no limit. */
  readonly maxPages?: number;
}

/** Maximum events per page. Events with many deliveries make smaller pages. */
const PAGE = 500;
const SMALLEST_PAGE = 20;
/** Target of deliveries per page: each webhook id takes 36 characters. */
const PAGE_DELIVERIES = 10_000;
/** How often to check for room in memory while there is none. */
const ROOM_MS = 20;

/** Reads parts of the log in pages, and takes the events that are neither in memory nor recorded. */
export class LogPages {
  readonly #options: LogPagesOptions;

  constructor(options: LogPagesOptions) {
    this.#options = options;
  }

  /** Returns the position to continue from; null: at the end. */
  async read(shards: readonly OwnedShard[], range: LogRange): Promise<LogPosition | null> {
    const { from: start, to, isChecked, isTakeover = false, onPage, maxPages = Number.POSITIVE_INFINITY } = range;
    const { database, ownClaims, hasRoom, isStopped } = this.#options;
    const ids = shards.map((shard) => shard.id);
    for (let from = start, limit = SMALLEST_PAGE, pages = 1; ; pages++) {
      while (!hasRoom() && !isStopped()) await pause(ROOM_MS);
      if (isStopped()) throw new Error('The node is stopping.');
      const notClaimedBy = isTakeover ? null : ownClaims();
      const rows = await readRange(database, { from, to, shards: ids, notClaimedBy, limit });
      await this.#takeRows(shards, rows, isChecked);
      const last = rows.at(-1);
      if (!last || rows.length < limit) return null;
      limit = nextLimit(limit, rows);
      from = { xid: Number(last.xid), id: last.id };
      onPage?.(from);
      if (pages === maxPages) return from;
    }
  }

  /** An earlier owner may have sent what it claimed, so deliveries that have a row are skipped there too. */
  async #takeRows(shards: readonly OwnedShard[], rows: readonly LogRow[], isChecked: boolean): Promise<void> {
    const doubtful = isChecked ? rows : rows.filter((row) => row.claimed_by !== null);
    // Collected before the query: an event that leaves memory meanwhile may be recorded too late for the query to see
    // it.
    const inMemory = new Set(doubtful.length === 0 ? [] : shards.flatMap((shard) => [...shard.events()].map(({ id }) => id)));
    const unasked = new Set(doubtful.filter((row) => this.#options.isDeferring(row.organization_key)));
    const recorded = await this.#recorded(doubtful.filter((row) => !unasked.has(row)));
    const byId = new Map(shards.map((shard) => [shard.id, shard]));
    for (const row of rows) {
      const shard = byId.get(row.shard);
      if (!shard?.isOpen || inMemory.has(row.id)) continue;
      const webhookIds =
        recorded.size === 0 ? row.webhook_ids : row.webhook_ids.filter((webhookId) => !recorded.has(deliveryId(row.id, webhookId)));
      if (webhookIds.length > 0) this.#options.take({ shard, event: eventOfRow(row), webhookIds, isChecked: !unasked.has(row) });
    }
  }

  async #recorded(rows: readonly LogRow[]): Promise<Set<string>> {
    const asked = rows.flatMap((row) =>
      row.webhook_ids.map((webhookId) => ({ organizationKey: row.organization_key, id: deliveryId(row.id, webhookId) })),
    );
    return asked.length === 0 ? new Set() : recordedDeliveries(this.#options.database, asked);
  }
}

/** Doubles the page size up to the maximum, and shrinks it if events have many deliveries. */
function nextLimit(limit: number, rows: readonly LogRow[]): number {
  const deliveries = rows.reduce((sum, row) => sum + row.webhook_ids.length, 0);
  const fitting = Math.floor((rows.length * PAGE_DELIVERIES) / Math.max(1, deliveries));
  return Math.min(PAGE, limit * 2, Math.max(SMALLEST_PAGE, fitting));
}
