import type { Logger } from 'pino';
import type { Database } from '../../store/database.ts';
import { dueDigests, type DigestScheduleRow } from '../../store/digests.ts';
import { SHARD_COUNT } from '../../store/shard.ts';
import type { Tenant } from '../../tenancy/directory.ts';
import type { LogOwner } from '../log-owner.ts';
import { Poller } from '../poller.ts';
import type { Digests } from './digests.ts';

export interface DigestScheduleOptions {
  readonly database: Database;
  readonly digests: Digests;
  readonly owner: LogOwner;
  readonly find: (organizationKey: number) => Promise<Tenant | null>;
  readonly now: () => number;
  readonly log: Logger;
  readonly pollMs?: number | undefined;
}

const DEFAULT_POLL_MS = 1_000;
const PAGE = 100;

/**
 * Runs the digests of the organizations whose shards this node owns, when they are due; one after the other, because each may
 * read a lot. Which node tries does not matter for how often they run: the schedule's row sees to that.
 */
export class DigestSchedule {
  readonly #options: DigestScheduleOptions;
  readonly #poller: Poller;

  constructor(options: DigestScheduleOptions) {
    this.#options = options;
    this.#poller = new Poller({
      look: () => this.#runDue(),
      everyMs: options.pollMs ?? DEFAULT_POLL_MS,
      log: options.log,
      complaint: 'Looking for due digests failed; it is tried again.',
    });
  }

  start(): void {
    this.#poller.start();
  }

  /** Answers when the run under way has ended. */
  stop(): Promise<void> {
    return this.#poller.stop();
  }

  async #runDue(): Promise<void> {
    const { database, owner, now } = this.#options;
    const shards = Array.from({ length: SHARD_COUNT }, (_, shard) => shard).filter((shard) => owner.owns(shard));
    if (shards.length === 0) return;
    for (const row of await dueDigests(database, { shards, now: new Date(now()), limit: PAGE })) {
      if (this.#poller.stopped) return;
      await this.#runOne(row);
    }
  }

  /** One that fails is due still, and does not hinder the others. */
  async #runOne({ organization_key: key, digest: name }: DigestScheduleRow): Promise<void> {
    const { digests, find, log } = this.#options;
    try {
      const tenant = await find(key);
      const digest = tenant?.product.digests.byName.get(name);
      if (!tenant || !digest) return;
      const events = await digests.runDue(tenant, digest);
      if (events) log.info({ organization: tenant.organization.id, digest: name, events: events.length }, 'A digest has run.');
    } catch (error) {
      log.error({ err: error, organizationKey: key, digest: name }, 'A digest failed; it is tried again.');
    }
  }
}
