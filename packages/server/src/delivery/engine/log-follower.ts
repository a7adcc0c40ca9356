import type { Logger } from 'pino';
import { Poller } from '../../intake/poller.ts';
import type { Database } from '../../store/database.ts';
import { lastLogged, logEnd, logHorizon, type LogHorizon, type LogPosition } from '../../store/log-reading.ts';
import { LogPages, type ReadEvent } from './log-pages.ts';
import type { OwnedShard } from './owned-shard.ts';
import type { LowWaterLimit, Ownership } from './ownership.ts';
import { pause } from './pause.ts';

export interface LogFollowerOptions {
  readonly database: Database;
  readonly ownership: Ownership;
  readonly log: Logger;
  /** How often the log is polled if nothing wakes the follower. */
  readonly pollMs: number;
  /** How long after a connection broke a statement sent on it may still begin. Default: 120,000. */
  readonly doubtMs?: number;
  readonly take: (read: ReadEvent) => void;
  /** Whether events of the organization are deferred: recorded deliveries of later ones are found when they load. */
  readonly isDeferring: (organizationKey: number) => boolean;
  /**
   * Resolves when this node's open appends of ordered events have ended: their events may precede what is read next.
   */
  readonly orderedEnded: () => Promise<unknown> | null;
  /** Called when everything below the transaction id is read for this node's established shards. */
  readonly onRead: (xid: number) => void;
  /** Called with new shards before their log is read. */
  readonly onAcquired: (shards: readonly OwnedShard[]) => Promise<void>;
  /** Called with shards whose log has been read, so that their waiting deliveries can be loaded. */
  readonly onEstablished: (shards: readonly OwnedShard[]) => void;
  /** Called when the database went back to an earlier state, for example after a crash of its server. */
  readonly onDiscontinuity: () => void;
  /** Whether there is room for more events in memory. */
  readonly hasRoom: () => boolean;
}

/** Minimum time between requested polls, so that a busy log is read in batches. */
const APART_MS = 10;
/** Longer than a statement on a broken connection may take to begin: Linux resends unacknowledged data for 100 s. */
const DOUBT_MS = 120_000;

/** How long reading waits for an open append: one on a silent connection must not block it. */
const APPEND_WAIT_MS = 1_000;

interface Doubt {
  /** Until then, by `performance.now()`, a transaction whose outcome stays unknown may begin. */
  readonly waitUntil: number;
  /** The end of the log at that time: the unknown transactions are below it. null: not known yet. */
  readonly endsAt: number | null;
}

/** The takeover of new shards: how far their log has been read. */
interface Takeover {
  readonly shards: readonly OwnedShard[];
  /** Whether the last owners left a low-water mark. */
  readonly isMarked: boolean;
  readonly from: LogPosition;
}

/** Pages of a takeover to read between two polls of the tail. */
const TAKEOVER_PAGES = 5;
/** Shards at most this many transactions behind are read together with the one that is least behind. */
const CLOSE_BEHIND = 500;

