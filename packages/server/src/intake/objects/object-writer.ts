import { PosthornError } from '@posthorn/protocol';
import { BatchWriter } from '../../batching/batch-writer.ts';
import type { Queryable } from '../../store/database.ts';
import { isDataError } from '../../errors/database-error.ts';
import { insertObjects, lockObjects, updateObjects, type ObjectName } from '../../store/objects.ts';
import { MAX_WAIT_MS, type RequestTicket } from '../../batching/request-ticket.ts';
import { unavailable } from '../../errors/store-error.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { CommitAgain, EventCommit, type EventCommitOptions, type Tenants } from '../event-commit.ts';
import { DigestNotes } from '../digests/digest-notes.ts';
import { holdWhileBehind, holdWhileCongested } from '../hold-while-congested.ts';
import { AdmissionQueue } from '../admission-queue.ts';
import { keyOf, nameOf, ObjectBatch } from './object-batch.ts';
import type { ObjectOutcome, ObjectRequest, RefusedGroup } from './object-request.ts';

const MAX_BATCH = 500;
/** Enough for a full next batch. */
const ENOUGH_QUEUED = MAX_BATCH;
/** Limits the memory that a statement with large states takes here and in the database. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/** The weight of an object beside its state. It limits a batch of groups with tiny states to about 2,000 objects. */
const OBJECT_WEIGHT = 4 * 1024;

/** Requests that are applied all or none, with the size of their states in characters. */
interface Group {
  readonly requests: readonly ObjectRequest[];
  readonly weight: number;
}

type GroupOutcome = readonly ObjectOutcome[] | RefusedGroup;

/**
 * Applies object changes. Concurrent requests share a transaction: it locks their objects, computes the changes in
 * order, and stores states and events. The locks serialize requests for the same object across nodes.
 */
export class ObjectWriter {
  readonly #commit: EventCommit;
  readonly #now: () => number;
  readonly #notes: DigestNotes;
  readonly #batches: BatchWriter<Group, GroupOutcome>;
  /** Admits requests with states. */
  readonly admission: AdmissionQueue;

  constructor(options: EventCommitOptions) {
    this.#commit = new EventCommit(options);
    this.#now = options.now;
    this.#notes = new DigestNotes(options.now);
    this.#batches = new BatchWriter({
      write: (groups) => this.#write(groups),
      maxItems: MAX_BATCH,
      maxInFlight: 2,
      eagerItems: 24,
      weigh: ({ requests, weight }) => weight + requests.length * OBJECT_WEIGHT,
      maxWeight: MAX_BATCH_BYTES,
      hold: holdWhileCongested(options.owner),
      flows: { of: organizationOf, hold: holdWhileBehind(options.owner), fullAt: ENOUGH_QUEUED },
      maxWaitMs: MAX_WAIT_MS,
      onTaken: () => this.admission.turn(),
    });
    this.admission = new AdmissionQueue({ isFull: (organization) => this.#batches.isFull(organization) });
  }

  get queued(): number {
    return this.#batches.queued;
  }

  /** Resolves when the request is committed or rejected. */
  async add(request: ObjectRequest, weight: number, ticket?: RequestTicket): Promise<ObjectOutcome | PosthornError> {
    const outcome = await this.#batches.add({ requests: [request], weight }, ticket);
    return 'error' in outcome ? outcome.error : (outcome[0] ?? new PosthornError('internal', 'A change has no outcome.'));
  }

  /** Commits all of the requests in one transaction or none. Resolves when they are committed or one is rejected. */
  addGroup(requests: readonly ObjectRequest[], weight: number): Promise<GroupOutcome> {
    return this.#batches.add({ requests, weight });
  }

  drained(): Promise<void> {
    return this.#batches.drained();
  }

  async #write(groups: readonly Group[]): Promise<GroupOutcome[]> {
    const tenants = new Map<number, Tenant>();
    for (const { requests } of groups) for (const { tenant } of requests) tenants.set(tenant.organization.key, tenant);
    try {
      return await this.#commit.run(tenants.values(), (transaction, current) => this.#apply(transaction, groups, current));
    } catch (error) {
      const refusal = refusalOfOne(error);
      if (refusal) return this.#oneByOne(groups, refusal);
      throw error instanceof PosthornError ? error : unavailable(error);
    }
  }

  /** Retries the groups one by one, so that a rejected one doesn't fail the others. */
  async #oneByOne(groups: readonly Group[], refusal: PosthornError): Promise<GroupOutcome[]> {
    if (groups.length === 1) return [{ error: refusal, index: 0 }];
    const outcomes: GroupOutcome[] = [];
    for (const group of groups) outcomes.push(...(await this.#write([group])));
    return outcomes;
  }

  async #apply(transaction: Queryable, groups: readonly Group[], tenants: Tenants) {
    const names = new Map<string, ObjectName>();
    for (const { requests } of groups) for (const name of requests.map(nameOf)) names.set(keyOf(name), name);
    const batch = new ObjectBatch(await lockObjects(transaction, [...names.values()]), this.#now());
    const result: GroupOutcome[] = [];
    for (const { requests } of groups) {
      const index = requests.findIndex(({ tenant }) => !tenants.has(tenant.organization.key));
      if (index === -1) result.push(await batch.applyGroup(requests));
      else result.push({ error: new PosthornError('organization_not_found', 'The organization was deleted.'), index });
    }
    return { result, events: batch.events, stored: this.#store(transaction, batch) };
  }

  /** Stores the batch. Its statements are sent together with the one that stores the events. */
  async #store(transaction: Queryable, batch: ObjectBatch): Promise<void> {
    const inserted = batch.inserted();
    const updated = batch.updated();
    const [count] = await Promise.all([
      inserted.length > 0 ? insertObjects(transaction, inserted) : 0,
      updated.length > 0 ? updateObjects(transaction, updated) : undefined,
      this.#notes.note(transaction, batch.edits()),
    ]);
    // Another transaction has created one of the objects: the retry will see it.
    if (count < inserted.length) throw new CommitAgain();
  }
}

/** Returns the error to report if a single request made the batch fail; null: the batch failed for another reason. */
function refusalOfOne(error: unknown): PosthornError | null {
  if (error instanceof PosthornError) return error.code === 'internal' ? error : null;
  if (!isDataError(error)) return null;
  return new PosthornError('invalid_state', 'The object contains a value that cannot be stored.', { cause: error });
}

/** All requests of a group are of one organization. */
function organizationOf({ requests }: Group): number {
  return requests[0]?.tenant.organization.key ?? 0;
}
