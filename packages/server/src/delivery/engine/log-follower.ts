import type { Logger } from 'pino';
import type { LoggedEvent } from '../../intake/log-owner.ts';
import { Poller } from '../../intake/poller.ts';
import type { Database } from '../../store/database.ts';
import { deliveryId } from '../../store/delivery-id.ts';
import {
  lastLogged,
  logEnd,
  logHorizon,
  readRange,
  recordedDeliveries,
  type LogHorizon,
  type LogPosition,
  type LogRow,
} from '../../store/log-reading.ts';
import { eventOfRow } from './logged-event.ts';
import type { OwnedShard } from './owned-shard.ts';
import type { LowWaterLimit, Ownership } from './ownership.ts';
import { pause } from './pause.ts';

/** An event that was read from the log. */
export interface ReadEvent {
  readonly shard: OwnedShard;
  readonly event: LoggedEvent;
  /** Those whose delivery has no row, if `isChecked`; otherwise all, and some may have one. */
  readonly webhookIds: readonly string[];
  readonly isChecked: boolean;
}

export interface LogFollowerOptions {
  readonly database: Database;
  readonly ownership: Ownership;
  readonly log: Logger;
  /** How often the log is polled if nothing wakes the follower. */
  readonly pollMs: number;
  /** How long after a connection broke a statement may still begin that was sent on it. Default: 120,000. */
  readonly doubtMs?: number;
  readonly take: (read: ReadEvent) => void;
  /** Whether events of the organization are deferred. What of later ones is recorded is asked when they are loaded. */
  readonly isDeferring: (organizationKey: number) => boolean;
  /** Resolves when this node's open appends of ordered events have ended: what they committed may belong before what is read. */
  readonly orderedEnded: () => Promise<unknown> | null;
  /** Everything of this node's established shards below the transaction id is read and taken in. */
  readonly onRead: (xid: number) => void;
  /** Shards that are new, before anything of theirs is read. */
  readonly onAcquired: (shards: readonly OwnedShard[]) => Promise<void>;
  /** Shards whose log has been read: what they have waiting can be looked for. */
  readonly onEstablished: (shards: readonly OwnedShard[]) => void;
  /** The database went back to an earlier state, as after a crash of its server. */
  readonly onDiscontinuity: () => void;
  /** Whether there is room for more. */
  readonly hasRoom: () => boolean;
}

/** Events read at once, unless they have many deliveries. */
const PAGE = 500;
const SMALLEST_PAGE = 20;
/** Deliveries that a page should have at most: their webhooks' ids are 36 characters each. */
const PAGE_DELIVERIES = 10_000;
/** How often a reader without room asks for it. */
const ROOM_MS = 20;
/** Polls that were asked for are so far apart, so that a busy log is read in portions. */
const APART_MS = 10;
/** Longer than a statement on a broken connection may take to begin: Linux tries for 100 s to deliver what was sent before. */
const DOUBT_MS = 120_000;

/** An append whose connection is silent does not hold up the log. */
const APPEND_WAIT_MS = 1_000;

interface Doubt {
  /** Until then a transaction may begin whose outcome nobody learns; by the clock of `performance.now()`. */
  readonly waitUntil: number;
  /** The end of the log after that: below it may be one. null: not known yet. */
  readonly endsAt: number | null;
}

interface Range {
  readonly from: LogPosition;
  /** Exclusive; null: to the end. */
  readonly to: number | null;
  /** Whether events may have been taken in or recorded before: those are left out. */
  readonly isChecked: boolean;
  /** Whether this node's own claims count too: it may have had them in memory when it owned the shards before. */
  readonly isTakeover?: boolean;
  readonly onPage?: (last: LogPosition) => void;
  /** Default: all there are. */
  readonly maxPages?: number;
}

/** New shards whose log is being read, and how far it is. */
interface Takeover {
  readonly shards: readonly OwnedShard[];
  /** Their last owners left a low-water mark. */
  readonly isMarked: boolean;
  readonly from: LogPosition;
}

/** Pages of a takeover between two looks at what comes in. */
const TAKEOVER_PAGES = 5;
/** Shards that are so many transactions behind are read together, whatever the others are. */
const CLOSE_BEHIND = 500;

