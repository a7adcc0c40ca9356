import type { Logger } from 'pino';

export interface OutageLogOptions {
  readonly log: Logger;
  /** Whether an error comes from a database that cannot be used now. */
  readonly isOutage: (error: unknown) => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface Outage {
  readonly since: number;
  latest: number;
  loggedAt: number;
  /** How often each message was left out. */
  readonly messages: Map<string, number>;
}

/** An outage has ended when something succeeds and nothing has failed for so long. */
const QUIET_MS = 5_000;
const SUMMARY_MS = 30_000;
const MAX_MESSAGES = 50;

/**
 * Logs an outage of the database in a few lines: when it begins, a summary every 30 seconds, when it has ended. What else is
 * logged because of it is counted, and written at level debug. An outage of ten seconds took 120 lines with their stacks.
 */
export class OutageLog {
  /** As the log it was made with, except for lines about an outage. */
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
      const text = 'The database cannot be used. Until it answers again, requests get 503, and failures are counted in a summary.';
      this.#options.log.error({ err: error }, text);
    }
  }

  succeeded(): void {
    const outage = this.#outage;
    if (outage === null || Math.abs(this.#options.now() - outage.latest) < QUIET_MS) return;
    this.#outage = null;
    this.#options.log.info(summary(outage, outage.latest), 'The database answers again.');
  }

  #leaveOut(message: string): void {
    const outage = this.#outage;
    if (!outage) return;
    const { messages } = outage;
    if (messages.has(message) || messages.size < MAX_MESSAGES) messages.set(message, (messages.get(message) ?? 0) + 1);
    const now = this.#options.now();
    if (Math.abs(now - outage.loggedAt) < SUMMARY_MS) return;
    outage.loggedAt = now;
    this.#options.log.warn(summary(outage, now), 'The database still cannot be used.');
  }

  /** Loggers take what they lack from their prototype: so do the children of pino. */
  #quiet(log: Logger): Logger {
    const quiet = Object.create(log) as Logger;
    for (const level of ['warn', 'error'] as const) {
      quiet[level] = (details: unknown, ...rest: [message?: string, ...values: unknown[]]): void => {
        const error = typeof details === 'object' && details !== null && 'err' in details ? details.err : null;
        if (error === null || !this.#options.isOutage(error)) return log[level](details, ...rest);
        this.failed(error);
        this.#leaveOut(String(rest[0]));
        log.debug(details, ...rest);
      };
    }
    return quiet;
  }
}

function summary({ since, messages }: Outage, until: number): object {
  return { seconds: Math.round((until - since) / 1_000), leftOut: Object.fromEntries(messages) };
}
