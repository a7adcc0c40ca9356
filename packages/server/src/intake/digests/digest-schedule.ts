import type { Logger } from 'pino';
import type { Database } from '../../store/database.ts';
import { dueDigests, type DigestScheduleRow } from '../../store/digests.ts';
import { SHARD_COUNT } from '../../ids/shard.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
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
 * Runs due digests of the organizations whose shards this node owns, one at a time because each may read a lot.
 * The lock on the schedule's row ensures one run per due time, whichever node tries.
 */
export class DigestSchedule {
  readonly #options: DigestScheduleOptions;
  readonly #poller: Poller;

  constructor(options: DigestScheduleOptions) {
    this.#options = options;
    this.#poller = new Poller({
      poll: () => this.#runDue(),
      everyMs: options.pollMs ?? DEFAULT_POLL_MS,
      log: options.log,
      errorMessage: 'Failed to poll for due digests; retrying',
    });
  }

  start(): void {
    this.#poller.start();
  }

  /** Resolves when the current run has ended. */
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

  /** A digest that fails stays due and doesn't block the others. */
  async #runOne({ organization_key: key, digest: name }: DigestScheduleRow): Promise<void> {
    const { digests, find, log } = this.#options;
    try {
      const tenant = await find(key);
      const digest = tenant?.product.digests.byName.get(name);
      if (!tenant || !digest) return;
      const events = await digests.runDue(tenant, digest);
      if (events) log.info({ organization: tenant.organization.id, digest: name, events: events.length }, 'Ran a digest');
    } catch (error) {
      log.error({ err: error, organizationKey: key, digest: name }, 'Failed to run a digest; retrying');
    }
  }
}
