import type { Digest } from '../../catalog/load-digests.ts';
import { ensureSchedules, noteDigestChanges, type NewSchedule, type NotedChange } from '../../store/digests.ts';
import type { Queryable } from '../../store/database.ts';
import { shardOf } from '../../ids/shard.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { ObjectEdit } from '../objects/object-batch.ts';
import { dailyTime, nextDailyRun, type DailyTime } from './schedule.ts';

/** Records the previous states of changed objects, in the same transaction, for the digests of their kind. */
export class DigestNotes {
  readonly #now: () => number;
  /** Caches the next run of each time of day: every batch needs it, and it changes once a day. */
  readonly #next = new Map<string, { readonly from: number; readonly at: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Skips new objects: they have no previous state. */
  async note(transaction: Queryable, edits: readonly ObjectEdit[]): Promise<void> {
    const changes: NotedChange[] = [];
    const schedules = new Map<string, NewSchedule>();
    for (const { request, before, scopeKey } of edits) {
      if (before === null) continue;
      const { tenant, kind, id } = request;
      const organizationKey = tenant.organization.key;
      for (const digest of tenant.product.digests.ofKind(kind.name)) {
        changes.push({ organizationKey, digest: digest.name, scopeKey, objectId: id, original: JSON.stringify(before) });
        schedules.set(`${organizationKey} ${digest.name}`, this.#schedule(tenant, digest));
      }
    }
    if (changes.length === 0) return;
    await Promise.all([ensureSchedules(transaction, [...schedules.values()]), noteDigestChanges(transaction, changes)]);
  }

  #schedule({ organization }: Tenant, digest: Digest): NewSchedule {
    const nextRunAt = new Date(this.#nextRun(dailyTime(digest, organization, null)));
    return { organizationKey: organization.key, digest: digest.name, shard: shardOf(organization.key), nextRunAt };
  }

  #nextRun(time: DailyTime): number {
    const key = `${time.at} ${time.timeZone}`;
    const now = this.#now();
    const known = this.#next.get(key);
    if (known && known.from <= now && now < known.at) return known.at;
    const at = nextDailyRun(time, now);
    this.#next.set(key, { from: now, at });
    return at;
  }
}
