import { PosthornError } from '@posthorn/protocol';
import type { Digest } from '../../catalog/load-digests.ts';
import type { AlsoCommit, Database, Queryable } from '../../store/database.ts';
import { ensureSchedules, lockSchedule, schedulesOf, updateSchedule, type DigestScheduleRow } from '../../store/digests.ts';
import { shardOf } from '../../ids/shard.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { EventCommit, type EventCommitOptions } from '../event-commit.ts';
import { BEGINNING, readDigest, type DigestEvent, type DigestPosition } from './digest-runner.ts';
import { dailyTime, localDate, nextDailyRun } from './schedule.ts';

/** An organization's digest with its schedule. */
export interface ShownDigest {
  readonly digest: Digest;
  readonly at: string;
  readonly timeZone: string;
  readonly nextRunAt: Date;
  /** null: it has not run yet. */
  readonly lastRunAt: Date | null;
}

/** An organization's own time for a digest. null: the product's default; undefined: unchanged. */
export interface DigestTimes {
  readonly at?: string | null | undefined;
  readonly timeZone?: string | null | undefined;
}

/** The progress of a run. */
export interface DigestProgress {
  readonly events: readonly DigestEvent[];
  readonly ended: boolean;
}

/** A run requested by a caller. */
export interface AskedRun {
  /** Events that an earlier attempt of this run committed. */
  readonly before: readonly DigestEvent[];
  /** Called in the transaction of each part. */
  readonly also: AlsoCommit<DigestProgress>;
}

interface Run {
  readonly wanted: Wanted;
  /** When the digest runs next. */
  readonly next: (row: DigestScheduleRow) => Date;
  readonly asked?: AskedRun;
}

/** Decides whether to run, with the schedule locked. */
type Wanted = (schedule: DigestScheduleRow) => boolean;

/** Lists, updates, previews and runs the digests of organizations. */
export class Digests {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #commit: EventCommit;

  constructor(options: EventCommitOptions) {
    this.#database = options.database;
    this.#now = options.now;
    this.#commit = new EventCommit(options);
  }

