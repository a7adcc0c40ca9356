import { nowUs } from '../measure/clock.ts';
import { ByteLedger } from '../measure/ledger.ts';
import { Samples, type Distribution } from '../measure/samples.ts';
import { digitsAt } from '../wire/framing.ts';
import { MARKER, TIME_OFFSET } from '../wire/marker.ts';

/** What arrived. */
export interface SinkCounts {
  /** Deliveries, each counted once however often it came. */
  readonly received: number;
  /** Requests that were left without an answer. */
  readonly hung: number;
  /** Requests without a marker: pings and the like. */
  readonly foreign: number;
}

/** What arrived between the opening and the closing of a window. */
export interface SinkWindow {
  readonly seconds: number;
  readonly received: number;
  /** Sent by the load generator → received, µs. */
  readonly latency: Distribution;
}

/** Keeps account of deliveries by event and slot. */
export class Receipts {
  readonly #arrivals = new ByteLedger();
  readonly #latencies = new Samples();
  #fanOut = 1;
  #received = 0;
  #hung = 0;
  #foreign = 0;
  #windowStartUs = 0;
  #windowReceived = 0;

  /** Starts anew, for events that go to `fanOut` webhooks each. */
  reset(fanOut: number): void {
    this.#arrivals.clear();
    this.#latencies.clear();
    this.#fanOut = fanOut;
    this.#received = 0;
    this.#hung = 0;
    this.#foreign = 0;
  }

  openWindow(): void {
    this.#latencies.clear();
    this.#windowStartUs = nowUs();
    this.#windowReceived = this.#received;
  }

  closeWindow(): SinkWindow {
    const seconds = (nowUs() - this.#windowStartUs) / 1e6;
    return { seconds, received: this.#received - this.#windowReceived, latency: this.#latencies.distribution() };
  }

  counts(): SinkCounts {
    return { received: this.#received, hung: this.#hung, foreign: this.#foreign };
  }

  arrivals(): Uint8Array {
    return this.#arrivals.bytes();
  }

  left(): void {
    this.#hung++;
  }

  /** A request whose body starts at `bodyStart`, for the event's webhook number `slot`. */
  arrived(buffer: Buffer, bodyStart: number, slot: number): void {
    const marker = buffer.indexOf(MARKER, bodyStart);
    if (marker === -1) {
      this.#foreign++;
      return;
    }
    const at = marker + MARKER.length;
    const index = digitsAt(buffer, at) * this.#fanOut + slot;
    const before = this.#arrivals.get(index);
    this.#arrivals.set(index, Math.min(255, before + 1));
    if (before > 0) return;
    this.#received++;
    this.#latencies.add(Math.max(0, nowUs() - digitsAt(buffer, at + TIME_OFFSET)));
  }
}
