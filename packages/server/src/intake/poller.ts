import type { Logger } from 'pino';

export interface PollerOptions {
  /** Does what there is to do. It is asked `isStopped` where it takes long. */
  readonly look: (isStopped: () => boolean) => Promise<void>;
  readonly everyMs: number;
  readonly log: Logger;
  /** Logged where looking failed: it is done again next time. */
  readonly complaint: string;
}

/** Looks again and again, each time after the last look has ended. */
export class Poller {
  readonly #options: PollerOptions;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopped) return;
    const { look, everyMs, log, complaint } = this.#options;
    this.#timer = setTimeout(() => {
      this.#looking = look(() => this.#stopped)
        .catch((error: unknown) => log.warn({ err: error }, complaint))
        .then(() => this.start());
    }, everyMs);
  }

  /** Answers when the look that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#looking;
  }
}
