import { ChainedList, type Chained } from '../chained-list.ts';
import type { LoggedEvent } from '../../intake/log-owner.ts';

/** Bodies of the events in memory, in bytes, over all shards: it is asked for each delivery. */
export interface MemoryUse {
  bytes: number;
}

/** An event in memory of which not all deliveries are recorded. */
export interface Outstanding extends Chained<Outstanding> {
  readonly id: string;
  readonly transaction: Transaction;
  readonly bytes: number;
  left: number;
}

interface Transaction {
  readonly xid: number;
  readonly events: ChainedList<Outstanding>;
  /** The highest id among those that came: ids mostly come in order, and what is above is new. */
  highestId: string;
}

/**
 * A shard while this node owns it: which of its events are in memory and not settled. From them follows the low-water
 * mark, below which the next owner need not look. They are kept by transaction: V8 copies each new string that a Map is
 * asked for to its table of strings, in the old space, and that of each event's id cost a twentieth of the thread.
 */
export class OwnedShard {
  readonly id: number;
  readonly epoch: number;
  /** Given back or taken over: what is still in memory is somebody else's now. */
  lost = false;
  /** The log is to be read from here, where the last owner left off; null: it is read up to where the tail goes on. */
  readFrom: number | null;
  inFlight = 0;
  readonly #memory: MemoryUse;
  /** The shard is on its way to another node: what is committed from here on is nobody's until that one reads it. */
  #leftAt: number | null = null;
  readonly #transactions = new Map<number, Transaction>();

  constructor(input: { id: number; epoch: number; lowWater: number }, memory: MemoryUse) {
    this.id = input.id;
    this.epoch = input.epoch;
    this.readFrom = input.lowWater;
    this.#memory = memory;
  }

  /** From here on the node can claim what it accepts for this shard. */
  get established(): boolean {
    return this.readFrom === null;
  }

  /** Answers null where the event is in memory already. */
  track(event: LoggedEvent, deliveries: number): Outstanding | null {
    const transaction = this.#transaction(event);
    if (event.id > transaction.highestId) transaction.highestId = event.id;
    else if (holds(transaction, event.id)) return null;
    const outstanding = { id: event.id, transaction, bytes: event.body.length, left: deliveries, next: null, previous: null };
    transaction.events.append(outstanding);
    this.#memory.bytes += outstanding.bytes;
    return outstanding;
  }

  /** One of the event's deliveries is recorded, as settled or waiting. */
  recorded(outstanding: Outstanding): void {
    outstanding.left--;
    if (outstanding.left > 0 || this.lost) return;
    const { transaction } = outstanding;
    transaction.events.remove(outstanding);
    this.#memory.bytes -= outstanding.bytes;
    if (transaction.events.oldest === null) this.#transactions.delete(transaction.xid);
  }

  /** The lowest transaction id that holds something unrecorded, or `limit`. */
  lowWater(limit: number): number {
    let lowest = Math.min(limit, this.readFrom ?? limit, this.#leftAt ?? limit);
    for (const xid of this.#transactions.keys()) if (xid < lowest) lowest = xid;
    return lowest;
  }

  /** From now on this node reads no more of the shard's log: the mark must not pass what it has read. */
  leave(limit: number): void {
    this.#leftAt = this.lowWater(limit);
  }

  forget(): void {
    this.lost = true;
    for (const { events } of this.#transactions.values()) {
      for (let event = events.oldest; event !== null; event = event.next) this.#memory.bytes -= event.bytes;
    }
    this.#transactions.clear();
  }

  #transaction({ xid }: LoggedEvent): Transaction {
    let transaction = this.#transactions.get(xid);
    if (!transaction) this.#transactions.set(xid, (transaction = { xid, events: new ChainedList(), highestId: '' }));
    return transaction;
  }
}

function holds({ events }: Transaction, id: string): boolean {
  for (let event = events.oldest; event !== null; event = event.next) if (event.id === id) return true;
  return false;
}
