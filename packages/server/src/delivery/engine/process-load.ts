import { performance, type EventLoopUtilization } from 'node:perf_hooks';

const SAMPLE_MS = 50;
/** Part of the time that the event loop may be busy before the process counts as saturated. */
const SATURATED = 0.85;

/**
 * Whether this process has any time left. Accepting a hundred events costs less than delivering them: at full load a
 * server that does not look at it accepts 25,000 a second and delivers none.
 */
export class ProcessLoad {
  #sampled: EventLoopUtilization = performance.eventLoopUtilization();
  #sampledAt = performance.now();
  #saturated = false;

  get saturated(): boolean {
    const now = performance.now();
    if (now - this.#sampledAt >= SAMPLE_MS) {
      const current = performance.eventLoopUtilization();
      this.#saturated = performance.eventLoopUtilization(current, this.#sampled).utilization > SATURATED;
      this.#sampled = current;
      this.#sampledAt = now;
    }
    return this.#saturated;
  }
}
