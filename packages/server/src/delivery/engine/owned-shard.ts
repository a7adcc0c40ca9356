import { ChainedList, type Chained } from '../chained-list.ts';
import type { LoggedEvent } from '../../intake/log-owner.ts';
import type { MemoryBudget, OrganizationUse } from './memory-budget.ts';

/** An event of which not all deliveries are recorded: in memory, or deferred, which means that it stays in the log for now. */
export interface Outstanding extends Chained<Outstanding> {
  readonly organizationKey: number;
  readonly id: string;
  readonly xid: number;
  /** Of its body, if that is in memory. */
  bytes: number;
  /** Deliveries in memory that are not recorded. */
  left: number;
  /** null: it is deferred. */
  use: OrganizationUse | null;
}

/**
 * A shard while this node owns it: which of its events are in memory and not settled. From them follows the low-water
 * mark, below which the next owner need not look. No Map by id: V8 copies each new string that a Map is asked for to its
 * table of strings, which takes 0.3 µs, and only a full collection frees it.
 */
export class OwnedShard {
  readonly id: number;
  readonly epoch: number;
  /** Given back or taken over: what is still in memory is somebody else's now. */
  lost = false;
  /** The log is to be read from here, where the last owner left off; null: it is read up to where the tail goes on. */
  readFrom: number | null;
  /** On its way to another node: nothing more is started for it. */
  isLeaving = false;
  /** Exchanges under way. */
  inFlight = 0;
  /** Outcomes that are not recorded yet. */
  recording = 0;
  readonly #memory: MemoryBudget;
  /** The shard is on its way to another node: what is committed from here on is nobody's until that one reads it. */
  #leftAt: number | null = null;
  readonly #events = new ChainedList<Outstanding>();

  constructor(input: { id: number; epoch: number; lowWater: number }, memory: MemoryBudget) {
    this.id = input.id;
    this.epoch = input.epoch;
    this.readFrom = input.lowWater;
    this.#memory = memory;
  }

  /** From here on the node can claim what it accepts for this shard. */
  get established(): boolean {
    return this.readFrom === null;
  }

  /** Whether deliveries of it may be started. */
  get isOpen(): boolean {
    return !this.lost && !this.isLeaving;
  }

  /** Whether nothing is being sent or recorded. */
  get isQuiet(): boolean {
    return this.inFlight === 0 && this.recording === 0;
  }

  /** The events in memory, and the deferred ones. Goes through all of them: for what happens rarely. */
  *events(): Iterable<Outstanding> {
    for (let event = this.#events.oldest; event !== null; event = event.next) yield event;
  }

  /** The event comes to memory. */
  track(event: LoggedEvent, deliveries: number): Outstanding {
    const outstanding = this.defer(event);
    this.load(outstanding, event, deliveries);
    return outstanding;
  }

  /** The event stays in the log until there is room for it. */
  defer({ organizationKey, id, xid }: LoggedEvent): Outstanding {
    const outstanding: Outstanding = { organizationKey, id, xid, bytes: 0, left: 0, use: null, next: null, previous: null };
    this.#events.append(outstanding);
    return outstanding;
  }

  /** A deferred event comes to memory, with those of its deliveries that have no row. */
  load(outstanding: Outstanding, event: LoggedEvent, deliveries: number): void {
    outstanding.bytes = event.body.length;
    outstanding.left = deliveries;
    outstanding.use = this.#memory.of(event.organizationKey);
    this.#memory.take(outstanding.use, deliveries, outstanding.bytes);
  }

  /** Nothing of a deferred event is left to be done. */
  drop(outstanding: Outstanding): void {
    if (!this.lost) this.#events.remove(outstanding);
  }

  /** One of the event's deliveries is recorded, as settled or waiting. */
  recorded(outstanding: Outstanding): void {
    if (this.lost || outstanding.use === null) return;
    outstanding.left--;
    const isLast = outstanding.left === 0;
    this.#memory.give(outstanding.use, 1, isLast ? outstanding.bytes : 0);
    if (isLast) this.#events.remove(outstanding);
  }

  /** The lowest transaction id that holds something unrecorded, or `limit`. */
  lowWater(limit: number): number {
    let lowest = Math.min(limit, this.readFrom ?? limit, this.#leftAt ?? limit);
    for (let event = this.#events.oldest; event !== null; event = event.next) lowest = Math.min(lowest, event.xid);
    return lowest;
  }

  /** From now on this node reads no more of the shard's log: the mark must not pass what it has read. */
  leave(limit: number): void {
    this.#leftAt = this.lowWater(limit);
    this.isLeaving = true;
  }

  forget(): void {
    this.lost = true;
    for (let event = this.#events.shift(); event !== null; event = this.#events.shift()) {
      if (event.use !== null) this.#memory.give(event.use, event.left, event.bytes);
    }
  }
}
