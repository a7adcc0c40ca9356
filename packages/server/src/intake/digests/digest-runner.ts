import type { DigestContext, DigestDefinition, Json, JsonObject } from '@posthorn/protocol';
import type { Database, Queryable } from '../../store/database.ts';
import { digestChanges, lockSchedule, markRun, type DigestChangeRow, type DigestScheduleRow } from '../../store/digests.ts';
import { appendEvents, type NewEvent } from '../../store/event-log.ts';
import { objectStates, type ObjectName } from '../../store/object-states.ts';
import { newId } from '../../store/uuid-time.ts';
import type { Tenant } from '../../tenancy/directory.ts';
import type { LogOwner } from '../log-owner.ts';
import { renderEvent, type RenderedEvent } from '../prepare-event.ts';
import { nextDailyRun } from './schedule.ts';
import { splitDigest } from './split-digest.ts';

export interface DigestRunnerOptions {
  readonly database: Database;
  readonly owner: LogOwner;
  readonly now: () => number;
  /** Reads the organization anew, past every cache; null: it is gone. */
  readonly reload: (organizationKey: number) => Promise<Tenant | null>;
}

/** A digest of a product, by name. */
export interface NamedDigest extends DigestDefinition {
  readonly name: string;
}

export interface DigestEvent {
  readonly id: string;
  readonly type: string;
  readonly scope: string | null;
  readonly data: JsonObject;
}

/** Changes read at a time. */
const PAGE = 2_000;
const DEFAULT_MAX_BODY_BYTES = 1024 * 1024;
const MATCH_TRIES = 8;

/** Makes the events of a digest: what changed is read, told and taken away in one commit. */
export class DigestRunner {
  readonly #options: DigestRunnerOptions;

  constructor(options: DigestRunnerOptions) {
    this.#options = options;
  }

  /** What the digest would tell now. Takes nothing away. */
  async preview(tenant: Tenant, digest: NamedDigest): Promise<DigestEvent[]> {
    return this.#options.database.transaction((transaction) => this.#collect(transaction, { tenant, digest, consume: false }));
  }

  /** Tells now what changed, whatever the schedule says, which stays as it is. */
  async runNow(tenant: Tenant, digest: NamedDigest): Promise<DigestEvent[]> {
    return (await this.#run(tenant, digest, () => true)) ?? [];
  }

  /** Runs the digest if it is due and no other node has run it meanwhile. Answers null where it was not due. */
  async runDue(tenant: Tenant, digest: NamedDigest): Promise<DigestEvent[] | null> {
    return this.#run(tenant, digest, (schedule) => schedule.next_run_at.getTime() <= this.#options.now());
  }

  async #run(tenant: Tenant, digest: NamedDigest, wanted: (schedule: DigestScheduleRow) => boolean): Promise<DigestEvent[] | null> {
    let current = tenant;
    for (let tries = 0; tries < MATCH_TRIES; tries++) {
      const outcome = await this.#attempt(current, digest, wanted);
      if (outcome !== 'stale') return outcome;
      const reloaded = await this.#options.reload(tenant.organization.key);
      if (!reloaded) return null;
      current = reloaded;
    }
    throw new Error(`The webhooks of organization ${tenant.organization.id} keep changing; its digest waits.`);
  }

