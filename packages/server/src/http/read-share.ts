import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether the request holds a part of its organization's share of the reads. */
    reads: boolean;
  }
}

/** A third of the read pool's connections, so that an organization that reads all day leaves some for the others. */
const MOST_AT_ONCE = 2;
const MOST_WAITING = 100;
const WAIT_MS = 2_000;

interface Share {
  reading: number;
  readonly waiting: Set<() => void>;
}

/** Limits how many reads each organization runs at once. Further reads wait, in order, for a bounded time. */
export class ReadShares {
  readonly #shares = new Map<number, Share>();

  /** Resolves when the organization may read. Throws `query_timeout`. */
  async enter(organizationKey: number): Promise<void> {
    const share = this.#shares.get(organizationKey) ?? { reading: 0, waiting: new Set() };
    this.#shares.set(organizationKey, share);
    if (share.reading < MOST_AT_ONCE) return void share.reading++;
    if (share.waiting.size >= MOST_WAITING) throw tooManyReads();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    share.waiting.add(resolve);
    const timer = setTimeout(() => {
      share.waiting.delete(resolve);
      reject(tooManyReads());
    }, WAIT_MS);
    await promise;
    clearTimeout(timer);
  }

  /** Must be called once for each `enter`. The read that has waited longest runs next. */
  leave(organizationKey: number): void {
    const share = this.#shares.get(organizationKey);
    if (!share) return;
    const [next] = share.waiting;
    if (next) {
      share.waiting.delete(next);
      next();
    } else if (--share.reading === 0) this.#shares.delete(organizationKey);
  }
}

/** Makes every read of an organization take a part of its share until its response is sent. */
export function shareReads(app: FastifyInstance, shares = new ReadShares()): void {
  app.decorateRequest('reads', false);
  app.addHook('preHandler', async (request) => {
    const { method, tenant } = request;
    if ((method !== 'GET' && method !== 'HEAD') || !tenant) return;
    await shares.enter(tenant.organization.key);
    request.reads = true;
  });
  // Not onResponse: that runs early if the client disconnects, and late if it reads the response slowly.
  app.addHook('onSend', async (request) => {
    if (!request.reads) return;
    request.reads = false;
    shares.leave(request.tenant.organization.key);
  });
}

function tooManyReads(): PosthornError {
  return new PosthornError(
    'query_timeout',
    `The organization already has ${MOST_AT_ONCE} reads in progress. Read one page after another.`,
    { retryAfterSeconds: 1 },
  );
}