  async list(tenant: Tenant): Promise<ShownDigest[]> {
    const rows = new Map((await schedulesOf(this.#database, tenant.organization.key)).map((row) => [row.digest, row]));
    return [...tenant.product.digests.byName.values()].map((digest) => this.#shown(tenant, digest, rows.get(digest.name) ?? null));
  }

  /** Sets the organization's own time for a digest. Throws `not_found`. */
  async update(tenant: Tenant, name: string, times: DigestTimes): Promise<ShownDigest> {
    const digest = digestOf(tenant, name);
    return this.#database.transaction(async (transaction) => {
      const row = await this.#lock(transaction, tenant, digest);
      const { at = row.at, timeZone = row.time_zone } = times;
      const changed = this.#rescheduled(tenant, digest, { ...row, at, time_zone: timeZone });
      await updateSchedule(transaction, changed);
      return this.#shown(tenant, digest, changed);
    });
  }

  /** Reschedules the organization's digests after a change of its time zone. */
  async timeZoneChanged(tenant: Tenant): Promise<void> {
    for (const digest of tenant.product.digests.byName.values()) await this.update(tenant, digest.name, {});
  }

  /** Returns the events that the digest would send now, without changing anything. Throws `not_found`. */
  async preview(tenant: Tenant, name: string): Promise<readonly DigestEvent[]> {
    const digest = digestOf(tenant, name);
    const events: DigestEvent[] = [];
    for (let from: DigestPosition | null = BEGINNING; from !== null;) {
      const part = await readDigest(this.#database, { tenant, digest, take: false, from, now: this.#now() });
      events.push(...part.events);
      from = part.next;
    }
    return events;
  }

  /** Runs the digest now. The schedule doesn't change. Throws `not_found`. */
  async runNow(tenant: Tenant, name: string, asked: AskedRun): Promise<readonly DigestEvent[]> {
    const digest = digestOf(tenant, name);
    return (await this.#run(tenant, digest, { wanted: () => true, next: (row) => row.next_run_at, asked })) ?? [];
  }

  /** Runs the digest if it is due and no other node has run it. Returns null if it was not due. */
  async runDue(tenant: Tenant, digest: Digest): Promise<readonly DigestEvent[] | null> {
    const isDue: Wanted = (row) => row.next_run_at.getTime() <= this.#now();
    const next = (row: DigestScheduleRow): Date => new Date(nextDailyRun(dailyTime(digest, tenant.organization, row), this.#now()));
    return this.#run(tenant, digest, { wanted: isDue, next });
  }

  /**
   * Commits part by part. The schedule advances with the last part, so that a run interrupted by a crash is resumed.
   */
  async #run(tenant: Tenant, digest: Digest, { wanted, next, asked }: Run): Promise<readonly DigestEvent[] | null> {
    const events: DigestEvent[] = [...(asked?.before ?? [])];
    for (let from: DigestPosition | null = BEGINNING; from !== null;) {
      const start: DigestPosition = from;
      const part = await this.#commit.run([tenant], async (transaction) => {
        const row = await this.#lock(transaction, tenant, digest);
        if (!wanted(row)) return { result: null, events: [] };
        const now = this.#now();
        const read = await readDigest(transaction, { tenant, digest, take: true, from: start, now });
        if (read.next === null) await updateSchedule(transaction, { ...row, last_run_at: new Date(now), next_run_at: next(row) });
        await asked?.also(transaction, { events: [...events, ...read.events], ended: read.next === null });
        const organizationKey = tenant.organization.key;
        return { result: read, events: read.events.map((event) => ({ ...event, organizationKey, subject: null })) };
      });
      if (part === null) return from === BEGINNING ? null : events;
      events.push(...part.events);
      from = part.next;
    }
    return events;
  }

  async #lock(transaction: Queryable, tenant: Tenant, digest: Digest): Promise<DigestScheduleRow> {
    const { organization } = tenant;
    const known = await lockSchedule(transaction, organization.key, digest.name);
    if (known) return known;
    const nextRunAt = new Date(nextDailyRun(dailyTime(digest, organization, null), this.#now()));
    await ensureSchedules(transaction, [
      { organizationKey: organization.key, digest: digest.name, shard: shardOf(organization.key), nextRunAt },
    ]);
    const made = await lockSchedule(transaction, organization.key, digest.name);
    if (!made) throw new PosthornError('organization_not_found', 'The organization was deleted.');
    return made;
  }

  /** Ensures one run per calendar day after a change of time: a day that had its run is skipped. */
  #rescheduled({ organization }: Tenant, digest: Digest, row: DigestScheduleRow): DigestScheduleRow {
    const time = dailyTime(digest, organization, row);
    const next = nextDailyRun(time, this.#now());
    const ranToday = row.last_run_at !== null && localDate(row.last_run_at.getTime(), time.timeZone) === localDate(next, time.timeZone);
    return { ...row, next_run_at: new Date(ranToday ? nextDailyRun(time, next) : next) };
  }

  #shown({ organization }: Tenant, digest: Digest, row: DigestScheduleRow | null): ShownDigest {
    const time = dailyTime(digest, organization, row);
    return {
      digest,
      ...time,
      nextRunAt: row?.next_run_at ?? new Date(nextDailyRun(time, this.#now())),
      lastRunAt: row?.last_run_at ?? null,
    };
  }
}

function digestOf({ product }: Tenant, name: string): Digest {
  const digest = product.digests.byName.get(name);
  if (digest) return digest;
  const known = [...product.digests.byName.keys()].join(', ');
  throw new PosthornError(
    'not_found',
    known === '' ? `The product ${product.name} has no digests.` : `There is no such digest. The product has: ${known}.`,
  );
}
