import { PosthornError } from '@posthorn/protocol';
import { BatchWriter } from '../batching/batch-writer.ts';
import type { Database } from '../store/database.ts';
import { isDataError, isRolledBack } from '../errors/database-error.ts';
import { appendEvents, firstAnswers, type AppendResult, type NewEvent } from '../store/event-log.ts';
import { isMissingPartition, makePartitions } from '../store/partitions.ts';
import { MAX_WAIT_MS, type RequestTicket } from '../batching/request-ticket.ts';
import { unavailable } from '../errors/store-error.ts';
import { holdWhileBehind, holdWhileCongested } from './hold-while-congested.ts';
import { eventsWithIdsInUse, idInUse } from './ids-in-use.ts';
import type { LogOwner } from './log-owner.ts';
import { OrderedAppends } from './ordered-appends.ts';
import { AdmissionQueue } from './admission-queue.ts';

/** Stored (for a known id, the first result), `stale` if the webhooks have changed since matching, or an error. */
export type AcceptOutcome = { readonly id: string; readonly deliveries: number } | 'stale' | PosthornError;

const MAX_BATCH = 500;
/** Enough for a full next batch. */
const ENOUGH_QUEUED = MAX_BATCH;
/** Limits the memory that a statement with large events takes here and in the database. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
/** The weight that each webhook adds to an event. With 1,000 webhooks, four events fill a batch (about 10 ms). */
const DELIVERY_WEIGHT = 2_000;

/**
 * Stores accepted events. Concurrent requests share a statement; after its commit, delivery gets the events in memory.
 */
export class AcceptWriter {
  readonly #database: Database;
  readonly #owner: LogOwner;
  readonly #now: () => number;
  readonly #batches: BatchWriter<NewEvent, AcceptOutcome>;
  readonly #ordered = new OrderedAppends();
  /** Admits requests with events. */
  readonly admission: AdmissionQueue;

