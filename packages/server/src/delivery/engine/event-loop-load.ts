import { performance, type EventLoopUtilization } from 'node:perf_hooks';

const SAMPLE_MS = 50;
/** Utilization above which an event loop counts as saturated. */
const SATURATED = 0.85;
/** Utilization below which it no longer does. The gap is needed because the load falls as soon as work is held back. */
const RELIEVED = 0.7;

/**
 * Tells whether a thread is saturated. Accepting costs less than delivering: without this check, a server at full load
 * accepts 25,000 events a second and delivers none.
 */
export class EventLoopLoad {
  readonly #read: () => EventLoopUtilization;
  #sampled: EventLoopUtilization;
  #sampledAt = performance.now();
  #saturated = false;

  /** `read` returns the event loop utilization since the thread started. */
  constructor(read: () => EventLoopUtilization) {
    this.#read = read;
    this.#sampled = read();
  }

  get saturated(): boolean {
    const now = performance.now();
    if (now - this.#sampledAt >= SAMPLE_MS) {
      const current = this.#read();
      const { utilization } = performance.eventLoopUtilization(current, this.#sampled);
      this.#saturated = utilization > (this.#saturated ? RELIEVED : SATURATED);
      this.#sampled = current;
      this.#sampledAt = now;
    }
    return this.#saturated;
  }
}
