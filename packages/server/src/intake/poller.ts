import type { Logger } from 'pino';

export interface PollerOptions {
  /** Does the work that is due. A long run should check whether the poller has `stopped`. */
  readonly poll: () => Promise<void>;
  /** Time from the end of a poll to the next scheduled one. */
  readonly everyMs: number;
  /** Minimum time between the start of a poll and the start of a requested one. Default: 0. */
  readonly apartMs?: number;
  readonly log: Logger;
  /** Logged when a poll fails, unless the poller was stopped. The next poll tries again. */
  readonly errorMessage: string;
}

/** Polls repeatedly. A poll starts only after the one before it has ended. */
export class Poller {
  readonly #options: PollerOptions;
  /** null: not started yet, or a poll is running. */
  #timer: NodeJS.Timeout | null = null;
  #polling: Promise<void> = Promise.resolve();
  #polledAt = -Infinity;
  #woken = false;
  #stopped = false;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  start(): void {
    if (this.#stopped) return;
    const { everyMs, apartMs = 0 } = this.#options;
    const waitMs = this.#woken ? Math.max(0, this.#polledAt + apartMs - performance.now()) : everyMs;
    this.#timer = setTimeout(() => this.#poll(), waitMs);
  }

  /** Polls now instead of at the scheduled time. A running poll may have missed the change: another follows it. */
  wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.start();
  }

  /** Resolves when the running poll has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#polling;
  }

  #poll(): void {
    const { poll, log, errorMessage } = this.#options;
    this.#timer = null;
    this.#woken = false;
    this.#polledAt = performance.now();
    this.#polling = poll()
      .catch((error: unknown) => {
        if (!this.#stopped) log.warn({ err: error }, errorMessage);
      })
      .then(() => this.start());
  }
}
