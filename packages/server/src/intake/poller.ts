import type { Logger } from 'pino';

export interface PollerOptions {
  /** Does what there is to do. Where that takes long, it asks whether the poller has `stopped`. */
  readonly look: () => Promise<void>;
  /** From the end of a look to the next one that nobody asked for. */
  readonly everyMs: number;
  /** Looks that were asked for begin so far apart at least. Default: 0. */
  readonly apartMs?: number;
  readonly log: Logger;
  /** Logged where looking failed, unless it was stopped: it is done again next time. */
  readonly complaint: string;
}

/** Looks again and again, each time after the last look has ended. */
export class Poller {
  readonly #options: PollerOptions;
  /** null: not started yet, or looking. */
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> = Promise.resolve();
  #lookedAt = -Infinity;
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
    const waitMs = this.#woken ? Math.max(0, this.#lookedAt + apartMs - performance.now()) : everyMs;
    this.#timer = setTimeout(() => this.#look(), waitMs);
  }

  /** Looks at once instead of at the next turn; where a look is under way, which may have passed what this is about, again after it. */
  wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.start();
  }

  /** Answers when the look that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#looking;
  }

  #look(): void {
    const { look, log, complaint } = this.#options;
    this.#timer = null;
    this.#woken = false;
    this.#lookedAt = performance.now();
    this.#looking = look()
      .catch((error: unknown) => {
        if (!this.#stopped) log.warn({ err: error }, complaint);
      })
      .then(() => this.start());
  }
}