  constructor(options: { database: Database; owner: LogOwner; now: () => number }) {
    this.#now = options.now;
    this.#database = options.database;
    this.#owner = options.owner;
    this.#batches = new BatchWriter({
      write: (events) => this.#write(events),
      maxItems: MAX_BATCH,
      maxInFlight: 2,
      eagerItems: MAX_BATCH / 2,
      weigh: weightOf,
      maxWeight: MAX_BATCH_BYTES,
      hold: holdWhileCongested(options.owner),
      flows: { of: (event) => event.organizationKey, hold: holdWhileBehind(options.owner), fullAt: ENOUGH_QUEUED },
      maxWaitMs: MAX_WAIT_MS,
      onTaken: () => this.admission.turn(),
    });
    this.admission = new AdmissionQueue({ isFull: (organization) => this.#batches.isFull(organization) });
  }

  /**
   * Rejects with `overloaded` if the event's request waits too long; then nothing of the request is stored.
   * Resolves with `overloaded` if too many events of the organization wait for room in memory.
   */
  add(event: NewEvent, ticket?: RequestTicket): Promise<AcceptOutcome> {
    if (this.#owner.isFull(event.organizationKey)) return Promise.resolve(tooManyWait());
    const ready = event.ordered ? this.#owner.beforeOrdered() : null;
    return ready ? ready.then(() => this.#batches.add(event, ticket)) : this.#batches.add(event, ticket);
  }

  drained(): Promise<void> {
    return this.#batches.drained();
  }

  #write(events: NewEvent[]): Promise<AcceptOutcome[]> {
    return this.#ordered.run(events, () => this.#appendNew(events));
  }

  /** Rejects events whose own id is another event's id, and appends the others. */
  async #appendNew(events: readonly NewEvent[]): Promise<AcceptOutcome[]> {
    const refused = await this.#idsInUse(events);
    const others = events.filter((event) => !refused.has(event));
    const outcomes = others.length > 0 ? await this.#append(others) : [];
    if (refused.size === 0) return outcomes;
    const byEvent = new Map(others.map((event, index) => [event, outcomes[index] ?? idInUse()]));
    return events.map((event) => byEvent.get(event) ?? idInUse());
  }

  async #idsInUse(events: readonly NewEvent[]): Promise<ReadonlySet<NewEvent>> {
    try {
      return await eventsWithIdsInUse(this.#database, events);
    } catch (error) {
      throw unavailable(error);
    }
  }

  async #append(events: readonly NewEvent[]): Promise<AcceptOutcome[]> {
    for (const event of events) event.claimedBy = this.#owner.owns(event.shard) ? this.#owner.nodeId : null;
    const { first, repeated } = withoutRepeats(events);
    const flush = this.#owner.beginFlush(first.some(({ ordered }) => ordered));
    let result: AppendResult;
    try {
      result = await this.#insert(first);
    } catch (error) {
      if (isRolledBack(error)) flush.rolledBack();
      else flush.unknownOutcome(first);
      if (isDataError(error)) return this.#oneByOne(events, error);
      throw unavailable(error);
    }
    const stored = first.filter((event) => isStored(event, result));
    flush.committed(result.xid, stored);
    if (stored.length === events.length) return events.map(answer);
    return this.#answers({ events, result, repeated });
  }

  /** Retries the events one by one, so that an event that can't be stored doesn't fail the others. */
  async #oneByOne(events: readonly NewEvent[], error: unknown): Promise<AcceptOutcome[]> {
    if (events.length === 1)
      return [new PosthornError('invalid_data', 'The event contains a value that cannot be stored.', { cause: error })];
    const outcomes: AcceptOutcome[] = [];
    for (const event of events) outcomes.push(...(await this.#append([event])));
    return outcomes;
  }

  async #insert(events: readonly NewEvent[]): Promise<AppendResult> {
    try {
      return await appendEvents(this.#database, events);
    } catch (error) {
      // The clock jumped past the partitions created ahead, for example after days of sleep: create today's.
      if (!isMissingPartition(error)) throw error;
      await makePartitions(this.#database, this.#now());
      return appendEvents(this.#database, events);
    }
  }

  /** The slow path: some events were stale or had a known id. */
  async #answers(batch: { events: readonly NewEvent[]; result: AppendResult; repeated: ReadonlySet<NewEvent> }): Promise<AcceptOutcome[]> {
    const { events, result, repeated } = batch;
    const isKnown = (event: NewEvent): boolean =>
      !result.staleOrganizations.has(event.organizationKey) && (repeated.has(event) || !isStored(event, result));
    const asked = events.filter(isKnown).map((event) => ({ organizationKey: event.organizationKey, externalId: event.externalId ?? '' }));
    const known = new Map<string, AcceptOutcome>();
    for (const row of asked.length > 0 ? await firstAnswers(this.#database, asked) : []) {
      known.set(`${row.organization_key} ${row.external_id}`, { id: row.external_id, deliveries: row.deliveries ?? 0 });
    }
    return events.map((event) => {
      if (result.staleOrganizations.has(event.organizationKey)) return 'stale';
      if (!isKnown(event)) return answer(event);
      // The event with this id expired between the two statements: the id may be used again.
      return known.get(`${event.organizationKey} ${event.externalId}`) ?? 'stale';
    });
  }
}

function tooManyWait(): PosthornError {
  return new PosthornError(
    'overloaded',
    'Too many events of this organization are waiting to be delivered. Retry later, or send more slowly.',
    {
      retryAfterSeconds: 5,
    },
  );
}

/** An event's weight in a batch, in bytes: a tiny event for 1,000 webhooks is as much work as one of megabytes. */
function weightOf({ body, data, webhookIds }: NewEvent): number {
  return body.length + (data?.length ?? 0) + webhookIds.length * DELIVERY_WEIGHT;
}

function answer(event: NewEvent): AcceptOutcome {
  return { id: event.externalId ?? event.id, deliveries: event.webhookIds.length };
}

function isStored(event: NewEvent, result: AppendResult): boolean {
  if (result.staleOrganizations.has(event.organizationKey)) return false;
  return event.externalId === null || result.fresh.has(event.id);
}

/** Separates events whose id occurs earlier in the batch: the first is stored, the others get its result. */
function withoutRepeats(events: readonly NewEvent[]): { first: readonly NewEvent[]; repeated: ReadonlySet<NewEvent> } {
  if (!events.some((event) => event.externalId !== null)) return { first: events, repeated: new Set() };
  const seen = new Set<string>();
  const repeated = new Set<NewEvent>();
  for (const event of events) {
    if (event.externalId === null) continue;
    const name = `${event.organizationKey} ${event.externalId}`;
    if (seen.has(name)) repeated.add(event);
    seen.add(name);
  }
  return { first: events.filter((event) => !repeated.has(event)), repeated };
}
