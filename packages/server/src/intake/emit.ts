import { PosthornError, type FieldError, type JsonObject, type Subject } from '@posthorn/protocol';
import type { Database } from '../store/database.ts';
import { deliveryId } from '../ids/delivery-id.ts';
import type { NewEvent } from '../store/event-log.ts';
import { eventByExternalId } from '../store/event-queries.ts';
import { newTicket, type RequestTicket } from '../batching/request-ticket.ts';
import { newId } from '../ids/uuid-time.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { ResolvedWebhook } from '../tenancy/resolve-webhook.ts';
import { AcceptWriter } from './accept-writer.ts';
import type { AdmissionQueue } from './admission-queue.ts';
import type { LogOwner } from './log-owner.ts';
import { hasOrdered, renderEvent, type EventDraft } from './prepare-event.ts';

/** An event, as the caller sends it. */
export interface EmitInput {
  readonly type: string;
  readonly data: JsonObject;
  readonly scope?: string | undefined;
  readonly subject?: Subject | undefined;
  /** The caller's own id. Further events with the same id are not stored again. */
  readonly id?: string | undefined;
  readonly sender?: JsonObject | undefined;
}

export interface EmitResult {
  readonly id: string;
  /** The number of matching webhooks. */
  readonly deliveries: number;
}

/** An event for one webhook. */
export interface DirectedResult extends EmitResult {
  readonly deliveryId: string;
}

export interface DirectedInput {
  /** Further events with the same id are not stored again. */
  readonly id?: string | undefined;
  readonly type: string;
  readonly data: JsonObject;
  readonly test: boolean;
  readonly sender: JsonObject | null;
}

export interface IntakeOptions {
  readonly database: Database;
  readonly owner: LogOwner;
  readonly now: () => number;
  /** Reads the organization from the database, without caches. null: it was deleted. */
  readonly reload: (organizationKey: number) => Promise<Tenant | null>;
}

/** A rendered event, or the reason for its rejection. */
type Prepared = NewEvent | PosthornError;
type Outcome = EmitResult | PosthornError;
/** Returns the ids of the organization's current webhooks that match an event. */
type Match = (tenant: Tenant, type: string, scope: string | null) => readonly string[];

/** Tries to store an event while its organization's webhooks keep changing. */
const MATCH_TRIES = 8;

/** Accepts events: checks and renders them, matches webhooks, and stores each with its deliveries in one commit. */
export class Intake {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #reload: IntakeOptions['reload'];
  readonly #writer: AcceptWriter;

  constructor({ database, owner, now, reload }: IntakeOptions) {
    this.#database = database;
    this.#now = now;
    this.#reload = reload;
    this.#writer = new AcceptWriter({ database, owner, now });
  }

  /** Admits requests with events before they are parsed. */
  get admission(): AdmissionQueue {
    return this.#writer.admission;
  }

  /**
   * Stores an event and hands it to delivery. Resolves when it is committed.
   * Throws `unknown_event_type`, `invalid_data`, `conflict`, `organization_not_found`, `overloaded`.
   */
  async emit(tenant: Tenant, input: EmitInput, ticket = newTicket()): Promise<EmitResult> {
    const outcome = await this.#storePrepared(await this.#prepare(tenant, input), ticket);
    if (outcome instanceof PosthornError) throw outcome;
    return outcome;
  }

