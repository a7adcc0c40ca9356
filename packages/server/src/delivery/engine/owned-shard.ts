import type { LoggedEvent } from '../../intake/log-owner.ts';

interface Outstanding {
  readonly xid: number;
  readonly bytes: number;
  left: number;
}

/**
 * A shard while this node owns it: which of its events are in memory and not settled. From them follows the low-water
 * mark, below which the next owner need not look.
 */
export class OwnedShard {
  readonly id: number;
  readonly epoch: number;
  /** Given back or taken over: what is still in memory is somebody else's now. */
  lost = false;
  /** The log was read up to where the tail goes on; from then on the node claims what it accepts for this shard. */
  established = false;
  /** The log must be read again from here; null: it is read. */
  readFrom: number | null;
  inFlight = 0;
  /** The shard is on its way to another node: what is committed from here on is nobody's until that one reads it. */
  #leftAt: number | null = null;
  readonly #events = new Map<string, Outstanding>();
  #bytes = 0;

  constructor(input: { id: number; epoch: number; lowWater: number }) {
    this.id = input.id;
    this.epoch = input.epoch;
    this.readFrom = input.lowWater;
  }

  /** Bodies of the events in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Answers false where the event is in memory already. */
  track(event: LoggedEvent, deliveries: number): boolean {
    if (this.#events.has(event.id)) return false;
    if (deliveries === 0) return true;
    const bytes = event.body.length;
    this.#events.set(event.id, { xid: event.xid, bytes, left: deliveries });
    this.#bytes += bytes;
    return true;
  }

  /** One of the event's deliveries is recorded, as settled or waiting. */
  recorded(eventId: string): void {
    const entry = this.#events.get(eventId);
    if (!entry) return;
    entry.left--;
    if (entry.left > 0) return;
    this.#events.delete(eventId);
    this.#bytes -= entry.bytes;
  }

  /** The lowest transaction id that holds something unrecorded, or `limit`. */
  lowWater(limit: number): number {
    let lowest = Math.min(limit, this.readFrom ?? limit, this.#leftAt ?? limit);
    for (const { xid } of this.#events.values()) if (xid < lowest) lowest = xid;
    return lowest;
  }

  /** From now on this node reads no more of the shard's log: the mark must not pass what it has read. */
  leave(limit: number): void {
    this.#leftAt = this.lowWater(limit);
  }

  forget(): void {
    this.lost = true;
    this.#events.clear();
    this.#bytes = 0;
  }
}
