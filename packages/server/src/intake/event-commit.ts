import { PosthornError, type JsonObject, type Subject } from '@posthorn/protocol';
import type { Database, Queryable } from '../store/database.ts';
import { isRolledBack, sqlState } from '../errors/database-error.ts';
import { appendEvents, type NewEvent } from '../store/event-log.ts';
import { isMissingPartition, makePartitions } from '../store/partitions.ts';
import { newId } from '../ids/uuid-time.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { callProduct } from './call-product.ts';
import type { LogOwner } from './log-owner.ts';
import { renderEvent } from './prepare-event.ts';

export interface EventCommitOptions {
  readonly database: Database;
  readonly owner: LogOwner;
  readonly now: () => number;
  /** Reads the organization from the database, without caches. null: it was deleted. */
  readonly reload: (organizationKey: number) => Promise<Tenant | null>;
}

/** An event that is stored in the same commit as the change it describes. */
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

/** Current organizations by key, without deleted ones. */
export type Tenants = ReadonlyMap<number, Tenant>;

export interface CommitPart<Result> {
  readonly result: Result;
  readonly events: readonly CommittedEvent[];
  /** Statements already sent, so that they share a round trip with the one that stores the events. */
  readonly stored?: Promise<void>;
}

/** Makes a change in the transaction and returns its result and events. It may run again after a rollback. */
export type CommitWork<Result> = (transaction: Queryable, tenants: Tenants) => Promise<CommitPart<Result>>;

const TRIES = 8;

/** Rolls back and retries the commit. `keys`: organizations whose webhooks have changed since matching. */
export class CommitAgain extends Error {
  readonly keys: ReadonlySet<number>;

  constructor(keys: ReadonlySet<number> = new Set()) {
    super('The commit will be retried.');
    this.keys = keys;
  }
}

/**
 * Commits a change and the events that describe it in one transaction, then hands the events to delivery.
 * Events whose type the organization's product doesn't define are dropped.
 */
export class EventCommit {
  readonly #options: EventCommitOptions;

  constructor(options: EventCommitOptions) {
    this.#options = options;
  }

  /** Throws the errors of `work`, and `overloaded` after too many retries. */
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
    throw new PosthornError('overloaded', 'Concurrent changes kept this change from being stored. Retry the request.', {
      retryAfterSeconds: 1,
    });
  }

  async #commit<Result>(tenants: Tenants, work: CommitWork<Result>): Promise<Result> {
    const { database, owner } = this.#options;
    const flush = owner.beginFlush(mayOrder(tenants));
    let claimed: readonly NewEvent[] = [];
    try {
      const { result, xid, stored } = await database.transaction(async (transaction) => {
        const done = await work(transaction, tenants);
        // Prevents an unhandled rejection: if rendering fails, nothing awaits this promise.
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

/** Whether one of the organizations has a webhook with ordered delivery. */
function mayOrder(tenants: Tenants): boolean {
  for (const { webhooks } of tenants.values()) for (const { ordered } of webhooks.values()) if (ordered) return true;
  return false;
}

/** deadlock_detected, serialization_failure. */
function isDeadlock(error: unknown): boolean {
  const code = sqlState(error);
  return code === '40P01' || code === '40001';
}