/**
 * Reads the events of this node's shards that it doesn't have in memory: what earlier owners left and other nodes
 * accept. It stops at the oldest running transaction and continues from there, so it never skips a late commit.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions;
  readonly #poller: Poller;
  readonly #pages: LogPages;
  #position: LogPosition = { xid: 0, id: null };
  #continuity: string | null = null;
  /** Where to read again from; null: continue at the position. */
  #rewindTo: number | null = null;
  #doubt: Doubt | null = null;
  #doubts = 0;
  /** Shards that this node has owned since it started. */
  readonly #readFor = new Set<number>();
  /** Below this id, events may already be recorded: in a restored database old transaction ids may be higher. */
  #checkedBelow = 0;
  /** The new shards whose log is being read. */
  #takeover: Takeover | null = null;
  /** Whether notifications of cancellations may have been lost. */
  #mayHaveMissed = false;

  constructor(options: LogFollowerOptions) {
    this.#options = options;
    this.#poller = new Poller({
      poll: () => this.#read(),
      everyMs: options.pollMs,
      apartMs: APART_MS,
      log: options.log,
      errorMessage: 'Failed to read the event log; retrying',
    });
    this.#pages = new LogPages({
      ...options,
      isStopped: () => this.#poller.stopped,
      // In doubt, the node may have claimed events that it doesn't have in memory.
      ownClaims: () => (this.#doubt === null ? options.ownership.nodeId : null),
    });
  }

  /** Everything below this position has been read for the node's established shards. */
  get position(): LowWaterLimit {
    return { xid: Math.min(this.#position.xid, this.#rewindTo ?? this.#position.xid), continuity: this.#continuity };
  }

  /**
   * Whether the log may contain events claimed by this node that it doesn't have in memory. Until they are found, the
   * node claims nothing new and reads its own events from the log too.
   */
  get inDoubt(): boolean {
    return this.#doubt !== null;
  }

  /**
   * Counts how often the node was in doubt. If it grows during an append, the append's events are read from the log.
   */
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

  /** Polls now. */
  wake(): void {
    this.#poller.wake();
  }

  /** Cancellations may have been missed: checks unread events too, and takes only deliveries without a row. */
  recheck(): void {
    this.#mayHaveMissed = true;
    this.wake();
  }

  /**
   * Reads the log again from `since` until all running transactions have ended. Used when an append was committed after
   * its shard had left, or when its outcome is unknown because the connection broke.
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

  /** Discards all positions, because transaction ids may be reused, and starts from the stored low-water marks. */
  async #startOver(horizon: LogHorizon): Promise<void> {
    this.#options.log.warn('The database went back to an earlier state; reading the event log again from the stored low-water marks');
    this.#options.onDiscontinuity();
    await this.#begin(horizon);
  }

  /** Reads some pages of what the last owners left. The tail of other shards is polled in between. */
  async #establish(fresh: readonly OwnedShard[], horizon: number): Promise<void> {
    const { onEstablished } = this.#options;
    if (this.#takeover?.shards.some((shard) => shard.isOpen) !== true) this.#takeover = await this.#beginTakeover(fresh, horizon);
    const { shards, isMarked, from } = this.#takeover;
    // Without a mark, the log may come from another server, whose transaction ids can't be compared with this one's.
    const range = { from, to: isMarked ? horizon : null, isChecked: true, isTakeover: true, maxPages: TAKEOVER_PAGES };
    const rest = await this.#pages.read(shards, range);
    this.#takeover = rest && { shards, isMarked, from: rest };
    if (rest || shards.length < fresh.length) this.#poller.wake();
    if (rest) return;
    if (!isMarked) this.#checkedBelow = Math.max(this.#checkedBelow, (await lastLogged(this.#options.database)) + 1);
    // From now on the node claims events of these shards. New appends get higher transaction ids than any read so far,
    // so claimed and read events cannot overlap.
    const joined = shards.filter((shard) => shard.isOpen);
    for (const shard of joined) shard.readFrom = null;
    // Deliveries above the horizon may have been cancelled while another node owned the shards.
    this.#mayHaveMissed = true;
    // Events above the horizon may have been claimed by this node when it owned the shards before.
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
    if (shards.length > 0 && this.#position.xid < to) await this.#pages.read(shards, { from: this.#position, to, isChecked, onPage });
    this.#position = { xid: to, id: null };
    this.#options.onRead(to);
  }

  /** Ends the doubt: waits until the append can no longer begin, then for all transactions that had begun by then. */
  async #resolve(doubt: Doubt, horizon: number): Promise<void> {
    const isOver = doubt.endsAt !== null && horizon >= doubt.endsAt;
    const endsAt = doubt.endsAt ?? (performance.now() >= doubt.waitUntil ? await logEnd(this.#options.database) : null);
    if (this.#doubt === doubt) this.#doubt = isOver ? null : { ...doubt, endsAt };
  }
}

/**
 * Returns the shards to read first, so that a long backlog of one doesn't delay the others. Each pass reads all commits
 * since its oldest mark; with a factor of four between passes, all passes cost a third more than the last one alone.
 */
function leastBehind(shards: readonly OwnedShard[], horizon: number): readonly OwnedShard[] {
  const lagOf = ({ readFrom }: OwnedShard): number => horizon - (readFrom ?? horizon);
  const least = Math.min(...shards.map(lagOf));
  return shards.filter((shard) => lagOf(shard) <= Math.max(4 * least, CLOSE_BEHIND));
}
