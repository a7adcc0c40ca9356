import type { Flush } from '../../intake/log-owner.ts';
import type { Database } from '../../store/database.ts';
import type { NewEvent } from '../../store/event-log.ts';
import { logEnd } from '../../store/log-reading.ts';
import type { EventIntake } from './event-intake.ts';
import type { LogNotifier } from './log-notifier.ts';
import type { LogFollower } from './log-follower.ts';
import { eventOfCommit } from './logged-event.ts';
import type { LowWaterLimit, Ownership } from './ownership.ts';

/** An append under way: the read position and the number of doubts when it began. */
interface OpenAppend {
  readonly since: number;
  readonly doubts: number;
  /** Resolves when the append has ended; null: it stores no ordered events. */
  readonly ended: Promise<void> | null;
}

export interface AppendsOptions {
  readonly database: Database;
  readonly ownership: Ownership;
  readonly follower: LogFollower;
  readonly notifier: LogNotifier;
  readonly intake: () => EventIntake;
  /** Called when events were handed over. */
  readonly onTaken: () => void;
}

/**
 * Tracks this node's appends to the log, from their start until their events are handed to delivery or left to the log.
 */
export class Appends {
  readonly #options: AppendsOptions;
  readonly #open = new Set<OpenAppend>();
  /** Once the log is read up to here, events committed here may be sent directly; null: not determined yet. */
  #directFrom: number | null = null;
  /** Everything that this node left to the log is below this transaction id. */
  #leftUpTo = 0;

  constructor(options: AppendsOptions) {
    this.#options = options;
  }

  /** The transaction id below which everything that this node read or stored is known. */
  get lowWaterLimit(): LowWaterLimit {
    const { xid, continuity } = this.#options.follower.position;
    let lowest = xid;
    for (const { since } of this.#open) lowest = Math.min(lowest, since);
    return { xid: lowest, continuity };
  }

  /** Resolves when all open appends that may store ordered events have ended; null: there are none. */
  orderedEnded(): Promise<unknown> | null {
    const ended = [...this.#open].flatMap((append) => append.ended ?? []);
    return ended.length === 0 ? null : Promise.all(ended);
  }

  begin(ordered: boolean): Flush {
    const { ownership, follower, onTaken } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const append: OpenAppend = { since: follower.position.xid, doubts: follower.doubts, ended: ordered ? promise : null };
    this.#open.add(append);
    const end = (): void => {
      this.#open.delete(append);
      resolve();
    };
    return {
      committed: (xid, events) => {
        for (const event of events) {
          if (event.claimedBy === ownership.nodeId) this.#take(xid, event, append);
          else this.#leaveToLog(xid);
        }
        end();
        onTaken();
      },
      rolledBack: end,
      unknownOutcome: (events) => {
        if (events.some(({ claimedBy }) => claimedBy === ownership.nodeId)) follower.doubt({ since: append.since, isCommitted: false });
        end();
      },
    };
  }

  /** Whether no other node accepts events, and the log is read up to where others may have written. */
  isOnlySource(): boolean {
    if (!this.#options.ownership.isAlone) {
      this.#directFrom = null;
      return false;
    }
    if (this.#directFrom === null) {
      this.#directFrom = Number.POSITIVE_INFINITY;
      void this.#readLogEnd();
    }
    return this.#options.follower.position.xid >= Math.max(this.#directFrom, this.#leftUpTo);
  }

  #take(xid: number, event: NewEvent, { since, doubts }: OpenAppend): void {
    const { ownership, follower, intake } = this.#options;
    const shard = ownership.shard(event.shard);
    // In doubt, the log is read for this node's claims too and finds this event once. So does reading a shard that was
    // lost and is owned again, in log order.
    if (!shard?.established || doubts !== follower.doubts || follower.inDoubt)
      return follower.doubt({ since: Math.min(since, xid), isCommitted: true });
    intake().takeCommitted(shard, eventOfCommit(event, xid));
  }

  /**
   * The shard's owner reads the event from the log. If this node becomes the owner, later events must not overtake it.
   */
  #leaveToLog(xid: number): void {
    this.#leftUpTo = Math.max(this.#leftUpTo, xid + 1);
    this.#options.notifier.notify();
  }

  async #readLogEnd(): Promise<void> {
    try {
      const end = await logEnd(this.#options.database);
      if (this.#directFrom === Number.POSITIVE_INFINITY) this.#directFrom = end;
    } catch {
      // Until the next try, events are held back until the log is read. If that fails too, the follower logs it.
      this.#directFrom = null;
    }
  }
}
