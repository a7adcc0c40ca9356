import { performance, type EventLoopUtilization } from 'node:perf_hooks';

const SAMPLE_MS = 50;
/** Part of the time that an event loop may be busy before it counts as saturated. */
const SATURATED = 0.85;
/** What is held back then leaves it less to do: it counts as saturated until clearly below. */
const RELIEVED = 0.7;

/**
 * Whether a thread has any time left. Accepting a hundred events costs less than delivering them: at full load a server
 * that does not look at it accepts 25,000 a second and delivers none.
 */
export class EventLoopLoad {
  readonly #read: () => EventLoopUtilization;
  #sampled: EventLoopUtilization;
  #sampledAt = performance.now();
  #saturated = false;

  /** `read` answers what the thread's event loop has done since it was started. */
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