  /** Emits each event. A rejected one doesn't affect the others. Throws `overloaded` if all of them waited too long. */
  async emitBatch(tenant: Tenant, inputs: readonly EmitInput[], ticket = newTicket()): Promise<(EmitResult | PosthornError)[]> {
    // Prepares all events before storing any: if preparing one throws, nothing of the batch is stored.
    const prepared: Prepared[] = [];
    for (const input of inputs) {
      const one = this.#prepare(tenant, input);
      prepared.push(one instanceof Promise ? await one : one);
    }
    return Promise.all(prepared.map((one) => this.#storePrepared(one, ticket)));
  }

  /** Emits an event to a single webhook regardless of its subscription: pings and test events. */
  async emitTo(tenant: Tenant, webhook: ResolvedWebhook, input: DirectedInput): Promise<DirectedResult> {
    const { id, type, data, test, sender } = input;
    const match = (): string[] => [webhook.id];
    const event = { id, type, data, scope: webhook.scope ?? undefined, sender: sender ?? undefined };
    const rendered = this.#render(tenant, event, { test, match });
    const stored = await this.#store(rendered, match);
    if (stored instanceof PosthornError) throw stored;
    // If the caller's id was known already, the stored event has another internal id.
    const first = id === undefined ? null : await eventByExternalId(this.#database, tenant.organization.key, id);
    return { ...stored, deliveryId: deliveryId(first?.id ?? rendered.id, webhook.id) };
  }

  /** Resolves when every received event is stored or rejected. */
  drained(): Promise<void> {
    return this.#writer.drained();
  }

  /** Checks and renders an event. Returns errors instead of throwing: each concerns one event of a batch. */
  #prepare(tenant: Tenant, input: EmitInput): Prepared | Promise<Prepared> {
    const type = tenant.product.eventType(input.type);
    if (!type) return unknownType(tenant, input.type);
    const finish = (errors: readonly FieldError[]): Prepared =>
      errors.length > 0
        ? unfitData(type.name, errors)
        : this.#render(tenant, { ...withContext(tenant, input), type: type.name }, { test: false, match: subscribed });
    const checked = type.check(input.data);
    return checked instanceof Promise ? checked.then(finish) : finish(checked);
  }

  #render(tenant: Tenant, input: EmitInput, { test, match }: { test: boolean; match: Match }): NewEvent {
    const now = this.#now();
    const { type, data, scope = null } = input;
    const draft: EventDraft = {
      id: newId(now),
      time: new Date(now),
      type,
      data,
      scope,
      subject: input.subject ?? null,
      externalId: input.id ?? null,
      sender: input.sender ?? null,
      test,
    };
    return renderEvent(tenant, draft, match(tenant, type, scope));
  }

  #storePrepared(prepared: Prepared, ticket: RequestTicket): Promise<Outcome> {
    return prepared instanceof PosthornError ? Promise.resolve(prepared) : this.#store(prepared, subscribed, ticket);
  }

  #store(event: NewEvent, match: Match, ticket?: RequestTicket): Promise<Outcome> {
    // Not an async function: its state per event during the commit made up 5 % of the garbage.
    return this.#writer.add(event, ticket).then((outcome) => (outcome === 'stale' ? this.#storeAgain(event, match, ticket) : outcome));
  }

  /** Matches and stores the event again: the organization's webhooks have changed since it was matched. */
  async #storeAgain(event: NewEvent, match: Match, ticket?: RequestTicket): Promise<Outcome> {
    for (let tries = 1; tries < MATCH_TRIES; tries++) {
      const current = await this.#reload(event.organizationKey);
      if (!current) return new PosthornError('organization_not_found', 'The organization was deleted.');
      const webhookIds = match(current, event.type, event.scope);
      const ordered = event.subjectId !== null && hasOrdered(current, webhookIds);
      const outcome = await this.#writer.add({ ...event, organizationVersion: current.version, webhookIds, ordered }, ticket);
      if (outcome !== 'stale') return outcome;
    }
    return new PosthornError(
      'overloaded',
      'The organization’s webhooks kept changing while the event was being stored. Retry the request.',
      { retryAfterSeconds: 1 },
    );
  }
}

const subscribed: Match = (tenant, type, scope) => tenant.match(type, scope).map(({ id }) => id);

function unfitData(type: string, errors: readonly FieldError[]): PosthornError {
  return new PosthornError('invalid_data', `The data is not a valid ${type}.`, {
    errors: errors.map((error) => ({ ...error, path: `/data${error.path}` })),
  });
}

/** Fills in scope and subject from the product definition if the caller gave none. */
function withContext({ product }: Tenant, input: EmitInput): EmitInput {
  if (input.scope !== undefined && input.subject !== undefined) return input;
  const { scope, subject } = product.context(input.type, input.data);
  return { ...input, scope: input.scope ?? scope ?? undefined, subject: input.subject ?? subject ?? undefined };
}

function unknownType(tenant: Tenant, type: string): PosthornError {
  const known = [...tenant.product.eventTypes.keys()];
  return new PosthornError('unknown_event_type', `The product ${tenant.product.name} has no event type "${type.slice(0, 100)}".`, {
    errors: [{ path: '/type', rule: 'known', message: `must be one of ${known.slice(0, 50).join(', ')}` }],
  });
}
