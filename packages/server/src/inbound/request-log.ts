import type { Logger } from 'pino';
import { BatchWriter } from '../batching/batch-writer.ts';
import type { Database } from '../store/database.ts';
import { insertInboundRequests, type InboundRequest } from '../store/inbound-log.ts';
import { RateLimiter } from '../network/rate-limiter.ts';

/** Rejected requests logged per target, so that a flood of wrong keys doesn't fill the log. */
const REFUSED_RATE = { perSecond: 5, burst: 100 };
const MAX_WAITING = 10_000;

/** Logs the requests to inbound URLs in the background: logging neither delays a post nor makes it fail. */
export class RequestLog {
  readonly #batches: BatchWriter<InboundRequest, true>;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #now: () => number;
  readonly #refused = new RateLimiter(REFUSED_RATE);

  constructor({ database, log, now }: { database: Database; log: Pick<Logger, 'warn'>; now: () => number }) {
    this.#log = log;
    this.#now = now;
    this.#batches = new BatchWriter({
      async write(requests) {
        await insertInboundRequests(database, requests);
        return requests.map(() => true as const);
      },
      maxItems: 500,
      maxInFlight: 1,
      eagerItems: 500,
      lingerMs: 20,
    });
  }

  /** Logs a request with the next batch. */
  add(request: InboundRequest): void {
    if (this.#batches.queued >= MAX_WAITING) return;
    this.#batches.add(request).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'Failed to log inbound requests');
    });
  }

  /** Like `add`, but rate limited, for requests that anybody can send in any number. */
  addLimited(request: InboundRequest): void {
    if (this.#refused.take(String(request.targetKey), this.#now()) === 0) this.add(request);
  }

  drained(): Promise<void> {
    return this.#batches.drained();
  }
}
