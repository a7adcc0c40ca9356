import { PosthornError } from '@posthorn/protocol';
import { BatchWriter } from '../../store/batch-writer.ts';
import { isDataError, type Queryable } from '../../store/database.ts';
import { insertObjects, lockObjects, updateObjects, type ObjectName } from '../../store/objects.ts';
import { unavailable } from '../../store/store-error.ts';
import type { Tenant } from '../../tenancy/directory.ts';
import { CommitAgain, EventCommit, type EventCommitOptions, type Tenants } from '../event-commit.ts';
import { DigestNotes } from '../digests/digest-notes.ts';
import { holdWhileCongested } from '../hold-while-congested.ts';
import { Turnstile } from '../turnstile.ts';
import { keyOf, nameOf, ObjectBatch, type ObjectOutcome, type ObjectRequest } from './object-batch.ts';

const MAX_BATCH = 500;
/** The next batch is full. */
const ENOUGH_QUEUED = MAX_BATCH;
/** A statement with 500 large states would take as much memory here and in the database. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/** A request with what its state weighs, in characters. */
interface Weighed {
  readonly request: ObjectRequest;
  readonly weight: number;
}

/**
 * Requests in flight together share a transaction: their objects are locked, the changes worked out one after the other,
 * and states and events stored in one commit. Requests for one object follow one another, on whichever nodes they arrive.
 */
export class ObjectWriter {
  readonly #commit: EventCommit;
  readonly #now: () => number;
  readonly #notes: DigestNotes;
  readonly #batches: BatchWriter<Weighed, ObjectOutcome | PosthornError>;
  /** States come in through it. */
  readonly turnstile: Turnstile;

  constructor(options: EventCommitOptions) {
    this.#commit = new EventCommit(options);
    this.#now = options.now;
    this.#notes = new DigestNotes(options.now);
    this.#batches = new BatchWriter({
      write: (items) => this.#write(items.map(({ request }) => request)),
      maxItems: MAX_BATCH,
      maxInFlight: 2,
      eagerItems: 24,
      weigh: ({ weight }) => weight,
      maxWeight: MAX_BATCH_BYTES,
      hold: holdWhileCongested(options.owner),
      onTaken: () => this.turnstile.turn(),
    });
    this.turnstile = new Turnstile({
      isFull: () => this.#batches.queued >= ENOUGH_QUEUED || this.#batches.queuedWeight >= MAX_BATCH_BYTES,
    });
  }

  get queued(): number {
    return this.#batches.queued;
  }

  /** Answers when it is committed. */
  add(request: ObjectRequest, weight: number): Promise<ObjectOutcome | PosthornError> {
    return this.#batches.add({ request, weight });
  }

  drained(): Promise<void> {
    return this.#batches.drained();
  }

  async #write(requests: readonly ObjectRequest[]): Promise<(ObjectOutcome | PosthornError)[]> {
    const tenants = new Map<number, Tenant>(requests.map(({ tenant }) => [tenant.organization.key, tenant]));
    try {
      return await this.#commit.run(tenants.values(), (transaction, current) => this.#apply(transaction, requests, current));
    } catch (error) {
      if (error instanceof PosthornError) throw error;
      if (!isDataError(error)) throw unavailable(error);
      return this.#oneByOne(requests, error);
    }
  }

  /** Something in the batch cannot be stored for good: the others must not suffer for it. */
  async #oneByOne(requests: readonly ObjectRequest[], error: unknown): Promise<(ObjectOutcome | PosthornError)[]> {
    if (requests.length === 1) {
      return [new PosthornError('invalid_state', 'The object holds something that cannot be stored.', { cause: error })];
    }
    const outcomes: (ObjectOutcome | PosthornError)[] = [];
    for (const request of requests) outcomes.push(...(await this.#write([request])));
    return outcomes;
  }

  async #apply(transaction: Queryable, requests: readonly ObjectRequest[], tenants: Tenants) {
    const names = new Map<string, ObjectName>();
    for (const name of requests.map(nameOf)) names.set(keyOf(name), name);
    const batch = new ObjectBatch(await lockObjects(transaction, [...names.values()]), this.#now());
    const result: (ObjectOutcome | PosthornError)[] = [];
    for (const request of requests) {
      const gone = !tenants.has(request.tenant.organization.key);
      result.push(gone ? new PosthornError('organization_not_found', 'The organization was deleted.') : await batch.apply(request));
    }
    return { result, events: batch.events, stored: this.#store(transaction, batch) };
  }

  /** Its statements go out together with that of the events. */
  async #store(transaction: Queryable, batch: ObjectBatch): Promise<void> {
    const inserted = batch.inserted();
    const updated = batch.updated();
    const [count] = await Promise.all([
      inserted.length > 0 ? insertObjects(transaction, inserted) : 0,
      updated.length > 0 ? updateObjects(transaction, updated) : undefined,
      this.#notes.note(transaction, batch.edits()),
    ]);
    // Made by another transaction meanwhile: next time it is seen.
    if (count < inserted.length) throw new CommitAgain();
  }
}