  async #attempt(
    tenant: Tenant,
    digest: NamedDigest,
    wanted: (schedule: DigestScheduleRow) => boolean,
  ): Promise<DigestEvent[] | null | 'stale'> {
    const { database, owner, now } = this.#options;
    const flush = owner.beginFlush();
    try {
      const done = await database.transaction(async (transaction) => {
        const schedule = await lockSchedule(transaction, tenant.organization.key, digest.name);
        if (!schedule || !wanted(schedule)) return null;
        const events = await this.#collect(transaction, { tenant, digest, consume: true });
        const ranAt = now();
        await markRun(transaction, {
          organizationKey: tenant.organization.key,
          digest: digest.name,
          ranAt: new Date(ranAt),
          nextRunAt: new Date(nextRun(digest, schedule, ranAt)),
        });
        const stored = events.map((event) => this.#newEvent(tenant, event));
        if (stored.length === 0) return { xid: 0, stored, events };
        const appended = await appendEvents(transaction, stored);
        if (appended.staleOrganizations.size > 0) throw new StaleMatch();
        return { xid: appended.xid, stored, events };
      });
      flush.committed(done?.xid ?? 0, done?.stored ?? []);
      return done?.events ?? null;
    } catch (error) {
      if (error instanceof StaleMatch) {
        flush.committed(0, []);
        return 'stale';
      }
      flush.failed();
      throw error;
    }
  }

  async #collect(transaction: Queryable, run: { tenant: Tenant; digest: NamedDigest; consume: boolean }): Promise<DigestEvent[]> {
    const { tenant, digest, consume } = run;
    const events: DigestEvent[] = [];
    let scope = '';
    let entries: Json[] = [];
    const finish = async (): Promise<void> => {
      if (entries.length > 0) events.push(...(await this.#compose(transaction, run, { scope, entries })));
      entries = [];
    };
    for (let after = { scope: '', objectId: '' }; ; ) {
      const rows = await digestChanges(transaction, { organizationKey: tenant.organization.key, digest: digest.name, after, limit: PAGE, consume });
      const states = await objectStates(transaction, tenant.organization.key, rows.map((row) => nameOf(digest, row)));
      for (const row of rows) {
        if (row.scope !== scope) await finish();
        scope = row.scope;
        const current = states.get(keyOf(nameOf(digest, row)));
        const entry = current ? digest.entry({ id: row.object_id, original: parseState(row.original), current }) : null;
        if (entry !== null) entries.push(entry);
      }
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) break;
      after = { scope: last.scope, objectId: last.object_id };
    }
    await finish();
    return events;
  }

  async #compose(
    transaction: Queryable,
    run: { tenant: Tenant; digest: NamedDigest },
    told: { scope: string; entries: readonly Json[] },
  ): Promise<DigestEvent[]> {
    const { tenant, digest } = run;
    const context: DigestContext = { scope: told.scope || null, about: await about(transaction, run, told.scope) };
    const parts = splitDigest({
      entries: told.entries,
      data: (entries) => digest.data(context, entries),
      bodyBytes: (data) => this.#render(tenant, { id: newId(), type: digest.event, scope: context.scope, data }).body.length,
      maxBodyBytes: digest.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
    });
    return parts.map((data) => ({ id: newId(), type: digest.event, scope: context.scope, data }));
  }

  #render(tenant: Tenant, event: DigestEvent): RenderedEvent {
    return renderEvent(tenant, {
      ...event,
      time: new Date(this.#options.now()),
      subject: null,
      externalId: null,
      sender: null,
      test: false,
    });
  }

  #newEvent(tenant: Tenant, event: DigestEvent): NewEvent {
    const rendered = this.#render(tenant, event);
    return {
      ...rendered,
      organizationVersion: tenant.version,
      webhookIds: tenant.match(event.type, event.scope).map((webhook) => webhook.id),
      claimedBy: this.#options.owner.owns(rendered.shard) ? this.#options.owner.nodeId : null,
    };
  }
}

class StaleMatch extends Error {}

/** When the digest runs next, by the organization's own time where it has one. */
export function nextRun(digest: NamedDigest, schedule: { at: string | null; time_zone: string | null }, afterMs: number): number {
  return nextDailyRun({ at: schedule.at ?? digest.at, timeZone: schedule.time_zone ?? digest.timeZone }, afterMs);
}

async function about(
  transaction: Queryable,
  { tenant, digest }: { tenant: Tenant; digest: NamedDigest },
  scope: string,
): Promise<DigestContext['about']> {
  const subject = scope === '' ? null : (digest.about?.(scope) ?? null);
  if (!subject) return null;
  const name = { kind: subject.kind, scope: '', id: subject.id };
  const state = (await objectStates(transaction, tenant.organization.key, [name])).get(keyOf(name));
  return state ? { ...subject, state } : null;
}

function nameOf(digest: NamedDigest, row: DigestChangeRow): ObjectName {
  return { kind: digest.kind, scope: row.scope, id: row.object_id };
}

function keyOf(name: ObjectName): string {
  return `${name.kind}\n${name.scope}\n${name.id}`;
}

function parseState(text: string): JsonObject {
  return JSON.parse(text) as JsonObject;
}
