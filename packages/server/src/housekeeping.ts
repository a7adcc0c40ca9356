import type { Logger } from 'pino';
import type { Database } from './store/database.ts';
import { dropPartitions, makePartitions } from './store/partitions.ts';

export interface HousekeepingOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => number;
  readonly retentionDays: number;
  /** Further tasks of each round. */
  readonly also: readonly (() => Promise<unknown>)[];
}

const EVERY_MS = 600_000;

/** Creates partitions ahead and drops expired ones, now and every ten minutes. Returns a function that stops it. */
export async function startHousekeeping(options: HousekeepingOptions): Promise<() => Promise<void>> {
  const { database, log, now, retentionDays, also } = options;
  await makePartitions(database, now());
  const round = async (): Promise<void> => {
    try {
      await makePartitions(database, now());
      const dropped = await dropPartitions(database, { nowMs: now(), retentionDays });
      if (dropped.length > 0) log.info({ dropped }, 'Dropped expired partitions');
      for (const task of also) await task();
    } catch (error) {
      log.warn({ err: error }, 'Housekeeping failed; retrying');
    }
  };
  let running = round();
  const timer = setInterval(() => {
    running = running.then(round);
  }, EVERY_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