/**
 * Reads from the log what this node's shards get from elsewhere: what earlier owners left, and what other nodes accept.
 * It stops at the oldest transaction still running and continues from there, so it never passes over a late commit.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions;
  readonly #poller: Poller;
  #position: LogPosition = { xid: 0, id: null };
  #continuity: string | null = null;
  /** Where reading starts over; null: at the position. */
  #rewindTo: number | null = null;
  #doubt: Doubt | null = null;
  #doubts = 0;
  /** Shards that this node has read for. */
  readonly #readFor = new Set<number>();
  /** Below it events may be recorded already: in a restored database they have higher transaction ids than new ones. */
  #checkedBelow = 0;
  /** The new shards whose log is being read. */
  #takeover: Takeover | null = null;
  /** What was cancelled lately was perhaps not heard of. */
  #mayHaveMissed = false;

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
  get position(): LowWaterLimit {
    return { xid: Math.min(this.#position.xid, this.#rewindTo ?? this.#position.xid), continuity: this.#continuity };
  }

  /**
   * Whether something that this node claimed may be in the log and not in memory. Until that is found, the node claims
   * nothing new: it reads from the log what it accepts, like what others accept.
   */
  get inDoubt(): boolean {
    return this.#doubt !== null;
  }

  /** How often something was in doubt: an append during which it grows has its events read from the log. */
  get doubts(): number {
    return this.#doubts;
  }

  async start(): Promise<void> {
    await this.#begin(await logHorizon(this.#options.database));
    await this.#read();
    this.#poller.start();
  }

  stop(): Promise<void> {
    return this.#poller.stop();
  }

  /** Reads now instead of at the next poll. */
  wake(): void {
    this.#poller.wake();
  }

  /** Cancellations may have been missed: of what is not read yet, too, only deliveries without a row are taken. */
  recheck(): void {
    this.#mayHaveMissed = true;
    this.wake();
  }

  /**
   * Looks through the log again from `since`, until every transaction under way has ended: an append that this node claimed
   * was committed after its shard had left, or its outcome is unknown because the connection broke.
   */
  doubt({ since, isCommitted }: { since: number; isCommitted: boolean }): void {
    const mayBeginFor = isCommitted ? 0 : (this.#options.doubtMs ?? DOUBT_MS);
    this.#doubts++;
    this.#rewindTo = Math.min(this.#rewindTo ?? since, since);
    this.#doubt = { waitUntil: Math.max(this.#doubt?.waitUntil ?? 0, performance.now() + mayBeginFor), endsAt: null };
  }

  async #begin({ xid, continuity }: LogHorizon): Promise<void> {
    this.#checkedBelow = (await lastLogged(this.#options.database)) + 1;
    this.#position = { xid, id: null };
    this.#continuity = continuity;
    this.#rewindTo = null;
    this.#doubt = null;
    this.#takeover = null;
  }

  async #read(): Promise<void> {
    const horizon = await logHorizon(this.#options.database);
    if (horizon.continuity !== this.#continuity || horizon.end < this.#position.xid) return this.#startOver(horizon);
    const to = Math.max(horizon.xid, this.#position.xid);
    if (this.#mayHaveMissed) this.#checkedBelow = Math.max(this.#checkedBelow, horizon.end);
    this.#mayHaveMissed = false;
    if (this.#rewindTo !== null) {
      this.#position = { xid: Math.min(this.#position.xid, this.#rewindTo), id: null };
      this.#rewindTo = null;
    }
    const ended = this.#options.orderedEnded();
    if (ended) await Promise.race([ended, pause(APPEND_WAIT_MS)]);
    const doubt = this.#doubt;
    const shards = [...this.#options.ownership.shards];
    await this.#readTail(
      shards.filter((shard) => shard.established),
      to,
    );
    if (doubt) await this.#resolve(doubt, to);
    const fresh = shards.filter((shard) => !shard.established);
    if (fresh.length > 0) await this.#establish(fresh, to);
  }

  /** Transaction ids may be given out again: nothing read so far says what lies below them. The stored marks do. */
  async #startOver(horizon: LogHorizon): Promise<void> {
    this.#options.log.warn('The database went back to an earlier state; reading the event log again from what is stored.');
    this.#options.onDiscontinuity();
    await this.#begin(horizon);
  }

  /** Reads what the last owners left: a part of it, so that what other shards get meanwhile does not wait for all. */
  async #establish(fresh: readonly OwnedShard[], horizon: number): Promise<void> {
    const { onEstablished } = this.#options;
    if (this.#takeover?.shards.some((shard) => shard.isOpen) !== true) this.#takeover = await this.#beginTakeover(fresh, horizon);
    const { shards, isMarked, from } = this.#takeover;
    // Without a mark the log may be another server's: its ids say nothing about where this one stands.
    const range = { from, to: isMarked ? horizon : null, isChecked: true, isTakeover: true, maxPages: TAKEOVER_PAGES };
    const rest = await this.#readPages(shards, range);
    this.#takeover = rest && { shards, isMarked, from: rest };
    if (rest || shards.length < fresh.length) this.#poller.wake();
    if (rest) return;
    if (!isMarked) this.#checkedBelow = Math.max(this.#checkedBelow, (await lastLogged(this.#options.database)) + 1);
    // From here on the node claims what it accepts for them: an append that starts now gets a higher transaction id
    // than any read so far, so what is claimed and what was read cannot overlap.
    const joined = shards.filter((shard) => shard.isOpen);
    for (const shard of joined) shard.readFrom = null;
    // Above the horizon may be what was cancelled while another node owned the shards: this one took no note of it.
    this.#mayHaveMissed = true;
    // Above the horizon may be what this node claimed when it owned them before, and forgot when they left.
    if (joined.some((shard) => this.#readFor.has(shard.id))) this.doubt({ since: horizon, isCommitted: true });
    for (const shard of joined) this.#readFor.add(shard.id);
    onEstablished(joined);
  }

  async #beginTakeover(fresh: readonly OwnedShard[], horizon: number): Promise<Takeover> {
    const shards = leastBehind(fresh, horizon);
    await this.#options.onAcquired(shards);
    const xid = Math.min(...shards.map((shard) => shard.readFrom ?? horizon));
    return { shards, isMarked: xid > 0, from: { xid, id: null } };
  }

  async #readTail(shards: readonly OwnedShard[], to: number): Promise<void> {
    const isChecked = this.#doubt !== null || this.#position.xid < this.#checkedBelow;
    const onPage = (last: LogPosition): void => {
      this.#position = last;
    };
    // An idle log costs nothing, however many days of it are kept.
    if (shards.length > 0 && this.#position.xid < to) await this.#readPages(shards, { from: this.#position, to, isChecked, onPage });
    this.#position = { xid: to, id: null };
    this.#options.onRead(to);
  }

  /** Once the append cannot begin any more, all transactions that have begun are waited for. */
  async #resolve(doubt: Doubt, horizon: number): Promise<void> {
    const isOver = doubt.endsAt !== null && horizon >= doubt.endsAt;
    const endsAt = doubt.endsAt ?? (performance.now() >= doubt.waitUntil ? await logEnd(this.#options.database) : null);
    if (this.#doubt === doubt) this.#doubt = isOver ? null : { ...doubt, endsAt };
  }

  /** Returns where to go on from; null: at the end. */
  async #readPages(shards: readonly OwnedShard[], range: Range): Promise<LogPosition | null> {
    const { from: start, to, isChecked, isTakeover = false, onPage, maxPages = Number.POSITIVE_INFINITY } = range;
    const { database, ownership, hasRoom } = this.#options;
    const ids = shards.map((shard) => shard.id);
    for (let from = start, limit = SMALLEST_PAGE, pages = 1; ; pages++) {
      while (!hasRoom() && !this.#poller.stopped) await pause(ROOM_MS);
      if (this.#poller.stopped) throw new Error('The node stops.');
      // What this node claimed it has in memory, unless that is in doubt.
      const notClaimedBy = this.#doubt === null && !isTakeover ? ownership.nodeId : null;
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

  /** What an earlier owner claimed it may have sent: of that, too, only deliveries without a row are taken. */
  async #takeRows(shards: readonly OwnedShard[], rows: readonly LogRow[], isChecked: boolean): Promise<void> {
    const doubtful = isChecked ? rows : rows.filter((row) => row.claimed_by !== null);
    // Before the database is asked: what leaves memory meanwhile may be recorded too late for the answer.
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

/**
 * The shards to read first. One with a long backlog must not keep the others waiting, and each pass goes through all that was
 * committed since the oldest mark: with four times as much from pass to pass, all take a third more than the last one alone.
 */
function leastBehind(shards: readonly OwnedShard[], horizon: number): readonly OwnedShard[] {
  const lagOf = ({ readFrom }: OwnedShard): number => horizon - (readFrom ?? horizon);
  const least = Math.min(...shards.map(lagOf));
  return shards.filter((shard) => lagOf(shard) <= Math.max(4 * least, CLOSE_BEHIND));
}

/** Pages grow, and shrink where events have many deliveries. */
function nextLimit(limit: number, rows: readonly LogRow[]): number {
  const deliveries = rows.reduce((sum, row) => sum + row.webhook_ids.length, 0);
  const fitting = Math.floor((rows.length * PAGE_DELIVERIES) / Math.max(1, deliveries));
  return Math.min(PAGE, limit * 2, Math.max(SMALLEST_PAGE, fitting));
}
