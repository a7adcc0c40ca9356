import type { Logger } from 'pino';

export interface OutageLogOptions {
  readonly log: Logger;
  /** Whether an error means that the database is unavailable. */
  readonly isOutage: (error: unknown) => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface Outage {
  readonly since: number;
  latest: number;
  loggedAt: number;
  /** How often each message was suppressed. */
  readonly messages: Map<string, number>;
}

/** An outage has ended when a statement succeeds and none has failed for this time. */
const QUIET_MS = 5_000;
const SUMMARY_MS = 30_000;
const MAX_MESSAGES = 50;

/**
 * Logs a database outage in a few lines: at its start, every 30 seconds, and at its end. Other lines that it causes are
 * counted and logged at level debug. Without this, an outage of ten seconds took 120 lines with stack traces.
 */
export class OutageLog {
  /** Wraps the given log and suppresses lines caused by an outage. */
  readonly log: Logger;
  readonly #options: OutageLogOptions;
  #outage: Outage | null = null;

  constructor(options: OutageLogOptions) {
    this.#options = options;
    this.log = this.#quiet(options.log);
  }

  failed(error: unknown): void {
    const now = this.#options.now();
    if (this.#outage) this.#outage.latest = now;
    else {
      this.#outage = { since: now, latest: now, loggedAt: now, messages: new Map() };
      const text = 'The database is unavailable; requests get 503 until it recovers, and failures are counted in a summary';
      this.#options.log.error({ err: error }, text);
    }
  }

  succeeded(): void {
    const outage = this.#outage;
    if (outage === null || Math.abs(this.#options.now() - outage.latest) < QUIET_MS) return;
    this.#outage = null;
    this.#options.log.info(summary(outage, outage.latest), 'The database is available again');
  }

  #suppress(message: string): void {
    const outage = this.#outage;
    if (!outage) return;
    const { messages } = outage;
    if (messages.has(message) || messages.size < MAX_MESSAGES) messages.set(message, (messages.get(message) ?? 0) + 1);
    const now = this.#options.now();
    if (Math.abs(now - outage.loggedAt) < SUMMARY_MS) return;
    outage.loggedAt = now;
    this.#options.log.warn(summary(outage, now), 'The database is still unavailable');
  }

  /** Pino's child loggers inherit from their parent as prototype, so the overrides apply to them too. */
  #quiet(log: Logger): Logger {
    const quiet = Object.create(log) as Logger;
    for (const level of ['warn', 'error'] as const) {
      quiet[level] = (details: unknown, ...rest: [message?: string, ...values: unknown[]]): void => {
        const error = typeof details === 'object' && details !== null && 'err' in details ? details.err : null;
        if (error === null || !this.#options.isOutage(error)) return log[level](details, ...rest);
        this.failed(error);
        this.#suppress(String(rest[0]));
        log.debug(details, ...rest);
      };
    }
    return quiet;
  }
}

function summary({ since, messages }: Outage, until: number): object {
  return { seconds: Math.round((until - since) / 1_000), leftOut: Object.fromEntries(messages) };
}
