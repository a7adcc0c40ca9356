import { PosthornError, type JsonObject, type Subject } from '@posthorn/protocol';
import { isRolledBack, sqlState, type Database, type Queryable } from '../store/database.ts';
import { appendEvents, type NewEvent } from '../store/event-log.ts';
import { isMissingPartition, makePartitions } from '../store/partitions.ts';
import { newId } from '../store/uuid-time.ts';
import type { Tenant } from '../tenancy/directory.ts';
import { callProduct } from './call-product.ts';
import type { LogOwner } from './log-owner.ts';
import { renderEvent } from './prepare-event.ts';

export interface EventCommitOptions {
  readonly database: Database;
  readonly owner: LogOwner;
  readonly now: () => number;
  /** Reads the organization anew, past every cache; null: it is gone. */
  readonly reload: (organizationKey: number) => Promise<Tenant | null>;
}

/** An event about something that is stored in the same commit. */
export interface CommittedEvent {
  readonly organizationKey: number;
  /** A UUIDv7. Default: a new one. */
  readonly id?: string;
  readonly type: string;
  readonly data: JsonObject;
  readonly scope?: string | null;
  readonly subject: Subject | null;
  readonly sender?: JsonObject | null;
}

/** Organizations as they are known; one that is gone is not in it. */
export type Tenants = ReadonlyMap<number, Tenant>;

export interface CommitPart<Result> {
  readonly result: Result;
  readonly events: readonly CommittedEvent[];
  /** Statements that are under way already, so that they and the events' share a round trip. */
  readonly stored?: Promise<void>;
}

/** Does its part of the transaction and answers what follows from it. It may run again, from the start, after a rollback. */
export type CommitWork<Result> = (transaction: Queryable, tenants: Tenants) => Promise<CommitPart<Result>>;

const TRIES = 8;

/** Everything is rolled back and done again; `keys`: organizations whose webhooks have changed since the events were matched. */
export class CommitAgain extends Error {
  readonly keys: ReadonlySet<number>;

  constructor(keys: ReadonlySet<number> = new Set()) {
    super('The commit is tried again.');
    this.keys = keys;
  }
}

/**
 * Commits a change together with the events that tell of it, and hands these to delivery: neither can be without the other.
 * Events of types that the organization's product does not have are left out.
 */
export class EventCommit {
  readonly #options: EventCommitOptions;

  constructor(options: EventCommitOptions) {
    this.#options = options;
  }

  /** Throws what the work throws, and `overloaded` where it has to be done again too often. */
  async run<Result>(tenants: Iterable<Tenant>, work: CommitWork<Result>): Promise<Result> {
    const current = new Map([...tenants].map((tenant) => [tenant.organization.key, tenant]));
    if (mayOrder(current)) await this.#options.owner.beforeOrdered();
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        return await this.#commit(current, work);
      } catch (error) {
        if (error instanceof CommitAgain) await this.#reload(current, error.keys);
        else if (isMissingPartition(error)) await makePartitions(this.#options.database, this.#options.now());
        else if (!isDeadlock(error)) throw error;
      }
    }
    throw new PosthornError('overloaded', 'What the change depends on keeps changing.', { retryAfterSeconds: 1 });
  }

  async #commit<Result>(tenants: Tenants, work: CommitWork<Result>): Promise<Result> {
    const { database, owner } = this.#options;
    const flush = owner.beginFlush(mayOrder(tenants));
    let claimed: readonly NewEvent[] = [];
    try {
      const { result, xid, stored } = await database.transaction(async (transaction) => {
        const done = await work(transaction, tenants);
        // If rendering fails, nobody else waits for it.
        done.stored?.catch(() => {});
        const events = done.events.flatMap((event) => this.#render(tenants, event) ?? []);
        claimed = events;
        const [appended] = await Promise.all([events.length > 0 ? appendEvents(transaction, events) : null, done.stored]);
        if (appended && appended.staleOrganizations.size > 0) throw new CommitAgain(appended.staleOrganizations);
        return { result: done.result, xid: appended?.xid ?? 0, stored: events };
      });
      flush.committed(xid, stored);
      return result;
    } catch (error) {
      if (error instanceof CommitAgain || error instanceof PosthornError || isRolledBack(error)) flush.rolledBack();
      else flush.unknownOutcome(claimed);
      throw error;
    }
  }

  #render(tenants: Tenants, event: CommittedEvent): NewEvent | null {
    const tenant = tenants.get(event.organizationKey);
    const type = tenant?.product.eventType(event.type);
    if (!tenant || !type) return null;
    const { owner, now } = this.#options;
    const time = now();
    const { scope = null, subject, sender = null, data, id = newId(time) } = event;
    const draft = { id, time: new Date(time), type: type.name, data, scope, subject, externalId: null, sender, test: false };
    const webhookIds = tenant.match(type.name, scope).map((webhook) => webhook.id);
    const rendered = callProduct(() => renderEvent(tenant, draft, webhookIds));
    if (owner.owns(rendered.shard)) rendered.claimedBy = owner.nodeId;
    return rendered;
  }

  async #reload(tenants: Map<number, Tenant>, keys: ReadonlySet<number>): Promise<void> {
    for (const key of keys) {
      const tenant = await this.#options.reload(key);
      if (tenant) tenants.set(key, tenant);
      else tenants.delete(key);
    }
  }
}

/** Whether one of the organizations has a webhook that gets events in order. */
function mayOrder(tenants: Tenants): boolean {
  for (const { webhooks } of tenants.values()) for (const { ordered } of webhooks.values()) if (ordered) return true;
  return false;
}

/** deadlock_detected, serialization_failure. */
function isDeadlock(error: unknown): boolean {
  const code = sqlState(error);
  return code === '40P01' || code === '40001';
}
