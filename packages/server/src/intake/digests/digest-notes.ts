import type { Digest } from '../../catalog/load-digests.ts';
import { ensureSchedules, noteDigestChanges, type NewSchedule, type NotedChange } from '../../store/digests.ts';
import type { Queryable } from '../../store/database.ts';
import { shardOf } from '../../store/shard.ts';
import type { Tenant } from '../../tenancy/directory.ts';
import type { ObjectEdit } from '../objects/object-batch.ts';
import { dailyTime, nextDailyRun, type DailyTime } from './schedule.ts';

/** Notes, in the transaction that changes objects, what they were, for the digests that watch their kind. */
export class DigestNotes {
  readonly #now: () => number;
  /** The next run of a time of day: asked for with every batch, it changes once a day. */
  readonly #next = new Map<string, { readonly from: number; readonly at: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A new object notes nothing: it is what its later changes are compared with. */
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
